// SPDX-License-Identifier: Apache-2.0
// object_arrays.cc — BPF_MAP_TYPE_PERF_EVENT_ARRAY and BPF_MAP_TYPE_CGROUP_ARRAY: perf events and cgroups by index.
//
// Errors    look-up: ENOTSUPP, as user space never gets a descriptor back. update: EINVAL flags, E2BIG index, EBADF
//           what
//           is no such object. delete: E2BIG index, ENOENT empty.
// Source    bpf(2), the running kernel.
#include "maps/head.h"
#include "maps/id_array.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({});

constexpr MapRules kPerfRules = [] {
  MapRules rules = kIdArrayRules;
  rules.flags |= bpf::BPF_F_PRESERVE_ELEMS;
  return rules;
}();

template <const MapRules& kRules, bpf::MapHolds kHeld>
class ObjectArray final : public IdArray {
 public:
  static constexpr bpf::MapHolds kHolds = kHeld;

  explicit ObjectArray(const bpf::MapSpec& spec) : IdArray(spec, &kRuntime) {}
  using IdArray::init;
  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    return make_id_array<ObjectArray>(spec);
  }

  int lookup(ConstBytes, Bytes) { return kNotSupported; }
  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (flags != bpf::BPF_ANY) return -EINVAL;
    if (index_of(key) == ~0U) return -E2BIG;
    return put_object(index_of(key), std::move(object), flags);
  }
  int erase(ConstBytes key) {
    if (index_of(key) == ~0U) return -E2BIG;
    return put(index_of(key), 0, nullptr) ? 0 : -ENOENT;
  }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::perf_event_array_map_ops =
    maps::map_ops<maps::ObjectArray<maps::kPerfRules, bpf::MapHolds::perf_event>>();
constinit const bpf::MapOps bpf::cgroup_array_map_ops =
    maps::map_ops<maps::ObjectArray<maps::kIdArrayRules, bpf::MapHolds::cgroup>>();
