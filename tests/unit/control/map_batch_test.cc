// SPDX-License-Identifier: Apache-2.0
// The batch commands, put to our door and to the host kernel with the same attributes: they must answer alike. What a
// hash table's token is, and the order of its elements, is each side's own.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <vector>

#include "base/percpu.h"
#include "bpf/abi/flags.h"
#include "bpf/registry/registry.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using namespace bpf;
using Pairs = std::map<u32, std::vector<u64>>;

// One side: our door, or the kernel.
struct Side {
  std::function<long(u32, bpf_attr&)> call;
  long fd = -1;
  u32 words = 1;  // of a value

  struct Answer {
    long rc;
    u32 count;
  };
  Answer batch(u32 cmd, u32 count, const void* keys, const void* values, const void* in = nullptr, void* out = nullptr,
               u64 elem_flags = 0, u64 flags = 0) {
    bpf_attr attr = make_attr();
    attr.batch.in_batch = address(in);
    attr.batch.out_batch = address(out);
    attr.batch.keys = address(keys);
    attr.batch.values = address(values);
    attr.batch.count = count;
    attr.batch.map_fd = u32(fd);
    attr.batch.elem_flags = elem_flags;
    attr.batch.flags = flags;
    const long rc = call(cmd, attr);
    return {rc, attr.batch.count};
  }
  // Everything, in batches of `step`.
  Pairs drain(u32 cmd, u32 step, long* last = nullptr) {
    Pairs all;
    u64 token[2] = {};
    bool first = true;
    for (u32 calls = 0; calls < 10000; ++calls) {
      std::vector<u32> keys(step);
      std::vector<u64> values(std::size_t(step) * words);
      const Answer answer = batch(cmd, step, keys.data(), values.data(), first ? nullptr : token, token);
      if (answer.rc == -ENOSPC) {  // Linux: a bucket holds more than that
        step *= 2;
        continue;
      }
      first = false;
      for (u32 n = 0; n < answer.count; ++n)
        all[keys[n]] = {values.begin() + long(n) * words, values.begin() + long(n + 1) * words};
      if (last) *last = answer.rc;
      if (answer.rc != 0) break;
    }
    return all;
  }
};

// Both sides of one map, as a test wants them.
struct Twins {
  Local local;
  Side ours, host;

  Twins(u32 type, u32 value_words, u32 entries, u32 flags = 0) {
    bpf_attr attr = make_attr();
    attr.map_type = type;
    attr.key_size = 4;
    attr.value_size = 8 * value_words;
    attr.max_entries = entries;
    attr.map_flags = flags;
    bpf_attr same = attr;
    ours = {[this](u32 cmd, bpf_attr& a) { return local.call(cmd, a); }, local.call(BPF_MAP_CREATE, attr), value_words};
    host = {[](u32 cmd, bpf_attr& a) { return host_bpf(cmd, &a, sizeof a); },
            host_bpf(BPF_MAP_CREATE, &same, sizeof same), value_words};
    const bool percpu =
        type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
    if (percpu) ours.words = host.words = value_words * base::possible_cpu_count();
  }
  ~Twins() {
    if (host.fd >= 0) ::close(int(host.fd));
  }
  bool usable() const { return host.fd >= 0; }
  void same(u32 cmd, u32 count, const void* keys, void* values, u64 elem_flags = 0, u64 flags = 0) {
    u64 a[2], b[2];
    const auto mine = ours.batch(cmd, count, keys, values, nullptr, a, elem_flags, flags);
    const auto theirs = host.batch(cmd, count, keys, values, nullptr, b, elem_flags, flags);
    EXPECT_EQ(mine.rc, theirs.rc) << "command " << cmd << " elem_flags " << elem_flags << " flags " << flags;
    EXPECT_EQ(mine.count, theirs.count) << "command " << cmd << " elem_flags " << elem_flags << " flags " << flags;
  }
};

constexpr u32 kCommands[] = {BPF_MAP_LOOKUP_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH, BPF_MAP_UPDATE_BATCH,
                             BPF_MAP_DELETE_BATCH};

class MapBatch : public testing::TestWithParam<u32> {
 protected:
  bool ordered() const { return GetParam() == BPF_MAP_TYPE_ARRAY || GetParam() == BPF_MAP_TYPE_PERCPU_ARRAY; }
};

TEST_P(MapBatch, AnswersTheSameErrnoAndCount) {
  Twins twins(GetParam(), 1, 512);
  if (!twins.usable()) GTEST_SKIP() << "the host kernel is no oracle here";
  u32 keys[] = {1, 2, 3, 700, 4, 2};
  std::vector<u64> values(6 * twins.ours.words, 5);
  for (u32 cmd : kCommands) {
    std::vector<u64> out(values);
    std::vector<u32> found(6);
    const bool reads = cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;
    for (u32 count : {0U, 1U, 3U, 6U})
      for (u64 elem_flags : {0, 1, 2, 3, 4, 5, 8})
        for (u64 flags : {0, 1, 4}) {
          if (reads && elem_flags == 0 && flags == 0 && count != 0) continue;  // how many fit depends on the buckets
          twins.same(cmd, count, reads ? found.data() : keys, out.data(), elem_flags, flags);
        }
    twins.same(cmd, 2, nullptr, out.data());
    if (cmd != BPF_MAP_DELETE_BATCH) twins.same(cmd, 2, reads ? found.data() : keys, nullptr);
  }
}

