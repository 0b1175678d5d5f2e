// SPDX-License-Identifier: Apache-2.0
// kptr_types.h — what kernel pointers in map values and allocated structs point to: a kernel's struct, or a program's.
//
// Shape     find_pointed_types() fills Field::type and Field::of_kernel. A struct that the kernel has by that name is
//           the kernel's; any other one the program allocates itself.
// Threads   re-entrant. Errors: ENOENT, a reference to a kernel struct that nobody can release for the map.
// Source    which structs have a destructor and which are kept by RCU: the running kernel's functions `*_dtor`, and
//           tests/data/verifier/kptr.cases.
#pragma once

#include <functional>

#include "base/result.h"
#include "bpf/btf/fields.h"
#include "bpf/btf/kernel_btf.h"

namespace bpf::verifier {

using KernelTypes = std::function<const btf::KernelBtf*()>;  // nullptr: none are known

base::Status find_pointed_types(btf::Fields& fields, const btf::Btf& types, const KernelTypes& kernel);
// The structs of a program's BTF, as BTF_LOAD judges them.
base::Status check_program_structs(const btf::Btf& types, const KernelTypes& kernel);
// Does the kernel free such objects only after a grace period?
bool kept_by_rcu(std::string_view kernel_struct);

}  // namespace bpf::verifier
