// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_TEST_RUN: what holds for every program type, and which family a type belongs to.
#include "control/test_run.h"

#include <sched.h>

#include <algorithm>
#include <ctime>

#include "bpf/runtime/default_host.h"
#include "bpf/runtime/runtime.h"

namespace control {
namespace {

u64 now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return u64(t.tv_sec) * 1'000'000'000U + u64(t.tv_nsec);
}

struct TestRow {
  bpf::bpf_prog_type type;
  Answer (*run)(DoorState&, const Program&, bpf::bpf_attr&);
};
constexpr TestRow kTestRows[] = {
    {bpf::BPF_PROG_TYPE_XDP, test_run_xdp},
    {bpf::BPF_PROG_TYPE_SOCKET_FILTER, test_run_skb},
    {bpf::BPF_PROG_TYPE_SCHED_CLS, test_run_skb},
    {bpf::BPF_PROG_TYPE_SCHED_ACT, test_run_skb},
    {bpf::BPF_PROG_TYPE_CGROUP_SKB, test_run_skb},
    {bpf::BPF_PROG_TYPE_LWT_IN, test_run_skb},
    {bpf::BPF_PROG_TYPE_LWT_OUT, test_run_skb},
    {bpf::BPF_PROG_TYPE_LWT_XMIT, test_run_skb},
    {bpf::BPF_PROG_TYPE_FLOW_DISSECTOR, test_run_flow},
    {bpf::BPF_PROG_TYPE_SK_LOOKUP, test_run_lookup},
};

}  // namespace

void run_test(const DoorState& state, const Program& program, bpf::bpf_attr& attr,
              const std::function<void*()>& begin) {
  const bpf_prog* prog = program.prog();
  const u32 repeat = attr.test.repeat ? attr.test.repeat : 1;
  const int cpu = sched_getcpu();
  bpf_env env{};
  bpf::runtime::init_env(env, cpu < 0 ? 0 : u32(cpu),
                         state.config.host ? state.config.host : bpf::runtime::default_host(), state.config.host_ctx);
  const bpf_run_fn run_once = bpf_prog_run(prog);
  const u64 first = now_ns();
  for (u32 i = 0; i < repeat; ++i) {
    env.tail_calls = bpf::MAX_TAIL_CALL_CNT;
    env.redirect = {};
    attr.test.retval = u32(run_once(begin(), &env, prog));
  }
  attr.test.duration = u32(std::min<u64>((now_ns() - first) / repeat, UINT32_MAX));
  bpf_env_flush_wakes(&env);
}

Answer prog_test_run(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(auto program, get_program(client, int(attr.test.prog_fd)));
  if ((attr.test.ctx_in == 0) != (attr.test.ctx_size_in == 0) ||
      (attr.test.ctx_out == 0) != (attr.test.ctx_size_out == 0))
    return base::Error(EINVAL, "a context and its size go together");
  const u32 type = program->info().type;
  for (const TestRow& row : kTestRows)
    if (row.type == type) return row.run(state, *program, attr);
  return base::Error(EOPNOTSUPP, "test runs of this program type are planned, not implemented yet");
}

}  // namespace control
