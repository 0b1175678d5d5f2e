// SPDX-License-Identifier: Apache-2.0
#include "maps/stack_trace.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "maps/array_inline.h"
#include "maps/check.h"
#include "maps/head.h"
#include "maps/id_array.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({});

constexpr u32 kBuildIdBytes = 32;  // struct bpf_stack_build_id
constexpr u64 kSeed[2] = {0x9e3779b97f4a7c15, 0xd6e8feb86659fd93};

constexpr MapRules kRules = {.flags = bpf::BPF_F_NUMA_NODE | kUserAccessFlags | bpf::BPF_F_STACK_BUILD_ID,
                             .key_size_min = 4,
                             .key_size_max = 4,
                             .value_size_min = 8,
                             .value_size_max = StackTraceMap::kFramesMax * kBuildIdBytes,
                             .value_too_large = EINVAL,
                             .entries_max = StackTraceMap::kSlotsMax};

}  // namespace

StackTraceMap::StackTraceMap(const bpf::MapSpec& spec) : bpf::Map(spec) {
  fill_head(map_, spec, &kRuntime);
}

base::Status StackTraceMap::check(const bpf::MapSpec& spec) {
  SLUICE_CHECK(check_spec(spec, kRules));
  const u32 frame = spec.map_flags & bpf::BPF_F_STACK_BUILD_ID ? kBuildIdBytes : 8;
  if (spec.value_size % frame == 0 && spec.value_size / frame <= kFramesMax) return base::success();
  return base::Error(EINVAL, "map '" + spec.name + "': value_size is " + std::to_string(spec.value_size) +
                                 ", this map takes 1 to 127 frames of " + std::to_string(frame) + " bytes");
}

base::Result<std::unique_ptr<bpf::Map>> StackTraceMap::make(const bpf::MapSpec& spec) {
  auto map = std::make_unique<StackTraceMap>(spec);
  SLUICE_CHECK(map->init());
  return std::unique_ptr<bpf::Map>(std::move(map));
}

base::Status StackTraceMap::init() {
  const u64 count = std::bit_ceil(u64{spec().max_entries});
  const u64 bytes = count * (sizeof slots_[0] + sizeof(Stack) + spec().value_size);
  SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), "map '" + spec().name + "'", bytes));
  slot_count_ = static_cast<u32>(count);
  slots_.resize(count);
  return base::success();
}

int StackTraceMap::copy(u32 number, Bytes value, bool take) {
  std::lock_guard lock(mutex_);
  if (number >= slot_count_ || slots_[number] == nullptr) return -ENOENT;
  const auto& addresses = slots_[number]->addresses;
  std::fill(value.begin(), value.end(), std::byte{0});
  std::memcpy(value.data(), addresses.data(), std::min(value.size(), addresses.size() * sizeof addresses[0]));
  if (take) slots_[number].reset();
  return 0;
}

int StackTraceMap::lookup(ConstBytes key, Bytes value) {
  return copy(maps_array_index(key.data()), value, false);
}

int StackTraceMap::lookup_and_delete(ConstBytes key, Bytes value) {
  return copy(maps_array_index(key.data()), value, true);
}

int StackTraceMap::erase(ConstBytes key) {
  std::lock_guard lock(mutex_);
  const u32 number = maps_array_index(key.data());
  if (number >= slot_count_) return -E2BIG;
  if (slots_[number] == nullptr) return -ENOENT;
  slots_[number].reset();
  return 0;
}

int StackTraceMap::next_key(ConstBytes key, Bytes next) {
  std::lock_guard lock(mutex_);
  u32 number = key.empty() ? ~0U : maps_array_index(key.data());
  number = number < slot_count_ ? number + 1 : 0;
  while (number < slot_count_ && slots_[number] == nullptr) ++number;
  if (number == slot_count_) return -ENOENT;
  std::memcpy(next.data(), &number, sizeof number);
  return 0;
}

u64 StackTraceMap::entry_count() const {
  std::lock_guard lock(mutex_);
  return static_cast<u64>(std::ranges::count_if(slots_, [](const auto& slot) { return slot != nullptr; }));
}

int StackTraceMap::collect(std::span<const u64> addresses, u64 flags) {
  const u64 frames_max = spec().value_size / sizeof(u64);
  if (addresses.size() > frames_max) addresses = addresses.first(frames_max);
  const u32 hash = static_cast<u32>(maps_hash(addresses.data(), static_cast<u32>(addresses.size_bytes()), kSeed));
  auto made = std::make_unique<Stack>(Stack{hash, {addresses.begin(), addresses.end()}});
  std::lock_guard lock(mutex_);
  const u32 number = hash & (slot_count_ - 1);
  auto& slot = slots_[number];
  if (slot != nullptr) {
    const bool same = slot->hash == hash &&
                      ((flags & bpf::BPF_F_FAST_STACK_CMP) != 0 || std::ranges::equal(slot->addresses, addresses));
    if (same) return static_cast<int>(number);
    if ((flags & bpf::BPF_F_REUSE_STACKID) == 0) return -EEXIST;
  }
  slot = std::move(made);
  return static_cast<int>(number);
}

}  // namespace maps

constinit const bpf::MapOps bpf::stack_trace_map_ops = maps::map_ops<maps::StackTraceMap>();
