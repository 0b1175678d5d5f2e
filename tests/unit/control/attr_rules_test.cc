// SPDX-License-Identifier: Apache-2.0
// The rules of union bpf_attr, command by command: the host kernel is asked the same question.
#include <gtest/gtest.h>

#include <vector>

#include "bpf/abi/flags.h"
#include "tests/support/host_kernel.h"
#include "tests/support/insn.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using namespace support;

class AttrRules : public testing::TestWithParam<u32> {};

TEST_P(AttrRules, BytesBehindTheLastFieldMustBeZeroAsOnTheHost) {
  SLUICE_REQUIRE_HOST_KERNEL();
  Local local;
  bpf_attr ours = make_attr();
  reinterpret_cast<char*>(&ours)[sizeof ours - 1] = 1;
  bpf_attr hosts = ours;
  EXPECT_EQ(local.call(GetParam(), ours), host_bpf(GetParam(), &hosts, sizeof hosts));
}

TEST_P(AttrRules, AnAttrFromTheFutureIsAcceptedOnlyIfItsSurplusIsZero) {
  SLUICE_REQUIRE_HOST_KERNEL();
  Local local;
  std::vector<char> longer(4096, 0);
  longer[sizeof(bpf_attr) + 5] = 1;
  std::vector<char> hosts = longer;
  const long expected = host_bpf(GetParam(), hosts.data(), u32(hosts.size()));
  EXPECT_EQ(expected, -E2BIG);
  EXPECT_EQ(local.door.bpf_command(local.client, GetParam(), longer.data(), u32(longer.size())), expected);
  longer.resize(4097);
  EXPECT_EQ(local.door.bpf_command(local.client, GetParam(), longer.data(), u32(longer.size())), -E2BIG);
}

// Descriptor 0 is closed meanwhile: fields that are zero then name no file here, as they name none on our door.
class NoDescriptorZero {
 public:
  NoDescriptorZero() : saved_(dup(0)) { close(0); }
  ~NoDescriptorZero() {
    dup2(saved_, 0);
    close(saved_);
  }

 private:
  int saved_;
};

// Where the last field ends: the first byte from which on every single byte that is set means EINVAL.
TEST_P(AttrRules, TheLastFieldEndsWhereTheHostsDoes) {
  SLUICE_REQUIRE_HOST_KERNEL();
  const NoDescriptorZero closed;
  Local local;
  for (std::size_t at = sizeof(bpf_attr); at-- > 0;) {
    bpf_attr ours = make_attr();
    reinterpret_cast<unsigned char*>(&ours)[at] = 0x40;
    bpf_attr hosts = ours;
    const long expected = host_bpf(GetParam(), &hosts, sizeof hosts);
    if (expected >= 0) close(int(expected));
    if (expected != -EINVAL) break;  // inside a field: what it means is another test's
    EXPECT_EQ(local.call(GetParam(), ours), -EINVAL) << "byte " << at << ": " << local.client.last_error;
  }
}

INSTANTIATE_TEST_SUITE_P(Commands, AttrRules,
                         testing::Values(bpf::BPF_MAP_CREATE, bpf::BPF_MAP_LOOKUP_ELEM, bpf::BPF_MAP_UPDATE_ELEM,
                                         bpf::BPF_MAP_DELETE_ELEM, bpf::BPF_MAP_GET_NEXT_KEY, bpf::BPF_PROG_LOAD,
                                         bpf::BPF_OBJ_PIN, bpf::BPF_OBJ_GET, bpf::BPF_PROG_TEST_RUN,
                                         bpf::BPF_PROG_GET_NEXT_ID, bpf::BPF_MAP_GET_NEXT_ID, bpf::BPF_BTF_GET_NEXT_ID,
                                         bpf::BPF_PROG_GET_FD_BY_ID, bpf::BPF_MAP_GET_FD_BY_ID,
                                         bpf::BPF_BTF_GET_FD_BY_ID, bpf::BPF_OBJ_GET_INFO_BY_FD, bpf::BPF_BTF_LOAD,
                                         bpf::BPF_MAP_LOOKUP_AND_DELETE_ELEM, bpf::BPF_MAP_FREEZE,
                                         bpf::BPF_PROG_BIND_MAP));

struct LogCase {
  const char* name;
  u32 level;
  u32 size;
  bool buffer;
};

class LogRules : public testing::TestWithParam<LogCase> {};

