// SPDX-License-Identifier: Apache-2.0
#include "maps/check.h"

#include <unistd.h>

#include <string>

#include "base/percpu.h"
#include "maps/ops.h"

namespace maps {
namespace {

using base::Error;
using base::u32;
using base::u64;

Error refuse(const bpf::MapSpec& spec, int code, const std::string& what) {
  return Error(code, "map '" + spec.name + "': " + what);
}

std::string outside(const char* name, u64 value, u64 min, u64 max) {
  std::string text = std::string(name) + " is " + std::to_string(value) + ", this map type takes ";
  if (min == max) return text + std::to_string(min);
  if (value < min) return text + std::to_string(min) + " or more";
  return text + std::to_string(max) + " at most";
}

bool node_exists(u32 node) {
  return access(("/sys/devices/system/node/node" + std::to_string(node)).c_str(), F_OK) == 0;
}

base::Status check_flags(const bpf::MapSpec& spec, const MapRules& rules) {
  const u32 flags = spec.map_flags;
  if (flags & ~rules.flags)
    return refuse(spec, EINVAL, "map_flags " + std::to_string(flags & ~rules.flags) + " are not for this map type");
  if ((flags & rules.flags_required) != rules.flags_required)
    return refuse(spec, EINVAL,
                  "map_flags " + std::to_string(rules.flags_required) + " are required (BPF_F_NO_PREALLOC)");
  constexpr u32 kProgAccess = bpf::BPF_F_RDONLY_PROG | bpf::BPF_F_WRONLY_PROG;
  constexpr u32 kUserAccess = bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY;
  if ((flags & kProgAccess) == kProgAccess || (flags & kUserAccess) == kUserAccess)
    return refuse(spec, EINVAL, "a map cannot be read-only and write-only at once");
  if (flags & rules.flags_not_supported)
    return refuse(spec, -kNotSupported,
                  "map_flags " + std::to_string(flags & rules.flags_not_supported) + " do not go with this map type");
  constexpr u32 kNoNode = ~0U;  // NUMA_NO_NODE
  if ((flags & bpf::BPF_F_NUMA_NODE) && spec.numa_node != kNoNode) {
    if (!rules.numa || (flags & bpf::BPF_F_NO_COMMON_LRU))
      return refuse(spec, EINVAL, "a per-CPU map has no NUMA node of its own");
    if (!node_exists(spec.numa_node))
      return refuse(spec, EINVAL, "numa_node " + std::to_string(spec.numa_node) + " does not exist");
  }
  return base::success();
}

}  // namespace

u64 value_bytes(const bpf::MapSpec& spec) {
  const bool percpu = spec.type == bpf::BPF_MAP_TYPE_PERCPU_HASH || spec.type == bpf::BPF_MAP_TYPE_PERCPU_ARRAY ||
                      spec.type == bpf::BPF_MAP_TYPE_LRU_PERCPU_HASH ||
                      spec.type == bpf::BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
  return percpu ? u64{(spec.value_size + 7) & ~7U} * base::possible_cpu_count() : spec.value_size;
}

base::Status check_spec(const bpf::MapSpec& spec, const MapRules& rules) {
  if (spec.map_extra > rules.extra_max)
    return refuse(spec, EINVAL, outside("map_extra", spec.map_extra, 0, rules.extra_max));
  SLUICE_CHECK(check_flags(spec, rules));
  if (rules.entries_unbound && spec.max_entries != 0)
    return refuse(spec, EINVAL, outside("max_entries", spec.max_entries, 0, 0));
  if (!rules.entries_unbound && spec.max_entries == 0) return refuse(spec, EINVAL, "max_entries is 0");
  if (spec.key_size < rules.key_size_min || spec.key_size > rules.key_size_max)
    return refuse(spec, EINVAL, outside("key_size", spec.key_size, rules.key_size_min, rules.key_size_max));
  if (spec.value_size < rules.value_size_min)
    return refuse(spec, EINVAL, outside("value_size", spec.value_size, rules.value_size_min, rules.value_size_max));
  if (u64{spec.key_size} + spec.value_size >= rules.element_size_end)
    return refuse(spec, E2BIG,
                  "key_size + value_size is " + std::to_string(u64{spec.key_size} + spec.value_size) +
                      ", elements stay below " + std::to_string(rules.element_size_end));
  if (spec.value_size > rules.value_size_max)
    return refuse(spec, rules.value_too_large,
                  outside("value_size", spec.value_size, rules.value_size_min, rules.value_size_max));
  if (spec.max_entries > rules.entries_max)
    return refuse(spec, E2BIG, outside("max_entries", spec.max_entries, 1, rules.entries_max));
  return base::success();
}

}  // namespace maps
