// SPDX-License-Identifier: Apache-2.0
// PROG_LOAD's tag and BPF_PROG_TEST_RUN, against the host kernel.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "bpf/abi/context.h"
#include "bpf/abi/flags.h"
#include "tests/support/host_kernel.h"
#include "tests/support/insn.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using namespace support;

template <class Call>
bpf::bpf_prog_info info_of(Call&& call, long fd) {
  bpf::bpf_prog_info info{};
  bpf_attr attr = make_attr();
  attr.info.bpf_fd = u32(fd);
  attr.info.info = address(&info);
  attr.info.info_len = sizeof info;
  EXPECT_EQ(call(bpf::BPF_OBJ_GET_INFO_BY_FD, attr), 0);
  return info;
}

TEST(ProgramTag, IsTheHosts) {
  SLUICE_REQUIRE_HOST_KERNEL();
  Local local;
  const long ours_map = local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 8, 1);
  bpf_attr create = make_attr();
  create.map_type = bpf::BPF_MAP_TYPE_ARRAY;
  create.key_size = 4;
  create.value_size = 8;
  create.max_entries = 1;
  const Fd host_map(int(host_bpf(bpf::BPF_MAP_CREATE, &create, sizeof create)));
  const auto program = [](u32 map) {
    return code({ld_map_value(R1, map, 4), ld_map(R2, map), mov64_imm(R0, 2), exit_insn()});
  };
  const auto ours_insns = program(u32(ours_map));
  const auto host_insns = program(u32(host_map.get()));
  const long ours = local.load(ours_insns);
  ASSERT_GE(ours, 0) << local.client.last_error;
  bpf_attr load = Local::load_attr(host_insns);
  const Fd host(int(host_bpf(bpf::BPF_PROG_LOAD, &load, sizeof load)));
  ASSERT_TRUE(host.valid());
  const auto our_info = info_of([&](u32 cmd, bpf_attr& a) { return local.call(cmd, a); }, ours);
  const auto host_info = info_of([](u32 cmd, bpf_attr& a) { return host_bpf(cmd, &a, sizeof a); }, host.get());
  EXPECT_EQ(std::memcmp(our_info.tag, host_info.tag, sizeof our_info.tag), 0);
  EXPECT_EQ(our_info.gpl_compatible, host_info.gpl_compatible);
}

// Programs whose answer says what they saw.
std::vector<bpf::bpf_insn> field(int offset) { return code({ldx(bpf::BPF_W, R0, R1, offset), exit_insn()}); }
std::vector<bpf::bpf_insn> length() {
  return code({ldx(bpf::BPF_W, R2, R1, 0), ldx(bpf::BPF_W, R0, R1, 4), alu64_reg(bpf::BPF_SUB, R0, R2), exit_insn()});
}
std::vector<bpf::bpf_insn> adjust(int helper, int delta) {
  return code({mov64_imm(R2, delta), call_helper(helper), exit_insn()});
}
constexpr int kAdjustHead = 44, kAdjustMeta = 54, kAdjustTail = 65;

struct RunCase {
  std::string name;
  std::vector<bpf::bpf_insn> insns;
  u32 size = 64;
  u32 room = 70000;
  u32 repeat = 1;
  bool ctx = false;
  bpf::xdp_md md{};
  u32 ctx_size = sizeof(bpf::xdp_md);
  u32 flags = 0;
  u32 batch = 0;
};

struct RunAnswer {
  long rc;
  u32 retval, size, ctx_size;
  std::vector<char> data;
  bpf::xdp_md md;

  bool operator==(const RunAnswer& o) const {
    return rc == o.rc && retval == o.retval && size == o.size && ctx_size == o.ctx_size && data == o.data &&
           std::memcmp(&md, &o.md, sizeof md) == 0;
  }
};

void PrintTo(const RunAnswer& a, std::ostream* out) {
  *out << "rc " << a.rc << " retval " << a.retval << " size " << a.size << " ctx_size " << a.ctx_size << " data "
       << a.md.data << ".." << a.md.data_end;
}

template <class Call>
RunAnswer run(Call&& call, long fd, const RunCase& c) {
  std::vector<char> in(std::max<u32>(c.size, 1));
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = char(i * 7 + 1);
  std::vector<char> out(std::max<u32>(c.room, 1));
  struct {
    bpf::xdp_md md;
    char surplus[24] = {};
  } ctx{c.md, {}};
  bpf::xdp_md ctx_out{};
  bpf_attr attr = make_attr();
  attr.test.prog_fd = u32(fd);
  attr.test.data_in = address(in.data());
  attr.test.data_size_in = c.size;
  if (c.room) attr.test.data_out = address(out.data());
  attr.test.data_size_out = c.room;
  attr.test.repeat = c.repeat;
  attr.test.flags = c.flags;
  attr.test.batch_size = c.batch;
  if (c.ctx) {
    attr.test.ctx_in = address(&ctx);
    attr.test.ctx_size_in = c.ctx_size;
    attr.test.ctx_out = address(&ctx_out);
    attr.test.ctx_size_out = sizeof ctx_out;
  }
  const long rc = call(bpf::BPF_PROG_TEST_RUN, attr);
  RunAnswer answer{rc, attr.test.retval, attr.test.data_size_out, attr.test.ctx_size_out, {}, ctx_out};
  if (rc == 0) answer.data.assign(out.begin(), out.begin() + std::min(c.room, attr.test.data_size_out));
  return answer;
}

