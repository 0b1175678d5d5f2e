// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_TEST_RUN of the types that see a struct __sk_buff: what is refused, and with which errno, against the host
// kernel. What programs compute is the business of tests/oracle/skb_oracle.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "bpf/abi/context.h"
#include "bpf/abi/flags.h"
#include "tests/support/host_kernel.h"
#include "tests/support/insn.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using namespace support;
using bpf::__sk_buff;

constexpr u32 kWhole = sizeof(__sk_buff);

struct SkbCase {
  std::string name;
  u32 size = 100;
  u32 ethertype = 0x0800;
  u32 room = 70000;
  u32 flags = 0, cpu = 0, batch = 0, repeat = 1;
  bool ctx = false;
  __sk_buff in{};
  u32 ctx_size = kWhole, ctx_room = kWhole;
};

struct SkbAnswer {
  long rc;
  u32 retval, size, ctx_size;
  std::vector<char> data;
  __sk_buff ctx;

  bool operator==(const SkbAnswer& o) const {
    return rc == o.rc && retval == o.retval && size == o.size && ctx_size == o.ctx_size && data == o.data &&
           std::memcmp(&ctx, &o.ctx, sizeof ctx) == 0;
  }
};

void PrintTo(const SkbAnswer& a, std::ostream* out) {
  *out << "rc " << a.rc << " retval " << a.retval << " size " << a.size << " ctx_size " << a.ctx_size << " wire_len "
       << a.ctx.wire_len;
}

template <class Call>
SkbAnswer run(Call&& call, long fd, const SkbCase& c) {
  std::vector<char> in(std::max<u32>(c.size, 14)), out(std::max<u32>(c.room, 1));
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = char(i * 7 + 1);
  in[12] = char(c.ethertype >> 8), in[13] = char(c.ethertype);
  struct {
    __sk_buff ctx;
    char surplus[24] = {};
  } ctx{c.in, {}};
  __sk_buff ctx_out{};
  bpf_attr attr = make_attr();
  attr.test.prog_fd = u32(fd);
  attr.test.data_in = address(in.data());
  attr.test.data_size_in = c.size;
  if (c.room) attr.test.data_out = address(out.data());
  attr.test.data_size_out = c.room;
  attr.test.repeat = c.repeat;
  attr.test.flags = c.flags;
  attr.test.cpu = c.cpu;
  attr.test.batch_size = c.batch;
  if (c.ctx) {
    attr.test.ctx_in = address(&ctx);
    attr.test.ctx_size_in = c.ctx_size;
    attr.test.ctx_out = address(&ctx_out);
    attr.test.ctx_size_out = c.ctx_room;
  }
  const long rc = call(bpf::BPF_PROG_TEST_RUN, attr);
  SkbAnswer answer{rc, attr.test.retval, attr.test.data_size_out, attr.test.ctx_size_out, {}, ctx_out};
  if (rc == 0) answer.data.assign(out.begin(), out.begin() + std::min(c.room, attr.test.data_size_out));
  return answer;
}

SkbCase with_ctx(std::string name, __sk_buff in) {
  return {.name = std::move(name), .ctx = true, .in = in};
}

std::vector<SkbCase> skb_cases() {
  std::vector<SkbCase> cases = {
      {.name = "plain"},
      {.name = "nothing", .size = 0},
      {.name = "too_short", .size = 13},
      {.name = "no_ip4_header", .size = 33},
      {.name = "only_ip4_header", .size = 34},
      {.name = "no_ip6_header", .size = 53, .ethertype = 0x86dd},
      {.name = "only_ip6_header", .size = 54, .ethertype = 0x86dd},
      {.name = "only_link_header", .size = 14, .ethertype = 0x0806},
      {.name = "longest", .size = 3712},
      {.name = "too_long", .size = 3713},
      {.name = "no_output", .room = 0},
      {.name = "output_too_small", .room = 10},
      {.name = "on_cpu_flag", .flags = 1},
      {.name = "live_frames_flag", .flags = 2},
      {.name = "checksum_flag", .flags = 4},
      {.name = "unknown_flag", .flags = 8},
      {.name = "a_cpu", .cpu = 1},
      {.name = "a_batch", .batch = 1},
      {.name = "three_runs", .repeat = 3},
      with_ctx("empty_ctx", {}),
      {.name = "short_ctx", .ctx = true, .in = {.mark = 7}, .ctx_size = 12},
      {.name = "long_ctx", .ctx = true, .ctx_size = 216},
      {.name = "ctx_out_too_small", .ctx = true, .in = {.mark = 7}, .ctx_room = 12},
      with_ctx("loopback", {.ifindex = 1}),
      with_ctx("no_such_device", {.ifindex = 99999}),
      with_ctx("any_ingress", {.ingress_ifindex = 99999}),
      with_ctx("wire_len_too_small", {.wire_len = 50}),
      with_ctx("wire_len_between", {.wire_len = 90}),
      with_ctx("wire_len_greatest", {.wire_len = 65536}),
      with_ctx("wire_len_too_great", {.wire_len = 65537}),
      with_ctx("most_segments", {.gso_segs = 65535}),
      with_ctx("too_many_segments", {.gso_segs = 65536}),
  };
  for (u32 at = 0; at < kWhole; at += 4) {
    if (at == offsetof(__sk_buff, ifindex)) continue;
    SkbCase c = with_ctx("word_at_" + std::to_string(at), {});
    reinterpret_cast<u32*>(&c.in)[at / 4] = 1;
    cases.push_back(c);
  }
  return cases;
}

constexpr bpf::bpf_prog_type kTypes[] = {bpf::BPF_PROG_TYPE_SOCKET_FILTER, bpf::BPF_PROG_TYPE_SCHED_CLS,
                                         bpf::BPF_PROG_TYPE_SCHED_ACT,     bpf::BPF_PROG_TYPE_CGROUP_SKB,
                                         bpf::BPF_PROG_TYPE_LWT_IN,        bpf::BPF_PROG_TYPE_LWT_OUT,
                                         bpf::BPF_PROG_TYPE_LWT_XMIT};

class SkbRun : public testing::TestWithParam<SkbCase> {};

TEST_P(SkbRun, AnswersAsTheHost) {
  SLUICE_REQUIRE_HOST_KERNEL();
  const auto insns = code({ldx(bpf::BPF_W, R0, R1, 0), alu64_imm(bpf::BPF_AND, R0, 1), exit_insn()});
  for (const auto type : kTypes) {
    bpf_attr load = Local::load_attr(insns);
    load.prog_type = type;
    const Fd host(int(host_bpf(bpf::BPF_PROG_LOAD, &load, sizeof load)));
    ASSERT_TRUE(host.valid());
    const SkbAnswer expected =
        run([](u32 cmd, bpf_attr& a) { return host_bpf(cmd, &a, sizeof a); }, host.get(), GetParam());
    for (const auto engine : {control::Engine::jit, control::Engine::interp}) {
      control::DoorConfig config;
      config.engine = engine;
      Local local(std::move(config));
      bpf_attr ours_load = Local::load_attr(insns);
      ours_load.prog_type = type;
      const long ours = local.call(bpf::BPF_PROG_LOAD, ours_load);
      ASSERT_GE(ours, 0) << local.client.last_error;
      EXPECT_EQ(run([&](u32 cmd, bpf_attr& a) { return local.call(cmd, a); }, ours, GetParam()), expected)
          << "type " << type << ": " << local.client.last_error;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, SkbRun, testing::ValuesIn(skb_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace control_test
