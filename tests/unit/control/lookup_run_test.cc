// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_TEST_RUN of SK_LOOKUP and FLOW_DISSECTOR: answers, contexts and keys against the host kernel.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "bpf/abi/context.h"
#include "bpf/abi/func_id.h"
#include "bpf/abi/host/bpf_flow_dissector.h"
#include "tests/support/host_kernel.h"
#include "tests/support/insn.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using namespace support;
using bpf::bpf_sk_lookup;

using Code = std::vector<bpf::bpf_insn>;
constexpr int kRandomRuns = 400;

// A program with a map of one u64 on one side: ours or the host's.
struct Side {
  std::function<long(u32, bpf_attr&)> call;
  long map = -1, prog = -1;

  void load(bpf::bpf_prog_type type, bpf::bpf_attach_type attach, const std::function<Code(u32 map)>& make) {
    bpf_attr create = make_attr();
    create.map_type = bpf::BPF_MAP_TYPE_ARRAY;
    create.key_size = 4;
    create.value_size = 8;
    create.max_entries = 1;
    map = call(bpf::BPF_MAP_CREATE, create);
    ASSERT_GE(map, 0);
    const Code insns = make(u32(map));
    bpf_attr attr = Local::load_attr(insns);
    attr.prog_type = type;
    attr.expected_attach_type = attach;
    prog = call(bpf::BPF_PROG_LOAD, attr);
    ASSERT_GE(prog, 0) << "type " << type;
  }
  u64 noted() {
    u32 key = 0;
    u64 value = 0;
    bpf_attr attr = make_attr();
    attr.map_fd = u32(map);
    attr.key = address(&key);
    attr.value = address(&value);
    EXPECT_EQ(call(bpf::BPF_MAP_LOOKUP_ELEM, attr), 0);
    return value;
  }
};

struct Sides {
  explicit Sides(control::Engine engine)
      : local([&] {
          control::DoorConfig config;
          config.engine = engine;
          return config;
        }()) {
    ours.call = [this](u32 cmd, bpf_attr& a) { return local.call(cmd, a); };
    host.call = [](u32 cmd, bpf_attr& a) { return host_bpf(cmd, &a, sizeof a); };
  }
  ~Sides() {
    for (const long fd : {host.map, host.prog})
      if (fd >= 0) close(int(fd));
  }
  Local local;
  Side ours, host;
};

// *map[0] = r0 of `body`; r0 = 1. r1 is the context when `body` begins.
Code noting(u32 map, Code body) {
  const Code rest =
      code({mov64_reg(R7, R0), st(bpf::BPF_W, R10, -4, 0), mov64_reg(R2, R10), alu64_imm(bpf::BPF_ADD, R2, -4),
            ld_map_value(R3, map, 0), stx(bpf::BPF_DW, R3, R7, 0), mov64_imm(R0, 1), exit_insn()});
  body.insert(body.end(), rest.begin(), rest.end());
  return body;
}

struct LookupAnswer {
  long rc;
  u32 retval, ctx_size;
  bpf_sk_lookup ctx;
  u64 noted;
  bool operator==(const LookupAnswer& o) const {
    return rc == o.rc && retval == o.retval && ctx_size == o.ctx_size && noted == o.noted &&
           std::memcmp(&ctx, &o.ctx, sizeof ctx) == 0;
  }
};
void PrintTo(const LookupAnswer& a, std::ostream* out) {
  *out << "rc " << a.rc << " retval " << a.retval << " ctx_size " << a.ctx_size << " noted " << a.noted;
}

struct LookupCase {
  bpf_sk_lookup ctx{};
  u32 size = sizeof(bpf_sk_lookup), room = sizeof(bpf_sk_lookup), flags = 0, data = 0;
};

LookupAnswer run(Side& side, const LookupCase& c) {
  struct {
    bpf_sk_lookup ctx;
    char surplus[16] = {};
  } in{c.ctx, {}};
  bpf_sk_lookup out{};
  char data[64] = {};
  bpf_attr attr = make_attr();
  attr.test.prog_fd = u32(side.prog);
  attr.test.flags = c.flags;
  if (c.data) attr.test.data_in = address(data);
  attr.test.data_size_in = c.data;
  if (c.size) attr.test.ctx_in = address(&in);
  attr.test.ctx_size_in = c.size;
  if (c.room) attr.test.ctx_out = address(&out);
  attr.test.ctx_size_out = c.room;
  const long rc = side.call(bpf::BPF_PROG_TEST_RUN, attr);
  return {rc, attr.test.retval, attr.test.ctx_size_out, out, side.noted()};
}

