// SPDX-License-Identifier: Apache-2.0
#include "bpf/registry/kfunc.h"

#include <algorithm>
#include <array>

namespace bpf {
namespace {

#define KFUNC_SET(name, programs) constexpr base::u32 k_set_##name = (programs);
#include "bpf/registry/kfuncs.def"

constexpr Kfunc kRows[] = {
#define KFUNC(name, set, flags) {#name, k_set_##set, (flags)},
#define KFUNC_RUNS(name, set, flags) {#name, k_set_##set, (flags), true},
#include "bpf/registry/kfuncs.def"
};

constexpr auto kByName = [] {
  std::array<Kfunc, std::size(kRows)> t{};
  std::ranges::copy(kRows, t.begin());
  std::ranges::sort(t, {}, &Kfunc::name);
  return t;
}();

static_assert(std::ranges::adjacent_find(kByName, {}, &Kfunc::name) == kByName.end(), "kfuncs.def: a name twice");

struct Group {
  bpf_prog_type type;
  KfuncCaller caller;
};
constexpr Group kGroups[] = {
    {BPF_PROG_TYPE_SCHED_CLS, kTc},
    {BPF_PROG_TYPE_SCHED_ACT, kTcAction},
    {BPF_PROG_TYPE_XDP, kXdp},
    {BPF_PROG_TYPE_TRACING, kTracing},
    {BPF_PROG_TYPE_TRACEPOINT, kTracing},
    {BPF_PROG_TYPE_PERF_EVENT, kTracing},
    {BPF_PROG_TYPE_LSM, kTracing},
    {BPF_PROG_TYPE_STRUCT_OPS, kStructOps},
    {BPF_PROG_TYPE_SYSCALL, kSyscall},
    {BPF_PROG_TYPE_CGROUP_SKB, kCgroup},
    {BPF_PROG_TYPE_CGROUP_SOCK, kCgroup},
    {BPF_PROG_TYPE_CGROUP_DEVICE, kCgroup},
    {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, kCgroup},
    {BPF_PROG_TYPE_CGROUP_SOCKOPT, kCgroup},
    {BPF_PROG_TYPE_CGROUP_SYSCTL, kCgroup},
    {BPF_PROG_TYPE_SOCK_OPS, kCgroup},
    {BPF_PROG_TYPE_SOCKET_FILTER, kSocketFilter},
    {BPF_PROG_TYPE_SK_SKB, kSkSkb},
    {BPF_PROG_TYPE_LWT_IN, kLwt},
    {BPF_PROG_TYPE_LWT_OUT, kLwt},
    {BPF_PROG_TYPE_LWT_XMIT, kLwt},
    {BPF_PROG_TYPE_LWT_SEG6LOCAL, kLwt},
    {BPF_PROG_TYPE_NETFILTER, kNetfilter},
    {BPF_PROG_TYPE_KPROBE, kKprobe},
};

}  // namespace

std::string_view kernel_ctx_name(bpf_prog_type type) {
  switch (type) {
#define BPF_PROG_TYPE(id, name, user_ctx, host_ctx) \
  case id:                                          \
    return #host_ctx;
#define BPF_PROG_TYPE_TEST_RUN BPF_PROG_TYPE
#define BPF_PROG_TYPE_VERIFIED BPF_PROG_TYPE
#define BPF_PROG_TYPE_PLANNED BPF_PROG_TYPE
#include "bpf/registry/types.def"
    default:
      return {};
  }
}

base::u32 kfunc_count() {
  return base::u32(kByName.size());
}
const Kfunc& get_kfunc(base::u32 number) {
  return kByName[number];
}
base::u32 number_of(const Kfunc& kfunc) {
  return base::u32(&kfunc - kByName.data());
}

const Kfunc* find_kfunc(std::string_view name) {
  const auto it = std::ranges::lower_bound(kByName, name, {}, &Kfunc::name);
  return it != kByName.end() && it->name == name ? &*it : nullptr;
}

bool kfunc_allowed(const Kfunc& kfunc, bpf_prog_type type, bpf_attach_type attach_type) {
  const auto group = std::ranges::find(kGroups, type, &Group::type);
  const base::u32 caller = group == std::end(kGroups) ? base::u32{kOtherProgram} : base::u32{group->caller};
  if ((kfunc.callers & caller) == 0) return false;
  if ((kfunc.callers & kIteratorOnly) != 0) return attach_type == BPF_TRACE_ITER;
  if ((kfunc.callers & kLsmOnly) != 0) return type == BPF_PROG_TYPE_LSM;
  if ((kfunc.callers & kSessionOnly) != 0) return attach_type == BPF_TRACE_KPROBE_SESSION ||
                                                  attach_type == BPF_TRACE_UPROBE_SESSION;
  return true;
}

}  // namespace bpf