// log_level, log_buf and log_size: which combinations are taken, and what an accepted program's log answers.
TEST_P(LogRules, AnswerAsTheHost) {
  SLUICE_REQUIRE_HOST_KERNEL();
  const auto insns = code({mov64_imm(R0, 2), exit_insn()});
  Local local;
  std::vector<char> log(1 << 16);
  bpf_attr ours = Local::load_attr(insns);
  ours.log_level = GetParam().level;
  ours.log_size = GetParam().size;
  ours.log_buf = GetParam().buffer ? address(log.data()) : 0;
  bpf_attr hosts = ours;
  const long expected = host_bpf(bpf::BPF_PROG_LOAD, &hosts, sizeof hosts);
  const long got = local.call(bpf::BPF_PROG_LOAD, ours);
  EXPECT_EQ(got < 0 ? got : 0, expected < 0 ? expected : 0) << local.client.last_error;
  EXPECT_EQ(ours.log_true_size != 0, hosts.log_true_size != 0);
  if (expected >= 0) close(int(expected));
}

INSTANTIATE_TEST_SUITE_P(Combinations, LogRules,
                         testing::Values(LogCase{"none", 0, 0, false}, LogCase{"level", 1, 0, false},
                                         LogCase{"whole", 1, 65536, true}, LogCase{"more", 2, 65536, true},
                                         LogCase{"short", 2, 8, true}, LogCase{"fixed", 2 | 8, 8, true},
                                         LogCase{"no_size", 1, 0, true}, LogCase{"no_buffer", 1, 100, false},
                                         LogCase{"no_level", 0, 100, true}, LogCase{"unknown_level", 16, 100, true},
                                         LogCase{"stats", 4, 65536, true}),
                         [](const auto& info) { return std::string(info.param.name); });

struct MapCase {
  const char* name;
  u32 type, key, value, entries, flags;
};

class MapRules : public testing::TestWithParam<MapCase> {};

TEST_P(MapRules, TheNumbersOfAMapAreJudgedAsOnTheHost) {
  SLUICE_REQUIRE_HOST_KERNEL();
  Local local;
  const MapCase& c = GetParam();
  bpf_attr hosts = make_attr();
  hosts.map_type = c.type;
  hosts.key_size = c.key;
  hosts.value_size = c.value;
  hosts.max_entries = c.entries;
  hosts.map_flags = c.flags;
  std::memcpy(hosts.map_name, "m", 1);
  const long expected = host_bpf(bpf::BPF_MAP_CREATE, &hosts, sizeof hosts);
  if (expected >= 0) close(int(expected));
  const long got = local.make_map(c.type, c.key, c.value, c.entries, c.flags);
  EXPECT_EQ(got < 0 ? got : 0, expected < 0 ? expected : 0) << local.client.last_error;
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, MapRules,
    testing::Values(MapCase{"array", 2, 4, 8, 4, 0}, MapCase{"array_key", 2, 8, 8, 4, 0},
                    MapCase{"array_empty", 2, 4, 8, 0, 0}, MapCase{"array_valueless", 2, 4, 0, 4, 0},
                    MapCase{"array_no_prealloc", 2, 4, 8, 4, 1}, MapCase{"hash", 1, 4, 8, 4, 0},
                    MapCase{"hash_keyless", 1, 0, 8, 4, 0}, MapCase{"hash_lazy", 1, 4, 8, 4, 1},
                    MapCase{"hash_long_key", 1, 600, 8, 4, 0}, MapCase{"hash_empty", 1, 4, 8, 0, 0},
                    MapCase{"trie", 11, 8, 8, 4, 1}, MapCase{"trie_preallocated", 11, 8, 8, 4, 0},
                    MapCase{"trie_key", 11, 4, 8, 4, 1}, MapCase{"trie_long_key", 11, 261, 8, 4, 1},
                    MapCase{"prog_array", 3, 4, 4, 4, 0}, MapCase{"prog_array_value", 3, 4, 8, 4, 0},
                    MapCase{"devmap", 14, 4, 4, 4, 0}, MapCase{"devmap_prog", 14, 4, 8, 4, 0},
                    MapCase{"devmap_value", 14, 4, 6, 4, 0}, MapCase{"percpu_array", 6, 4, 8, 4, 0},
                    MapCase{"percpu_hash", 5, 4, 8, 4, 0}, MapCase{"unknown_flag", 1, 4, 8, 4, 1U << 30},
                    MapCase{"unknown_type", 4000, 4, 8, 4, 0}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace control_test
