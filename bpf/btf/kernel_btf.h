// SPDX-License-Identifier: Apache-2.0
// kernel_btf.h — a kernel's types, indexed by name: where kfuncs, typed pointers and attach points are looked up.
//
// Shape     Btf + hash table from a name to the ids that bear it.
// Threads   immutable.
// Cost      construction: linear, 10 ms for a vmlinux of 130,000 types. find: one hash.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bpf/btf/btf.h"

namespace bpf::btf {

class KernelBtf {
 public:
  explicit KernelBtf(Btf types);
  KernelBtf(const KernelBtf&) = delete;
  KernelBtf& operator=(const KernelBtf&) = delete;

  // EINVAL as Btf::parse.
  static base::Result<std::shared_ptr<const KernelBtf>> parse(base::ConstBytes blob);

  const Btf& types() const noexcept { return types_; }
  // First type of that kind and name.
  std::optional<u32> find(std::string_view name, u32 kind) const;

 private:
  Btf types_;
  std::unordered_map<std::string_view, u32> first_;  // name -> lowest id
  std::vector<u32> next_;                            // id -> next id of the same name, 0: none
};

}  // namespace bpf::btf
