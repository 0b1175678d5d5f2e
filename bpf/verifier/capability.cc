// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/capability.h"

#include "bpf/registry/prog_mask.h"
#include "bpf/verifier/cfg.h"

namespace bpf::verifier {
namespace {

using namespace prog_mask;  // NOLINT: words of a table

constexpr ProgMask bits(std::initializer_list<bpf_prog_type> types) {
  ProgMask mask = 0;
  for (const bpf_prog_type t : types) mask |= prog_bit(t);
  return mask;
}

constexpr ProgMask kEverybody = bits({BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_CGROUP_SKB});
constexpr ProgMask kNetAdmin =
    bits({BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SCHED_ACT, BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_LWT_IN,
          BPF_PROG_TYPE_LWT_OUT, BPF_PROG_TYPE_LWT_XMIT, BPF_PROG_TYPE_LWT_SEG6LOCAL, BPF_PROG_TYPE_SK_SKB,
          BPF_PROG_TYPE_SK_MSG, BPF_PROG_TYPE_FLOW_DISSECTOR, BPF_PROG_TYPE_CGROUP_DEVICE, BPF_PROG_TYPE_CGROUP_SOCK,
          BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_PROG_TYPE_CGROUP_SYSCTL,
          BPF_PROG_TYPE_SOCK_OPS, BPF_PROG_TYPE_EXT, BPF_PROG_TYPE_NETFILTER});
constexpr ProgMask kPerfmon =
    bits({BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_TRACEPOINT, BPF_PROG_TYPE_PERF_EVENT, BPF_PROG_TYPE_RAW_TRACEPOINT,
          BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, BPF_PROG_TYPE_TRACING, BPF_PROG_TYPE_LSM, BPF_PROG_TYPE_STRUCT_OPS,
          BPF_PROG_TYPE_EXT});

Problem refused(int error, std::string sentence) {
  return Problem{.error = error, .log = sentence + "\n", .reason = std::move(sentence)};
}

}  // namespace

std::optional<Problem> check_capabilities(const ProgSource& source) {
  const Capabilities& caps = source.caps;
  const ProgMask type = prog_bit(source.type);
  if (!caps.bpf && source.insns.size() > BPF_MAXINSNS)
    return refused(E2BIG, format("without CAP_BPF a program has at most %d instructions", BPF_MAXINSNS));
  if (!caps.bpf && (type & kEverybody) == 0) return refused(EPERM, "this program type needs CAP_BPF");
  if (!caps.net_admin && (type & kNetAdmin) != 0) return refused(EPERM, "this program type needs CAP_NET_ADMIN");
  if (!caps.perfmon && (type & kPerfmon) != 0) return refused(EPERM, "this program type needs CAP_PERFMON");
  for (u32 i = 0; i < source.insns.size() && !caps.bpf; ++i) {
    const bpf_insn& insn = source.insns[i];
    const bool kernel = is_call(insn) && insn.src_reg == BPF_PSEUDO_KFUNC_CALL;
    if (!is_func_address(insn) && !is_subprog_call(insn) && !kernel) continue;
    return Problem{.error = EPERM,
                   .insn = i,
                   .log = "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN\n"};
  }
  return std::nullopt;
}

}  // namespace bpf::verifier
