// SPDX-License-Identifier: Apache-2.0
#include "dataplane/host.h"

#include <cerrno>
#include <ctime>

#include "dataplane/lane.h"
#include "dataplane/pipeline.h"
#include "dataplane/tc_hook.h"

namespace dataplane {
namespace {

// Both clocks are read through the vDSO: no system call.
u64 read_clock(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return u64(now.tv_sec) * 1000000000 + u64(now.tv_nsec);
}

void trace_printk(bpf_env* env, const char* line, uint32_t size) {
  auto& lane = *static_cast<Lane*>(env->host_ctx);
  if (!lane.trace.try_push(line, size)) lane.counters.loop.trace_lines_lost.add(1);
}

int64_t find_mtu(bpf_env* env, uint32_t ifindex) {
  const auto& lane = *static_cast<const Lane*>(env->host_ctx);
  const u16 port = lane.pipeline->ports_by_ifindex.find(ifindex);
  return port == kNoPort ? -ENODEV : lane.pipeline->routes[port].mtu;
}

constexpr bpf_host kLaneHost = {
    .ktime_get_ns = [](bpf_env*) { return read_clock(CLOCK_MONOTONIC); },
    .ktime_get_boot_ns = [](bpf_env*) { return read_clock(CLOCK_BOOTTIME); },
    .ktime_get_tai_ns = [](bpf_env*) { return read_clock(CLOCK_TAI); },
    .find_mtu = find_mtu,
    .clone_redirect = clone_redirect,
    .trace_printk = trace_printk,
};

}  // namespace

const bpf_host* lane_host() {
  return &kLaneHost;
}

}  // namespace dataplane
