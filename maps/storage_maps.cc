// SPDX-License-Identifier: Apache-2.0
// storage_maps.cc — the storages that hang on other objects: SK_STORAGE, INODE_STORAGE, TASK_STORAGE, CGRP_STORAGE, and
// the older CGROUP_STORAGE and PERCPU_CGROUP_STORAGE.
//
// Shape     SK_, INODE_, TASK_, CGRP_: the key is a descriptor of the owner; the door resolves it (EBADF, ENOTSOCK) and
//           hands its id over. There are no owners in this host yet, so no map has elements; what a descriptor of the
//           kernel's names is refused with EOPNOTSUPP.
//           CGROUP_STORAGE: an element appears when a program that uses the map is attached to a cgroup, not by update.
// Errors    create: EINVAL; E2BIG value_size. SK_… look-up and delete, get_next_key: ENOTSUPP.
//           CGROUP_STORAGE: look-up ENOENT; update ENOENT, EINVAL BPF_NOEXIST or unknown flag; delete EINVAL.
// Source    bpf(2), the running kernel.
#include "maps/check.h"
#include "maps/head.h"
#include "maps/ops.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({});

// An element, with the kernel's own header, fits 64 KiB.
constexpr u64 kStorageValueMax = 65407;

constexpr MapRules kLocalRules = {.flags = bpf::BPF_F_NO_PREALLOC | bpf::BPF_F_CLONE,
                                  .flags_required = bpf::BPF_F_NO_PREALLOC,
                                  .key_size_min = 4,
                                  .key_size_max = 4,
                                  .value_size_max = kStorageValueMax,
                                  .entries_unbound = true};

constexpr MapRules kCgroupRules = {.flags = bpf::BPF_F_NUMA_NODE | kAccessFlags,
                                   .key_size_min = 8,
                                   .key_size_max = 16,
                                   .value_size_max = kStorageValueMax,
                                   .entries_unbound = true};

constexpr MapRules kPercpuCgroupRules = [] {
  MapRules rules = kCgroupRules;
  rules.value_size_max = kPercpuValueMax;
  return rules;
}();

// What all of them have: a head, and no elements of their own.
class StorageMap : public bpf::Map {
 public:
  explicit StorageMap(const bpf::MapSpec& spec) : bpf::Map(spec) { fill_head(map_, spec, &kRuntime); }
  bpf_map* head() noexcept final { return &map_; }
  u64 memory_bytes() const { return 0; }
  u64 entry_count() const { return 0; }

 private:
  bpf_map map_{};
};

template <bpf::MapKeys kOwners>
class LocalStorageMap final : public StorageMap {
 public:
  static constexpr bpf::MapKeys kKeys = kOwners;

  using StorageMap::StorageMap;
  static base::Status check(const bpf::MapSpec& spec) {
    // Linux looks at the size last.
    MapRules rules = kLocalRules;
    if (!spec.typed) {
      rules.value_size_max = ~u32{0};
      SLUICE_CHECK(check_spec(spec, rules));
      return base::Error(EINVAL, "map '" + spec.name + "': a storage needs BTF types of its key and its value");
    }
    return check_spec(spec, rules);
  }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    return std::unique_ptr<bpf::Map>(std::make_unique<LocalStorageMap>(spec));
  }

  int lookup(ConstBytes, Bytes) { return -ENOENT; }
  int erase(ConstBytes) { return -ENOENT; }
  int next_key(ConstBytes, Bytes) { return kNotSupported; }
};

template <const MapRules& kRules>
class CgroupStorageMap final : public StorageMap {
 public:
  static constexpr bpf::InnerRule kInner = bpf::InnerRule::never;

  using StorageMap::StorageMap;
  static base::Status check(const bpf::MapSpec& spec) {
    if (spec.key_size != 8 && spec.key_size != 16)
      return base::Error(EINVAL, "map '" + spec.name + "': key_size is " + std::to_string(spec.key_size) +
                                     ", a cgroup storage takes 8 (cgroup id) or 16 (cgroup id and attach type)");
    // Linux looks at the value before flags and max_entries, and at the node before all.
    bpf::MapSpec sizes = spec;
    sizes.map_flags &= bpf::BPF_F_NUMA_NODE;
    sizes.max_entries = 0;
    SLUICE_CHECK(check_spec(sizes, kRules));
    return check_spec(spec, kRules);
  }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    return std::unique_ptr<bpf::Map>(std::make_unique<CgroupStorageMap>(spec));
  }

  int lookup(ConstBytes, Bytes) { return -ENOENT; }
  int update(ConstBytes, ConstBytes, u64 flags) {
    return flags == bpf::BPF_ANY || flags == bpf::BPF_EXIST ? -ENOENT : -EINVAL;
  }
  int erase(ConstBytes) { return -EINVAL; }
  int next_key(ConstBytes, Bytes) { return -ENOENT; }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::sk_storage_map_ops = maps::map_ops<maps::LocalStorageMap<bpf::MapKeys::socket>>();
constinit const bpf::MapOps bpf::inode_storage_map_ops = maps::map_ops<maps::LocalStorageMap<bpf::MapKeys::inode>>();
constinit const bpf::MapOps bpf::task_storage_map_ops = maps::map_ops<maps::LocalStorageMap<bpf::MapKeys::task>>();
constinit const bpf::MapOps bpf::cgrp_storage_map_ops = maps::map_ops<maps::LocalStorageMap<bpf::MapKeys::cgroup>>();
constinit const bpf::MapOps bpf::cgroup_storage_map_ops = maps::map_ops<maps::CgroupStorageMap<maps::kCgroupRules>>();
constinit const bpf::MapOps bpf::percpu_cgroup_storage_map_ops =
    maps::map_ops<maps::CgroupStorageMap<maps::kPercpuCgroupRules>>();