bpf::xdp_md md(u32 data, u32 end, u32 ifindex = 0, u32 queue = 0) { return {data, end, 0, ifindex, queue, 0}; }

std::vector<RunCase> run_cases() {
  std::vector<RunCase> cases = {
      {"plain", length()},
      {"shortest", length(), 14},
      {"too_short", length(), 13},
      {"nothing", length(), 0},
      {"longest_linear", length(), 3520},
      {"with_fragments", length(), 3521},
      {"five_thousand", length(), 5000},
      {"no_output", length(), 64, 0},
      {"output_too_small", length(), 64, 10},
      {"unknown_flag", length(), 64, 64, 1, false, {}, 24, 4},
      {"on_cpu_flag", length(), 64, 64, 1, false, {}, 24, 1},
      {"batch_without_live", length(), 64, 64, 1, false, {}, 24, 0, 1},
      {"default_ifindex", field(12)},
      {"default_queue", field(16)},
      {"loopback", field(12), 64, 64, 1, true, md(0, 64, 1, 0)},
      {"no_such_queue", field(12), 64, 64, 1, true, md(0, 64, 1, 5)},
      {"no_such_device", field(12), 64, 64, 1, true, md(0, 64, 99999, 0)},
      {"queue_without_device", field(12), 64, 64, 1, true, md(0, 64, 0, 1)},
      {"egress", field(12), 64, 64, 1, true, {0, 64, 0, 0, 0, 1}},
      {"meta_given", field(12), 64, 64, 1, true, {0, 64, 4, 0, 0, 0}},
      {"short_ctx", length(), 64, 64, 1, true, md(0, 64), 8},
      {"long_ctx", length(), 64, 64, 1, true, md(0, 64), 48},
      {"packet_needs_fourteen", length(), 64, 64, 1, true, md(52, 64)},
      {"packet_has_fourteen", length(), 64, 64, 1, true, md(48, 64)},
      {"ctx_ends_behind", length(), 64, 64, 1, true, md(0, 65)},
      {"head_minus_8", adjust(kAdjustHead, -8)},
      {"head_plus_50", adjust(kAdjustHead, 50)},
      {"head_plus_51", adjust(kAdjustHead, 51)},
      {"head_in_three_runs", adjust(kAdjustHead, -8), 64, 70000, 3},
      {"head_out_of_room", adjust(kAdjustHead, -8), 64, 70000, 33},
      {"head_with_meta", adjust(kAdjustHead, -8), 64, 70000, 1, true, md(8, 64)},
      {"meta_minus_8", adjust(kAdjustMeta, -8), 64, 70000, 1, true, md(0, 64)},
      {"meta_minus_6", adjust(kAdjustMeta, -6), 64, 70000, 1, true, md(0, 64)},
      {"meta_without_ctx", adjust(kAdjustMeta, -8)},
      {"meta_in_three_runs", adjust(kAdjustMeta, -8), 64, 70000, 3, true, md(0, 64)},
      {"tail_minus_50", adjust(kAdjustTail, -50)},
      {"tail_minus_51", adjust(kAdjustTail, -51)},
      {"tail_plus_100", adjust(kAdjustTail, 100)},
      {"tail_plus_3456", adjust(kAdjustTail, 3456)},
      {"tail_plus_3457", adjust(kAdjustTail, 3457)},
      {"tail_plus_4000", adjust(kAdjustTail, 4000)},
  };
  for (u32 meta : {4U, 6U, 32U, 216U, 220U})
    cases.push_back({"meta_" + std::to_string(meta), length(), 400, 70000, 1, true, md(meta, 400)});
  for (u32 end : {0U, 10U, 14U, 60U})
    cases.push_back({"ends_at_" + std::to_string(end), length(), 64, 64, 1, true, md(0, end)});
  return cases;
}

class TestRun : public testing::TestWithParam<RunCase> {};

TEST_P(TestRun, AnswersAsTheHost) {
  SLUICE_REQUIRE_HOST_KERNEL();
  bpf_attr load = Local::load_attr(GetParam().insns);
  const Fd host(int(host_bpf(bpf::BPF_PROG_LOAD, &load, sizeof load)));
  ASSERT_TRUE(host.valid());
  const RunAnswer expected =
      run([](u32 cmd, bpf_attr& a) { return host_bpf(cmd, &a, sizeof a); }, host.get(), GetParam());
  for (const auto engine : {control::Engine::jit, control::Engine::interp}) {
    control::DoorConfig config;
    config.engine = engine;
    Local local(std::move(config));
    const long ours = local.load(GetParam().insns);
    ASSERT_GE(ours, 0) << local.client.last_error;
    EXPECT_EQ(run([&](u32 cmd, bpf_attr& a) { return local.call(cmd, a); }, ours, GetParam()), expected)
        << local.client.last_error;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, TestRun, testing::ValuesIn(run_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace control_test