bpf_sk_lookup random_ctx(std::mt19937& random) {
  bpf_sk_lookup ctx{};
  auto* words = reinterpret_cast<u32*>(&ctx);
  for (u32 at = 2; at < 16; ++at) words[at] = u32(random());
  ctx.family = random() % 2 ? 2 : 10;
  ctx.local_port &= 0xffff;
  switch (random() % 16) {
    case 0:
      words[random() % 18] = u32(random());
      break;
    case 1:
      ctx.family = u32(random() % 12);
      break;
    case 2:
      ctx.protocol = 6;
      break;
  }
  return ctx;
}

class LookupRun : public testing::TestWithParam<control::Engine> {};

TEST_P(LookupRun, EveryFieldIsWhatTheHostShows) {
  SLUICE_REQUIRE_HOST_KERNEL();
  std::mt19937 random(1);
  struct Access {
    int size, offset;
  };
  std::vector<Access> accesses;
  for (int at = 8; at < 68; at += 4) accesses.push_back({bpf::BPF_W, at});
  for (const int at : {8, 9, 11, 13, 14, 18, 33, 36, 37, 38, 39, 61, 62}) accesses.push_back({bpf::BPF_B, at});
  for (const int at : {8, 10, 12, 14, 36, 38, 60, 62, 66}) accesses.push_back({bpf::BPF_H, at});
  for (const Access access : accesses) {
    Sides sides(GetParam());
    const auto program = [&](u32 map) { return noting(map, code({ldx(access.size, R0, R1, access.offset)})); };
    for (Side* side : {&sides.ours, &sides.host}) side->load(bpf::BPF_PROG_TYPE_SK_LOOKUP, bpf::BPF_SK_LOOKUP, program);
    ASSERT_FALSE(HasFatalFailure());
    for (int i = 0; i < 20; ++i) {
      const LookupCase c{.ctx = random_ctx(random)};
      ASSERT_EQ(run(sides.ours, c), run(sides.host, c)) << access.offset << ": " << sides.local.client.last_error;
    }
  }
}

