// SPDX-License-Identifier: Apache-2.0
// signature.h — how a global function is entered, read from its BTF: it is verified alone, with nothing else known.
//
// Threads   plain values.
// Errors    Signature::problem; a function with one may exist, but not be called. Words and errno are Linux's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bpf/btf/kernel_btf.h"
#include "bpf/registry/prog_spec.h"
#include "bpf/verifier/problem.h"

namespace bpf::verifier {

using base::u8;

struct GlobalArg {
  // untrusted: memory that is read with loads that survive a fault, whatever the address.
  enum class Kind : u8 { scalar, ctx, mem, arena, dynptr, untrusted, trusted } kind = Kind::scalar;
  base::u32 size = 0;         // mem
  bool maybe_null = true;     // mem, trusted
  base::u32 type = 0;         // trusted, untrusted: what it points to in the program's BTF
  base::u32 kernel_type = 0;  // … and the struct of that name in the kernel's; 0: no struct
};

struct Signature {
  std::vector<GlobalArg> args;
  Problem problem;  // error 0: none
};

// Looks the structs of trusted and untrusted arguments up; `kernel` gives the kernel's types or null.
void find_kernel_structs(const btf::Btf& types, const std::function<const btf::KernelBtf*()>& kernel, Signature& out);

// REQUIRES: `func` is a BTF_KIND_FUNC.
Signature read_signature(const btf::Btf& types, const ProgSpec& spec, base::u32 func);

}  // namespace bpf::verifier
