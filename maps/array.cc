// SPDX-License-Identifier: Apache-2.0
// array.cc — BPF_MAP_TYPE_ARRAY.
#include "maps/array.h"

#include <cstring>

#include "base/percpu.h"
#include "maps/head.h"

namespace maps {

ArrayObject::ArrayObject(const bpf::MapSpec& spec, const bpf_map_runtime* runtime, const bpf_map_runtime* around)
    : bpf::Map(spec) {
  fill_head(array_.map, spec, spec.fields ? around : runtime);
}

// `copies`: 1, or one per possible CPU.
base::Status ArrayObject::init(u32 copies) {
  const std::string what = "map '" + spec().name + "'";
  const u64 stride = (u64{spec().value_size} + 7) & ~u64{7};
  const u64 block = (spec().max_entries * stride + base::kCacheLine - 1) / base::kCacheLine * base::kCacheLine;
  SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, block * copies));
  base::MemoryRequest request{block * copies};
  request.numa_node = (spec().map_flags & bpf::BPF_F_NUMA_NODE) ? static_cast<int>(spec().numa_node) : -1;
  request.shared = (spec().map_flags & bpf::BPF_F_MMAPABLE) != 0 && !spec().fields;
  request.populate = true;
  SLUICE_TRY(memory_, base::MemoryRegion::make(what, request));
  array_.values = reinterpret_cast<u8*>(memory_.data());
  array_.cpu_stride = block;
  array_.cpu_count = copies;
  return base::success();
}

u64* ArrayObject::value_of(u32 index, u32 cpu) const noexcept {
  const u64 stride = (u64{spec().value_size} + 7) & ~u64{7};
  return reinterpret_cast<u64*>(array_.values + cpu * array_.cpu_stride + index * stride);
}

int ArrayObject::lookup(ConstBytes key, Bytes value, u64 flags) {
  const u32 index = maps_array_index(key.data());
  if (index >= spec().max_entries) return -ENOENT;
  const u64 piece = value.size() / array_.cpu_count;
  const bpf_value_fields* fields = array_.map.fields;
  for (u32 cpu = 0; cpu < array_.cpu_count; ++cpu) {
    std::byte* to = value.data() + cpu * piece;
    u64* from = value_of(index, cpu);
    ValueLock lock(from, fields, (flags & bpf::BPF_F_LOCK) != 0);
    if (fields != nullptr)
      fetch_around(to, from, static_cast<u32>(piece), *fields);
    else
      maps_fetch_bytes(to, from, static_cast<u32>(piece));
  }
  return 0;
}

int ArrayObject::update(ConstBytes key, ConstBytes value, u64 flags) {
  const u32 index = maps_array_index(key.data());
  const bool locks = (flags & bpf::BPF_F_LOCK) != 0;  // that there is one has been judged
  if (int64_t error = maps_array_judge(array_.map.shape, index, locks ? flags & ~bpf::BPF_F_LOCK : flags))
    return static_cast<int>(error);
  const u64 piece = value.size() / array_.cpu_count;
  const bpf_value_fields* fields = array_.map.fields;
  for (u32 cpu = 0; cpu < array_.cpu_count; ++cpu) {
    const std::byte* from = value.data() + cpu * piece;
    if (fields != nullptr)
      put_around(value_of(index, cpu), from, static_cast<u32>(piece), *fields, locks);
    else
      maps_store_bytes(value_of(index, cpu), from, static_cast<u32>(piece));
  }
  return 0;
}

base::Status ArrayObject::freeze() {
  if (memory_.fd() < 0) return base::success();
  // What neither side can write is constant: programs are compiled on it.
  return memory_.seal((spec().map_flags & bpf::BPF_F_RDONLY_PROG) == 0);
}

int ArrayObject::next_key(ConstBytes key, Bytes next) {
  return next_index(key, next, spec().max_entries);
}

int next_index(ConstBytes key, Bytes next, u32 max_entries) {
  u32 index = key.empty() ? ~0U : maps_array_index(key.data());
  if (index < max_entries && index + 1 == max_entries) return -ENOENT;
  index = index < max_entries ? index + 1 : 0;
  std::memcpy(next.data(), &index, sizeof index);
  return 0;
}

int judge_slot(ConstBytes key, u64 flags, u32 max_entries) {
  if (flags != bpf::BPF_ANY) return -EINVAL;
  return maps_array_index(key.data()) < max_entries ? 0 : -E2BIG;
}

namespace {

constexpr bpf_map_runtime kRuntime =
    complete({.lookup = &maps_array_lookup, .update = &maps_array_update, .each = &maps_array_each});
constexpr bpf_map_runtime kAround = with_update(kRuntime, &update_array_around<&maps_array_lookup>);

class ArrayMap final : public ArrayObject {
 public:
  static constexpr bpf::MapOps::Symbols kSymbols = {.lookup = "map_array_lookup", .update = "map_array_update"};

  explicit ArrayMap(const bpf::MapSpec& spec) : ArrayObject(spec, &kRuntime, &kAround) {}
  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kArrayRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<ArrayMap>(spec);
    SLUICE_CHECK(map->init(1));
    return std::unique_ptr<bpf::Map>(std::move(map));
  }

  base::Result<u64> direct_value(u32 offset) {
    if (spec().max_entries != 1)
      return base::Error(-kNotSupported, "map '" + spec().name + "' has " + std::to_string(spec().max_entries) +
                                             " elements; only a single one can be addressed directly");
    if (offset >= spec().value_size)
      return base::Error(EINVAL, "offset " + std::to_string(offset) + " lies outside the value of map '" + spec().name +
                                     "', which has " + std::to_string(spec().value_size) + " bytes");
    return reinterpret_cast<u64>(array_.values) + offset;
  }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::array_map_ops = maps::map_ops<maps::ArrayMap>();