TEST_P(LookupRun, RequestsAreRefusedAsByTheHost) {
  SLUICE_REQUIRE_HOST_KERNEL();
  Sides sides(GetParam());
  // Nothing is chosen, with flags that are known and not.
  const auto program = [](u32 map) {
    return noting(map, code({ldx(bpf::BPF_W, R3, R1, 60), mov64_imm(R2, 0), call_helper(bpf::BPF_FUNC_sk_assign)}));
  };
  for (Side* side : {&sides.ours, &sides.host}) side->load(bpf::BPF_PROG_TYPE_SK_LOOKUP, bpf::BPF_SK_LOOKUP, program);
  ASSERT_FALSE(HasFatalFailure());
  std::vector<LookupCase> cases = {{.ctx = {.family = 2}, .size = 0},
                                   {.ctx = {.family = 2}, .size = 20},
                                   {.ctx = {.family = 2}, .size = 88},
                                   {.ctx = {.family = 2}, .room = 0},
                                   {.ctx = {.family = 2}, .room = 20},
                                   {.ctx = {.family = 2}, .flags = 1},
                                   {.ctx = {.family = 2}, .data = 20},
                                   {.ctx = {.family = 2, .local_port = 65536}},
                                   {.size = 0, .room = 0}};
  for (u32 port = 0; port < 6; ++port) cases.push_back({.ctx = {.family = 10, .local_port = port}});
  for (std::size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(run(sides.ours, cases[i]), run(sides.host, cases[i])) << i << ": " << sides.local.client.last_error;
}

struct FlowAnswer {
  long rc;
  u32 retval, size, ctx_size;
  std::vector<char> keys, ctx;
  u64 noted;
  bool operator==(const FlowAnswer&) const = default;
};
void PrintTo(const FlowAnswer& a, std::ostream* out) {
  *out << "rc " << a.rc << " retval " << a.retval << " size " << a.size << " ctx_size " << a.ctx_size << " noted "
       << a.noted << " keys";
  for (const char c : a.keys) *out << ' ' << int(static_cast<unsigned char>(c));
}

struct FlowCase {
  std::vector<char> packet = std::vector<char>(60);
  std::vector<char> ctx = {};
  u32 room = sizeof(bpf_flow_keys), flags = 0, repeat = 1;
};

FlowAnswer run(Side& side, const FlowCase& c) {
  FlowAnswer answer{.keys = std::vector<char>(sizeof(bpf_flow_keys)), .ctx = std::vector<char>(80)};
  bpf_attr attr = make_attr();
  attr.test.prog_fd = u32(side.prog);
  attr.test.data_in = address(c.packet.data());
  attr.test.data_size_in = u32(c.packet.size());
  if (c.room) attr.test.data_out = address(answer.keys.data());
  attr.test.data_size_out = c.room;
  attr.test.flags = c.flags;
  attr.test.repeat = c.repeat;
  if (!c.ctx.empty()) {
    attr.test.ctx_in = address(c.ctx.data());
    attr.test.ctx_size_in = u32(c.ctx.size());
    attr.test.ctx_out = address(answer.ctx.data());
    attr.test.ctx_size_out = u32(answer.ctx.size());
  }
  answer.rc = side.call(bpf::BPF_PROG_TEST_RUN, attr);
  answer.retval = attr.test.retval;
  answer.size = attr.test.data_size_out;
  answer.ctx_size = attr.test.ctx_size_out;
  answer.noted = side.noted();
  return answer;
}

constexpr int kData = offsetof(bpf::__sk_buff, data), kDataEnd = offsetof(bpf::__sk_buff, data_end),
              kKeys = offsetof(bpf::__sk_buff, flow_keys);

// Adds up what the keys hold at first, fills them from the packet, tries to load bytes, returns a byte of the packet.
Code dissect(u32 map) {
  return code({mov64_reg(R6, R1),
               ldx(bpf::BPF_DW, R8, R1, kKeys),
               ldx(bpf::BPF_W, R2, R1, kData),
               ldx(bpf::BPF_W, R3, R1, kDataEnd),
               ldx(bpf::BPF_W, R7, R8, 0),
               ldx(bpf::BPF_H, R4, R8, 10),
               alu64_imm(bpf::BPF_LSH, R4, 32),
               alu64_reg(bpf::BPF_ADD, R7, R4),
               ldx(bpf::BPF_W, R4, R8, 48),
               alu64_reg(bpf::BPF_XOR, R7, R4),
               mov64_reg(R4, R2),
               alu64_imm(bpf::BPF_ADD, R4, 20),
               mov64_imm(R9, 129),
               jmp_reg(bpf::BPF_JGT, R4, R3, 9),
               ldx(bpf::BPF_H, R4, R2, 14),
               stx(bpf::BPF_H, R8, R4, 0),
               ldx(bpf::BPF_H, R4, R2, 16),
               stx(bpf::BPF_H, R8, R4, 2),
               ldx(bpf::BPF_W, R4, R2, 8),
               stx(bpf::BPF_W, R8, R4, 16),
               ldx(bpf::BPF_B, R4, R2, 18),
               stx(bpf::BPF_B, R8, R4, 9),
               ldx(bpf::BPF_B, R9, R2, 19),
               st(bpf::BPF_DW, R10, -8, 77),
               mov64_reg(R1, R6),
               mov64_imm(R2, 2),
               mov64_reg(R3, R10),
               alu64_imm(bpf::BPF_ADD, R3, -8),
               mov64_imm(R4, 8),
               call_helper(bpf::BPF_FUNC_skb_load_bytes),
               alu64_reg(bpf::BPF_ADD, R7, R0),
               ldx(bpf::BPF_DW, R0, R10, -8),
               alu64_reg(bpf::BPF_ADD, R7, R0),
               ld_map_value(R3, map, 0),
               stx(bpf::BPF_DW, R3, R7, 0),
               mov64_reg(R0, R9),
               exit_insn()});
}

TEST_P(LookupRun, KeysOfAPacketAreTheHosts) {
  SLUICE_REQUIRE_HOST_KERNEL();
  Sides sides(GetParam());
  for (Side* side : {&sides.ours, &sides.host})
    side->load(bpf::BPF_PROG_TYPE_FLOW_DISSECTOR, bpf::bpf_attach_type(0), dissect);
  ASSERT_FALSE(HasFatalFailure());
  std::vector<FlowCase> cases = {{}, {.room = 0}, {.room = 10}, {.flags = 1}, {.flags = 4}, {.repeat = 3}};
  for (const std::size_t size : {0, 13, 14, 15, 19, 20, 4096, 4097})
    cases.push_back({.packet = std::vector<char>(size)});
  for (std::size_t at = 0; at < sizeof(bpf_flow_keys); ++at) {
    cases.push_back({.ctx = std::vector<char>(sizeof(bpf_flow_keys))});
    cases.back().ctx[at] = 5;
  }
  for (const std::size_t size : {10, 56, 60}) cases.push_back({.ctx = std::vector<char>(size)});
  std::mt19937 random(2);
  for (int i = 0; i < kRandomRuns; ++i) {
    cases.push_back({.packet = std::vector<char>(14 + random() % 200)});
    for (char& byte : cases.back().packet) byte = char(random() % 4 ? random() % 64 : random());
  }
  for (std::size_t i = 0; i < cases.size(); ++i)
    ASSERT_EQ(run(sides.ours, cases[i]), run(sides.host, cases[i])) << i << ": " << sides.local.client.last_error;
}

INSTANTIATE_TEST_SUITE_P(Engines, LookupRun, testing::Values(control::Engine::jit, control::Engine::interp),
                         [](const auto& info) { return info.param == control::Engine::jit ? "jit" : "interp"; });

}  // namespace
}  // namespace control_test
