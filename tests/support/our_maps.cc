// SPDX-License-Identifier: Apache-2.0
#include "tests/support/our_maps.h"

#include <algorithm>
#include <cstring>

#include "base/percpu.h"
#include "bpf/registry/registry.h"

namespace support {
namespace {

bpf::MapSpec spec_of(const bpf::MapFacts& f) {
  return {.type = f.type,
          .key_size = f.key_size,
          .value_size = f.value_size,
          .max_entries = f.max_entries,
          .map_flags = f.map_flags,
          .map_extra = f.map_extra,
          .name = f.name};
}

base::Status status_of(int code, const char* what) {
  if (code == 0) return base::success();
  return base::Error(-code, std::string(what) + ": " + std::strerror(-code));
}

template <class T>
base::ConstBytes bytes_of(const T& v) {
  return std::as_bytes(std::span(&v, 1));
}

}  // namespace

bool map_is_percpu(bpf::bpf_map_type type) {
  return type == bpf::BPF_MAP_TYPE_PERCPU_ARRAY || type == bpf::BPF_MAP_TYPE_PERCPU_HASH ||
         type == bpf::BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

base::Result<OurMaps> OurMaps::make(std::span<const bpf::MapFacts> facts) {
  OurMaps out;
  for (const bpf::MapFacts& f : facts) {
    SLUICE_TRY(const bpf::MapOps* ops, bpf::find_map_ops(f.type));
    const bpf::MapSpec spec = spec_of(f);
    SLUICE_CHECK(ops->check(spec));
    SLUICE_TRY(auto map, ops->make(spec));
    map->head()->id = f.id;
    out.heads_.push_back(map->head());
    out.maps_.push_back({ops, std::move(map)});
    if (f.frozen && !f.contents.empty())
      SLUICE_CHECK(out.update(base::u32(out.maps_.size() - 1), bytes_of(base::u32(0)), f.contents));
  }
  return out;
}

base::Status OurMaps::update(base::u32 index, base::ConstBytes key, base::ConstBytes value) {
  Entry& entry = maps_[index];
  if (entry.ops->holds == bpf::MapHolds::bytes)
    return status_of(entry.ops->update(*entry.map, key, value, 0), "map update");
  bpf::MapObject object;
  std::memcpy(&object.id, value.data(), std::min(value.size(), sizeof object.id));
  return status_of(entry.ops->update_object(*entry.map, key, std::move(object), 0), "map update");
}

base::Status OurMaps::set_program(base::u32 index, base::u32 slot, const bpf_prog* prog) {
  Entry& entry = maps_[index];
  bpf::MapObject object{.prog = prog, .keep = {}, .id = prog->id};
  return status_of(entry.ops->update_object(*entry.map, bytes_of(slot), std::move(object), 0), "prog_array update");
}

std::size_t OurMaps::value_bytes(base::u32 index) const {
  const bpf::MapSpec& spec = maps_[index].map->spec();
  if (!map_is_percpu(spec.type)) return spec.value_size;
  return (std::size_t(spec.value_size) + 7) / 8 * 8 * base::possible_cpu_count();
}

int OurMaps::lookup(base::u32 index, base::ConstBytes key, base::Bytes value) {
  return maps_[index].ops->lookup(*maps_[index].map, key, value, 0);
}

int OurMaps::next_key(base::u32 index, base::ConstBytes key, base::Bytes next) {
  return maps_[index].ops->next_key(*maps_[index].map, key, next);
}

}  // namespace support
