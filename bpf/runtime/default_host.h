// SPDX-License-Identifier: Apache-2.0
// default_host.h — the surroundings of a program where there is no data path: tests, off-line verbs, control context.
//
// Threads   default_host() is immutable; init_env: the thread that will own `env`.
// Lifetime  a TraceSink outlives the runs of the env it is set in.
#pragma once

#include <string>

#include "base/types.h"
#include "bpf/registry/host.h"

namespace bpf::runtime {

// Clocks of the system; bpf_trace_printk lines go to the TraceSink in env.host_ctx, or nowhere where it is null.
const bpf_host* default_host();

// What bpf_trace_printk wrote, one line after another, up to `bytes_max` (a program in a loop must not eat the memory).
struct TraceSink {
  std::string text;
  std::size_t bytes_max = 1 << 20;
};

// Makes `env` ready for its first run on BPF CPU `cpu`: random seed, NUMA node of the CPU, tail calls, no redirect.
void init_env(bpf_env& env, base::u32 cpu, const bpf_host* host, void* host_ctx = nullptr);

}  // namespace bpf::runtime