TEST_P(MapBatch, GivesEveryElementInBatchesOfAnySize) {
  for (u32 step : {1U, 2U, 7U, 64U, 1000U}) {
    Twins twins(GetParam(), 2, 512);
    if (!twins.usable()) GTEST_SKIP() << "the host kernel is no oracle here";
    std::vector<u32> keys;
    std::vector<u64> values;
    std::mt19937 random(step);
    for (u32 n = 0; n < 300; ++n) {
      keys.push_back(n);
      for (u32 w = 0; w < twins.ours.words; ++w) values.push_back(random());
    }
    ASSERT_EQ(twins.ours.batch(BPF_MAP_UPDATE_BATCH, 300, keys.data(), values.data()).rc, 0);
    ASSERT_EQ(twins.host.batch(BPF_MAP_UPDATE_BATCH, 300, keys.data(), values.data()).rc, 0);
    long last = 0;
    EXPECT_EQ(twins.ours.drain(BPF_MAP_LOOKUP_BATCH, step, &last), twins.host.drain(BPF_MAP_LOOKUP_BATCH, step));
    EXPECT_EQ(last, -ENOENT);
    if (ordered()) continue;
    EXPECT_EQ(twins.ours.drain(BPF_MAP_LOOKUP_AND_DELETE_BATCH, step),
              twins.host.drain(BPF_MAP_LOOKUP_AND_DELETE_BATCH, step));
    EXPECT_TRUE(twins.ours.drain(BPF_MAP_LOOKUP_BATCH, step).empty()) << "all was taken";
  }
}

TEST_P(MapBatch, StopsAtTheFirstElementThatFailsAndSaysWhich) {
  Twins twins(GetParam(), 1, 512);
  if (!twins.usable()) GTEST_SKIP() << "the host kernel is no oracle here";
  u32 keys[] = {1, 2, 3, 700, 4};
  std::vector<u64> values(5 * twins.ours.words, 5);
  twins.same(BPF_MAP_UPDATE_BATCH, 5, keys, values.data());
  u32 some[] = {1, 99, 2};
  twins.same(BPF_MAP_DELETE_BATCH, 3, some, nullptr);
}

TEST_P(MapBatch, AForeignTokenIsTheEndOfATableAndTheBeginningOfAnArray) {
  Twins twins(GetParam(), 1, 512);
  if (!twins.usable()) GTEST_SKIP() << "the host kernel is no oracle here";
  const u64 beyond[2] = {~u64{0}, ~u64{0}};
  u32 keys[4];
  std::vector<u64> values(4 * twins.ours.words);
  u64 out[2];
  for (Side* side : {&twins.ours, &twins.host})
    EXPECT_EQ(side->batch(BPF_MAP_LOOKUP_BATCH, 4, keys, values.data(), beyond, out).rc, ordered() ? 0 : -ENOENT);
}

INSTANTIATE_TEST_SUITE_P(Types, MapBatch,
                         testing::Values(BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_HASH,
                                         BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH),
                         [](const auto& type) { return std::string(bpf::kMapTypes[type.param].name); });

TEST(MapBatchTypes, OthersHaveNone) {
  for (u32 type : {BPF_MAP_TYPE_PROG_ARRAY, BPF_MAP_TYPE_DEVMAP}) {
    Local local;
    const long fd = local.make_map(type, 4, 4, 4);
    bpf_attr attr = make_attr();
    attr.batch.map_fd = u32(fd);
    for (u32 cmd : kCommands) EXPECT_EQ(local.call(cmd, attr), -524);
  }
}

TEST(MapBatchTypes, AFrozenMapGivesAndDoesNotTake) {
  Local local;
  const long fd = local.make_map(BPF_MAP_TYPE_HASH, 4, 8, 4);
  bpf_attr freeze = make_attr();
  freeze.map_fd = u32(fd);
  ASSERT_EQ(local.call(BPF_MAP_FREEZE, freeze), 0);
  bpf_attr attr = make_attr();
  attr.batch.map_fd = u32(fd);
  EXPECT_EQ(local.call(BPF_MAP_LOOKUP_BATCH, attr), 0) << "of nothing";
  for (u32 cmd : {BPF_MAP_LOOKUP_AND_DELETE_BATCH, BPF_MAP_UPDATE_BATCH, BPF_MAP_DELETE_BATCH})
    EXPECT_EQ(local.call(cmd, attr), -EPERM);
}

}  // namespace
}  // namespace control_test
