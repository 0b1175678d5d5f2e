// SPDX-License-Identifier: Apache-2.0
#include "bpf/load/ranges.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace bpf::load {
namespace {

constexpr u32 kCpus = 4;

RangeList ranges_of(u32 cmd, const bpf_attr& attr, const MapShape* shape = nullptr) {
  RangeList list;
  EXPECT_EQ(find_ranges(cmd, attr, shape, kCpus, list), 0);
  return list;
}

TEST(Ranges, ALookUpReadsAKeyAndWritesAValueOfTheMapsSizes) {
  const MapShape shape{BPF_MAP_TYPE_HASH, 5, 12, 100};
  bpf_attr attr{};
  attr.key = 0x1000;
  attr.value = 0x2000;
  const RangeList list = ranges_of(BPF_MAP_LOOKUP_ELEM, attr, &shape);
  ASSERT_EQ(list.count, 2U);
  EXPECT_EQ(list.items[0].pointer_offset, offsetof(bpf_attr, key));
  EXPECT_EQ(list.items[0].bytes, 5U);
  EXPECT_TRUE(list.items[0].in);
  EXPECT_FALSE(list.items[0].out);
  EXPECT_EQ(list.items[1].bytes, 12U);
  EXPECT_TRUE(list.items[1].out);
}

TEST(Ranges, APerCpuMapMovesOneRoundedValueForEachPossibleCpu) {
  EXPECT_EQ(value_bytes({BPF_MAP_TYPE_PERCPU_ARRAY, 4, 5, 1}, kCpus), 8 * kCpus);
  EXPECT_EQ(value_bytes({BPF_MAP_TYPE_PERCPU_HASH, 4, 16, 1}, kCpus), 16 * kCpus);
  EXPECT_EQ(value_bytes({BPF_MAP_TYPE_ARRAY, 4, 5, 1}, kCpus), 5U);
}

TEST(Ranges, ANullPointerHasNoRange) {
  const MapShape shape{BPF_MAP_TYPE_HASH, 4, 4, 1};
  bpf_attr attr{};
  attr.next_key = 0x1000;
  const RangeList list = ranges_of(BPF_MAP_GET_NEXT_KEY, attr, &shape);
  ASSERT_EQ(list.count, 1U);
  EXPECT_EQ(list.items[0].pointer_offset, offsetof(bpf_attr, next_key));
}

TEST(Ranges, ProgLoadMeasuresInstructionsAndRecords) {
  bpf_attr attr{};
  attr.insns = attr.license = attr.func_info = attr.line_info = 0x1000;
  attr.insn_cnt = 10;
  attr.func_info_cnt = 3;
  attr.func_info_rec_size = 8;
  attr.line_info_cnt = 2;
  attr.line_info_rec_size = 16;
  const RangeList list = ranges_of(BPF_PROG_LOAD, attr);
  ASSERT_EQ(list.count, 4U);
  EXPECT_EQ(list.items[0].bytes, 80U);
  EXPECT_EQ(list.items[1].kind, RangeKind::string);
  EXPECT_EQ(list.items[2].bytes, 24U);
  EXPECT_EQ(list.items[3].bytes, 32U);
}

TEST(Ranges, ABatchMovesAsManyKeysAndValuesAsItCountsAndATokenOfItsMapsKind) {
  const MapShape table{BPF_MAP_TYPE_LRU_PERCPU_HASH, 12, 5, 100};
  bpf_attr attr{};
  attr.batch.in_batch = attr.batch.out_batch = attr.batch.keys = attr.batch.values = 0x1000;
  attr.batch.count = 10;
  attr.batch.map_fd = 7;
  const RangeList list = ranges_of(BPF_MAP_LOOKUP_BATCH, attr, &table);
  ASSERT_EQ(list.count, 4U);
  EXPECT_EQ(list.items[0].bytes, 4U) << "a place in the table";
  EXPECT_EQ(list.items[1].bytes, 4U);
  EXPECT_EQ(list.items[2].bytes, 120U);
  EXPECT_EQ(list.items[3].bytes, 10 * 8 * kCpus);
  EXPECT_FALSE(list.items[3].in);
  EXPECT_EQ(token_bytes({BPF_MAP_TYPE_LPM_TRIE, 12, 5, 100}), 12U) << "the last key";
  EXPECT_EQ(shaping_fd(BPF_MAP_LOOKUP_BATCH, attr), 7);
  attr.batch.count = ~0U;
  RangeList too_long;
  EXPECT_EQ(find_ranges(BPF_MAP_UPDATE_BATCH, attr, &table, kCpus, too_long), -E2BIG);
}

TEST(Ranges, ALengthThatOverflowsIsRefusedAndNotWrapped) {
  bpf_attr attr{};
  attr.func_info = 0x1000;
  attr.func_info_cnt = 0x80000000U;
  attr.func_info_rec_size = 8;
  RangeList list;
  EXPECT_EQ(find_ranges(BPF_PROG_LOAD, attr, nullptr, kCpus, list), -E2BIG);
}

TEST(Ranges, OptionalDescriptorsThatAreZeroAreNotSent) {
  bpf_attr attr{};
  EXPECT_TRUE(find_attr_fds(BPF_PROG_LOAD, attr).empty());
  // The inner map of a map of maps is not optional: standard input in its place is EINVAL, not EBADF, as in Linux.
  EXPECT_EQ(find_attr_fds(BPF_MAP_CREATE, attr), std::vector<int>{0});
  attr.btf_fd = 9;
  EXPECT_EQ(find_attr_fds(BPF_MAP_CREATE, attr), (std::vector<int>{0, 9}));
  bpf_attr elem{};
  EXPECT_EQ(find_attr_fds(BPF_MAP_LOOKUP_ELEM, elem), std::vector<int>{0});
}

TEST(Ranges, InstructionsNameDescriptorsAndIndexes) {
  bpf_insn load{};
  load.code = BPF_LD | BPF_IMM | BPF_DW;
  load.src_reg = BPF_PSEUDO_MAP_VALUE;
  load.imm = 17;
  bpf_insn indexed = load;
  indexed.src_reg = BPF_PSEUDO_MAP_IDX;
  indexed.imm = 4;
  const std::vector<bpf_insn> insns{load, bpf_insn{}, indexed, bpf_insn{}};
  std::vector<int> fds;
  find_insn_fds(insns, fds);
  EXPECT_EQ(fds, std::vector<int>{17});
  EXPECT_EQ(fd_array_entries(insns, 0), 5U);
  EXPECT_EQ(fd_array_entries(insns, 9), 9U);
  EXPECT_EQ(fd_array_entries(insns, 100000), kFdArrayMax);
}

TEST(Ranges, AnUpdateNamesADescriptorWhereTheMapHoldsObjects) {
  EXPECT_EQ(value_fd_offset({BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1}), 0);
  EXPECT_EQ(value_fd_offset({BPF_MAP_TYPE_DEVMAP, 4, 8, 1}), 4);
  EXPECT_EQ(value_fd_offset({BPF_MAP_TYPE_DEVMAP, 4, 4, 1}), -1);
  EXPECT_EQ(value_fd_offset({BPF_MAP_TYPE_HASH, 4, 8, 1}), -1);
}

}  // namespace
}  // namespace bpf::load
