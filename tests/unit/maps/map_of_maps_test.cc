// SPDX-License-Identifier: Apache-2.0
// What a program finds in a map of maps: the inner map itself, and its elements behind it.
#include "base/reclaim.h"
#include "tests/unit/maps/map_under_test.h"

namespace maps_test {
namespace {

using bpf::BPF_MAP_TYPE_ARRAY_OF_MAPS;
using bpf::BPF_MAP_TYPE_HASH;
using bpf::BPF_MAP_TYPE_HASH_OF_MAPS;

struct Nest {
  explicit Nest(bpf::bpf_map_type type) : ops(*bpf::find_map_ops(type)) {
    for (auto& map : inner) map = *make_map(spec_of(BPF_MAP_TYPE_HASH, 4, 8, 16));
    bpf::MapSpec spec = spec_of(type, 4, 4, 8);
    spec.inner = std::make_shared<const bpf::MapSpec>(inner[0]->spec());
    outer = *ops->make(spec);
  }
  int put(u32 key, u32 which) {
    bpf::MapObject object{.map = inner[which].get(), .keep = inner[which]};
    return ops->update_object(*outer, bytes_of(key), std::move(object), 0);
  }
  bpf_map* find(u32 key) {
    bpf_map* head = outer->head();
    return static_cast<bpf_map*>(head->runtime->lookup(&env, head, head->shape, &key));
  }

  const bpf::MapOps* ops;
  std::shared_ptr<bpf::Map> inner[2];
  std::unique_ptr<bpf::Map> outer;
  bpf_env env{};
};

class MapOfMaps : public testing::TestWithParam<bpf::bpf_map_type> {};

TEST_P(MapOfMaps, ALookUpGivesTheInnerMapAndItsOwnTableTheElement) {
  Nest nest(GetParam());
  ASSERT_EQ(nest.put(3, 0), 0);
  bpf_map* found = nest.find(3);
  ASSERT_EQ(found, nest.inner[0]->head());
  const u32 key = 7;
  const u64 value = 77;
  ASSERT_EQ(found->runtime->update(&nest.env, found, found->shape, &key, &value, 0), 0);
  EXPECT_EQ(*static_cast<u64*>(found->runtime->lookup(&nest.env, found, found->shape, &key)), 77U);
  EXPECT_EQ(nest.find(4), nullptr);
  EXPECT_EQ(nest.find(1000), nullptr);
}

TEST_P(MapOfMaps, AReplacementIsSeenByTheNextLookUp) {
  Nest nest(GetParam());
  ASSERT_EQ(nest.put(0, 0), 0);
  ASSERT_EQ(nest.put(0, 1), 0);
  EXPECT_EQ(nest.find(0), nest.inner[1]->head());
  const u32 key = 0;
  ASSERT_EQ(nest.ops->erase(*nest.outer, bytes_of(key)), 0);
  EXPECT_EQ(nest.find(0), nullptr);
  EXPECT_EQ(nest.ops->entry_count(*nest.outer), 0U);
}

// A reader that holds an inner map keeps it from being freed until it is quiescent.
TEST_P(MapOfMaps, AnInnerMapInHandOutlivesItsPlace) {
  Nest nest(GetParam());
  ASSERT_EQ(nest.put(1, 1), 0);
  std::weak_ptr<bpf::Map> watch = nest.inner[1];
  nest.inner[1].reset();
  auto& domain = base::Reclaim::process();
  auto reader = *domain.join();
  reader.online();
  ASSERT_NE(nest.find(1), nullptr);
  const u32 key = 1;
  ASSERT_EQ(nest.ops->erase(*nest.outer, bytes_of(key)), 0);
  domain.poll();
  EXPECT_FALSE(watch.expired()) << "freed under a reader";
  reader.quiescent();
  domain.poll();
  EXPECT_TRUE(watch.expired());
  reader.offline();
}

INSTANTIATE_TEST_SUITE_P(BothKinds, MapOfMaps, testing::Values(BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS),
                         [](const auto& kind) { return std::string(bpf::kMapTypes[kind.param].name); });

}  // namespace
}  // namespace maps_test
