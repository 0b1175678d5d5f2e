// SPDX-License-Identifier: Apache-2.0
#include "bpf/builder/wire.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/support/insn.h"

namespace bpf::builder {
namespace {
using namespace support;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

MapFacts make_map() {
  MapFacts m{.id = 3, .type = BPF_MAP_TYPE_HASH, .key_size = 16, .value_size = 8, .max_entries = 1024};
  m.map_flags = 1;
  m.map_extra = 0x1234567890;
  m.name = "flows";
  m.frozen = true;
  m.btf_key_type_id = 4;
  m.btf_value_type_id = 5;
  m.btf = bytes_of("btf");
  m.contents = bytes_of("contents");
  return m;
}

BuildRequest make_request() {
  BuildRequest r;
  r.source.type = BPF_PROG_TYPE_XDP;
  r.source.expected_attach_type = BPF_XDP_DEVMAP;
  r.source.prog_flags = 8;
  r.source.gpl_compatible = true;
  r.source.caps.perfmon = false;
  r.source.name = "fw";
  r.source.insns = code({mov64_imm(R0, -2), exit_insn()});
  r.source.maps = {make_map()};
  r.source.btf = bytes_of("more btf");
  r.source.func_info = {{1, 2}};
  r.source.line_info = {{1, 2, 3, 4}};
  r.verify.log_level = 2;
  r.compile.tier = jit::Tier::quick;
  r.want_object = false;
  return r;
}

BuildReply make_reply() {
  BuildReply r;
  r.verdict.error = 0;
  r.verdict.log = "log";
  r.verdict.reason = "why";
  r.verdict.stats.verify_ns = 99;
  r.verdict.program.facts = {{.reached = true, .mem = MemKind::packet, .map_index = -1, .ctx_offset = 8}};
  r.verdict.program.subprogs = {{.begin = 0, .end = 1, .stack_bytes = 32, .is_callback = true}};
  r.lowered.type = BPF_PROG_TYPE_XDP;
  r.lowered.name = "fw";
  LowInsn low{.op = LowOp::load_map, .mem = MemKind::host, .dead = true, .map_index = 0, .target = 4, .origin = 7};
  low.imm64 = 0x1122334455667788;
  low.insn = mov64_imm(R3, 7).insns[0];
  r.lowered.insns = {low};
  r.lowered.maps = {make_map()};
  r.lowered.uses_redirect = true;
  r.object = bytes_of(
      "\x7f"
      "ELF");
  r.jit_ns = 12345;
  return r;
}

TEST(BuilderWire, RequestSurvivesTheRoundTrip) {
  const std::vector<std::byte> bytes = encode(make_request());
  const auto decoded = decode_request(bytes);
  ASSERT_TRUE(decoded) << decoded.error().what();
  const ProgSource& s = decoded->source;
  EXPECT_EQ(s.expected_attach_type, BPF_XDP_DEVMAP);
  EXPECT_EQ(s.caps, make_request().source.caps);
  EXPECT_TRUE(s.gpl_compatible);
  EXPECT_EQ(s.name, "fw");
  EXPECT_EQ(s.insns, make_request().source.insns);
  ASSERT_EQ(s.maps.size(), 1u);
  EXPECT_EQ(s.maps[0].map_extra, 0x1234567890u);
  EXPECT_EQ(s.maps[0].contents, bytes_of("contents"));
  EXPECT_EQ(s.line_info[0].line_col, 4u);
  EXPECT_EQ(decoded->compile.tier, jit::Tier::quick);
  EXPECT_FALSE(decoded->want_object);
  EXPECT_EQ(encode(*decoded), bytes) << "some field got lost";
}

TEST(BuilderWire, ReplySurvivesTheRoundTrip) {
  const std::vector<std::byte> bytes = encode(make_reply());
  const auto decoded = decode_reply(bytes);
  ASSERT_TRUE(decoded) << decoded.error().what();
  ASSERT_EQ(decoded->lowered.insns.size(), 1u);
  const LowInsn& low = decoded->lowered.insns[0];
  EXPECT_EQ(low.op, LowOp::load_map);
  EXPECT_EQ(low.mem, MemKind::host);
  EXPECT_TRUE(low.dead);
  EXPECT_EQ(low.imm64, 0x1122334455667788u);
  EXPECT_EQ(low.insn, make_reply().lowered.insns[0].insn);
  EXPECT_EQ(decoded->verdict.program.facts[0].ctx_offset, 8);
  EXPECT_EQ(decoded->verdict.program.subprogs[0].stack_bytes, 32u);
  EXPECT_EQ(decoded->object, make_reply().object);
  EXPECT_EQ(decoded->jit_ns, 12345u);
  EXPECT_EQ(encode(*decoded), bytes) << "some field got lost";
}

TEST(BuilderWire, EveryTruncationIsRefused) {
  const std::vector<std::byte> request = encode(make_request());
  for (size_t size = 0; size < request.size(); ++size)
    EXPECT_FALSE(decode_request(std::span(request).first(size))) << size;
  const std::vector<std::byte> reply = encode(make_reply());
  for (size_t size = 0; size < reply.size(); ++size) EXPECT_FALSE(decode_reply(std::span(reply).first(size))) << size;
}

TEST(BuilderWire, BytesLeftOverAreRefused) {
  std::vector<std::byte> bytes = encode(make_reply());
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_reply(bytes));
}

TEST(BuilderWire, RequestIsNoReply) {
  EXPECT_FALSE(decode_reply(encode(make_request())));
  EXPECT_FALSE(decode_request(encode(make_reply())));
}

TEST(BuilderWire, HugeCountsCostNothing) {
  std::vector<std::byte> bytes = encode(BuildRequest{});
  // Every 8-byte window in turn claims 2^60 elements.
  for (size_t at = 4; at + 8 <= bytes.size(); ++at) {
    std::vector<std::byte> hostile = bytes;
    const u64 count = u64{1} << 60;
    std::memcpy(&hostile[at], &count, sizeof count);
    static_cast<void>(decode_request(hostile));
  }
}

TEST(BuilderWire, FlippedBitsDecodeToSomethingValidOrNothing) {
  const std::vector<std::byte> good = encode(make_reply());
  std::mt19937_64 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes = good;
    for (int flips = 0; flips < 3; ++flips) bytes[random() % bytes.size()] ^= std::byte(1 << random() % 8);
    const auto decoded = decode_reply(bytes);
    if (!decoded) continue;
    for (const LowInsn& low : decoded->lowered.insns) {
      EXPECT_LE(low.op, LowOp::load_env);
      EXPECT_LE(low.mem, MemKind::host);
    }
  }
}

}  // namespace
}  // namespace bpf::builder
