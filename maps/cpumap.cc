// SPDX-License-Identifier: Apache-2.0
// cpumap.cc — BPF_MAP_TYPE_CPUMAP: CPU number -> the queue to the worker there; a program redirects packets to it.
//
// Shape     an entry is queue size | program id << 32. Index and CPU are one number.
// Errors    create: E2BIG more entries than the kernel has CPU numbers. update: EINVAL flags, E2BIG index, EEXIST with
//           BPF_NOEXIST, EOVERFLOW queue size above 16384, ENODEV no such CPU. Queue size 0 deletes.
//           delete: EINVAL index.
// Source    bpf(2), the running kernel.
#include <cstring>
#include <fstream>

#include "base/percpu.h"
#include "maps/head.h"
#include "maps/id_array.h"
#include "maps/redirect_inline.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({.redirect = &maps_cpumap_redirect});

constexpr u32 kQueuePacketsMax = 16384;

// CPU numbers that the host's kernel was built for.
u32 cpu_numbers() {
  static const u32 count = [] {
    u32 last = 0;
    std::ifstream file("/sys/devices/system/cpu/kernel_max");
    return file >> last && last < base::kCpusMax ? last + 1 : base::kCpusMax;
  }();
  return count;
}

constexpr MapRules kRules = [] {
  MapRules rules = kIdArrayRules;
  rules.flags = bpf::BPF_F_NUMA_NODE;
  rules.value_size_max = 8;
  return rules;
}();

class CpuMap final : public IdArray {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::cpu;
  static constexpr bpf::MapOps::Symbols kSymbols = {.redirect = "map_cpumap_redirect"};

  explicit CpuMap(const bpf::MapSpec& spec) : IdArray(spec, &kRuntime) {}
  using IdArray::init;
  static base::Status check(const bpf::MapSpec& spec) {
    SLUICE_CHECK(check_spec(spec, kRules));
    SLUICE_CHECK(check_value_4_or_8(spec, "queue size, or queue size and program"));
    if (spec.max_entries > cpu_numbers())
      return base::Error(E2BIG, "map '" + spec.name + "': max_entries is " + std::to_string(spec.max_entries) +
                                    ", there are no more than " + std::to_string(cpu_numbers()) + " CPU numbers");
    return base::success();
  }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) { return make_id_array<CpuMap>(spec); }

  int lookup(ConstBytes key, Bytes value) {
    const u32 index = index_of(key);
    const u64 entry = index == ~0U ? 0 : id_at(index);
    if (entry == 0) return -ENOENT;
    std::memcpy(value.data(), &entry, value.size());
    return 0;
  }

  // `object.id` is the queue size.
  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (flags > bpf::BPF_EXIST) return -EINVAL;
    const u32 index = index_of(key);
    if (index == ~0U) return -E2BIG;
    if (flags == bpf::BPF_NOEXIST) return -EEXIST;
    if (object.id > kQueuePacketsMax) return -EOVERFLOW;
    if (index >= base::possible_cpu_count()) return -ENODEV;
    if (object.id != 0 && object.error != 0) return -object.error;
    if (object.id == 0) object = {};
    put(index, entry_word(object), std::move(object.keep));
    return 0;
  }

  int erase(ConstBytes key) { return clear(key); }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::cpumap_map_ops = maps::map_ops<maps::CpuMap>();
