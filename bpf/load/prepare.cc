// SPDX-License-Identifier: Apache-2.0
#include "bpf/load/prepare.h"

#include <bpf/btf.h>

#include <memory>

#include "bpf/load/prepare_steps.h"

namespace bpf::load {
namespace {

constexpr prepare_steps::Step kSteps[] = {prepare_steps::take_map_extra,  prepare_steps::hide_struct_ops,
                                          prepare_steps::move_arena_data, prepare_steps::drop_flavors,
                                          prepare_steps::list_symbols,    prepare_steps::link_callbacks};

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};

}  // namespace

Prepared prepare(base::ConstBytes elf) {
  Prepared out;
  out.elf.assign(elf.begin(), elf.end());
  auto image = ElfImage::parse(elf);
  if (!image) return out;
  const auto section = image->find_section(".BTF");
  if (!section) return out;
  std::vector<std::byte>& raw = image->section(*section).bytes;
  const std::unique_ptr<btf, FreeBtf> types(btf__new(raw.data(), static_cast<base::u32>(raw.size())));
  if (!types) return out;
  bool changed = false;
  for (const auto step : kSteps) changed |= step({*image, *types, out});
  if (!changed) return out;
  base::u32 size = 0;
  const auto* bytes = static_cast<const std::byte*>(btf__raw_data(types.get(), &size));
  if (!bytes) return out;
  raw.assign(bytes, bytes + size);
  out.elf = image->write();
  return out;
}

}  // namespace bpf::load
