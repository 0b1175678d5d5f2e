// SPDX-License-Identifier: Apache-2.0
#include "bpf/btf/kernel_btf.h"

namespace bpf::btf {

KernelBtf::KernelBtf(Btf types) : types_(std::move(types)), next_(types_.count(), 0) {
  first_.reserve(types_.count());
  for (u32 id = types_.count() - 1; id > 0; --id) {
    const u32 kind = types_.kind(id);
    if (kind == BTF_KIND_DECL_TAG || kind == BTF_KIND_TYPE_TAG || types_.type(id).name_off == 0) continue;
    u32& head = first_[types_.name(id)];
    next_[id] = head;
    head = id;
  }
}

base::Result<std::shared_ptr<const KernelBtf>> KernelBtf::parse(base::ConstBytes blob) {
  SLUICE_TRY(Btf types, Btf::parse(blob));
  return std::make_shared<const KernelBtf>(std::move(types));
}

std::optional<u32> KernelBtf::find(std::string_view name, u32 kind) const {
  const auto first = first_.find(name);
  if (first == first_.end()) return std::nullopt;
  for (u32 id = first->second; id != 0; id = next_[id])
    if (types_.kind(id) == kind) return id;
  return std::nullopt;
}

}  // namespace bpf::btf
