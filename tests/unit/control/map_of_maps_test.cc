// SPDX-License-Identifier: Apache-2.0
// Maps of maps through the door: descriptors in, ids out, and who keeps whom alive.
#include <gtest/gtest.h>

#include "base/reclaim.h"
#include "bpf/abi/flags.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using namespace bpf;

struct Nest : Local {
  long make_outer(u32 type, long inner, u32 entries = 4) {
    bpf_attr attr = make_attr();
    attr.map_type = type;
    attr.key_size = 4;
    attr.value_size = 4;
    attr.max_entries = entries;
    attr.inner_map_fd = u32(inner);
    return call(BPF_MAP_CREATE, attr);
  }
  long put(long outer, u32 key, long inner, u64 flags = 0) {
    const u32 fd = u32(inner);
    return element(BPF_MAP_UPDATE_ELEM, outer, &key, &fd, flags);
  }
  // Id of the inner map, or a negative errno.
  long get(long outer, u32 key) {
    u32 id = 0;
    const long rc = element(BPF_MAP_LOOKUP_ELEM, outer, &key, &id);
    return rc < 0 ? rc : long(id);
  }
  u32 id_of(long fd) {
    bpf_map_info info{};
    bpf_attr attr = make_attr();
    attr.info.bpf_fd = u32(fd);
    attr.info.info_len = sizeof info;
    attr.info.info = address(&info);
    EXPECT_EQ(call(BPF_OBJ_GET_INFO_BY_FD, attr), 0);
    return info.id;
  }
};

constexpr u32 kOuter[] = {BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS};

TEST(MapOfMaps, ADescriptorGoesInAndTheIdComesOut) {
  for (u32 type : kOuter) {
    Nest nest;
    const long inner = nest.make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 2);
    const long outer = nest.make_outer(type, inner);
    ASSERT_GE(outer, 0) << nest.client.last_error;
    EXPECT_EQ(nest.put(outer, 1, inner), 0);
    EXPECT_EQ(nest.get(outer, 1), long(nest.id_of(inner)));
    EXPECT_EQ(nest.get(outer, 2), -ENOENT);
  }
}

TEST(MapOfMaps, TheTemplateAndTheDescriptorsAreJudgedInLinuxsOrder) {
  Nest nest;
  const long inner = nest.make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 2);
  const long other = nest.make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 3);
  const long programs = nest.make_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2);
  for (u32 type : kOuter) {
    EXPECT_EQ(nest.make_outer(type, 999), -EBADF);
    EXPECT_EQ(nest.make_outer(type, 999, 0), -EINVAL) << "numbers first";
    EXPECT_EQ(nest.make_outer(type, programs), -524);
    const long outer = nest.make_outer(type, inner);
    EXPECT_EQ(nest.make_outer(type, outer), -EINVAL) << "one level";
    EXPECT_EQ(nest.put(outer, 1, other), -EINVAL) << "another length";
    EXPECT_EQ(nest.put(outer, 1, 999), -EBADF);
  }
  const long array = nest.make_outer(BPF_MAP_TYPE_ARRAY_OF_MAPS, inner);
  EXPECT_EQ(nest.put(array, 9, 999), -E2BIG) << "the index before the descriptor";
  EXPECT_EQ(nest.put(array, 1, inner, BPF_NOEXIST), -EINVAL);
  const long hash = nest.make_outer(BPF_MAP_TYPE_HASH_OF_MAPS, inner);
  EXPECT_EQ(nest.put(hash, 1, inner, BPF_EXIST), -ENOENT);
  EXPECT_EQ(nest.put(hash, 1, inner, BPF_NOEXIST), 0);
  EXPECT_EQ(nest.put(hash, 1, inner, BPF_NOEXIST), -EEXIST);
}

TEST(MapOfMaps, AnInnerMapLivesAsLongAsItIsHeld) {
  for (u32 type : kOuter) {
    Nest nest;
    const long pattern = nest.make_map(BPF_MAP_TYPE_HASH, 4, 8, 2);
    const long outer = nest.make_outer(type, pattern);
    const long inner = nest.make_map(BPF_MAP_TYPE_HASH, 4, 8, 100);
    const u32 id = nest.id_of(inner);
    ASSERT_EQ(nest.put(outer, 1, inner), 0);
    ASSERT_EQ(nest.client.close(int(inner)), 0);
    base::Reclaim::process().synchronize();
    EXPECT_NE(nest.door.find_map(id), nullptr) << "its place in the outer map keeps it";
    ASSERT_EQ(nest.put(outer, 1, pattern), 0);
    base::Reclaim::process().synchronize();
    EXPECT_EQ(nest.door.find_map(id), nullptr) << "replaced";
    const u32 key = 1, pattern_id = nest.id_of(pattern);
    ASSERT_EQ(nest.client.close(int(pattern)), 0);
    EXPECT_NE(nest.door.find_map(pattern_id), nullptr);
    ASSERT_EQ(nest.element(BPF_MAP_DELETE_ELEM, outer, &key, nullptr), 0);
    base::Reclaim::process().synchronize();
    EXPECT_EQ(nest.door.find_map(pattern_id), nullptr) << "deleted";
  }
}

TEST(MapOfMaps, WhatTheOuterMapHeldGoesWithIt) {
  for (u32 type : kOuter) {
    Nest nest;
    const long inner = nest.make_map(BPF_MAP_TYPE_LRU_HASH, 4, 8, 16);
    const u32 id = nest.id_of(inner);
    const long outer = nest.make_outer(type, inner);
    ASSERT_EQ(nest.put(outer, 0, inner), 0);
    nest.client.close(int(inner));
    base::Reclaim::process().synchronize();
    EXPECT_NE(nest.door.find_map(id), nullptr);
    nest.client.close(int(outer));
    base::Reclaim::process().synchronize();
    base::Reclaim::process().synchronize();
    EXPECT_EQ(nest.door.find_map(id), nullptr);
  }
}

}  // namespace
}  // namespace control_test
