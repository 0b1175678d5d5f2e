// SPDX-License-Identifier: Apache-2.0
// queue_stack.cc — BPF_MAP_TYPE_QUEUE and BPF_MAP_TYPE_STACK: a look-up peeks, an update pushes, look-up and delete
// pops.
#include "maps/check.h"
#include "maps/head.h"
#include "maps/ops.h"
#include "maps/queue.h"

namespace maps {
namespace {

constexpr MapRules kRules = {
    .flags = bpf::BPF_F_NUMA_NODE | kAccessFlags, .key_size_min = 0, .key_size_max = 0, .value_size_max = kKmallocMax};

template <class Container>
Container& of(bpf_map* map) {
  return *static_cast<Container*>(reinterpret_cast<keyless_map*>(map));
}

template <class Container>
constexpr bpf_map_runtime kRuntime =
    complete({.push = [](bpf_env* env, bpf_map* map, bpf_map_shape, const void* value, uint64_t flags) -> int64_t {
                return of<Container>(map).push(value, flags, env->cpu);
              },
              .pop = [](bpf_env* env, bpf_map* map, bpf_map_shape, void* value) -> int64_t {
                return of<Container>(map).pop(value, env->cpu);
              },
              .peek = [](bpf_env*, bpf_map* map, bpf_map_shape, void* value) -> int64_t {
                return of<Container>(map).peek(value);
              }});

template <class Container>
class KeylessMap final : public bpf::Map {
 public:
  explicit KeylessMap(const bpf::MapSpec& spec) : bpf::Map(spec) { fill_head(values_.map, spec, &kRuntime<Container>); }
  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<KeylessMap>(spec);
    SLUICE_CHECK(map->values_.init(spec));
    return std::unique_ptr<bpf::Map>(std::move(map));
  }

  bpf_map* head() noexcept override { return &values_.map; }
  int lookup(ConstBytes, Bytes value) { return values_.peek(value.data()); }
  int update(ConstBytes, ConstBytes value, u64 flags) { return values_.push(value.data(), flags, base::current_cpu()); }
  int lookup_and_delete(ConstBytes, Bytes value) { return values_.pop(value.data(), base::current_cpu()); }
  u64 memory_bytes() const { return values_.memory_bytes(); }
  u64 entry_count() const { return values_.count(); }

 private:
  Container values_;
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::queue_map_ops = maps::map_ops<maps::KeylessMap<maps::Queue>>();
constinit const bpf::MapOps bpf::stack_map_ops = maps::map_ops<maps::KeylessMap<maps::Stack>>();
