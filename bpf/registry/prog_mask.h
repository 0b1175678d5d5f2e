// SPDX-License-Identifier: Apache-2.0
// prog_mask.h — sets of program types, for the columns of helpers.def and for rules that hold for several types.
//
// Shape     bit n stands for the program type with the number n.
#pragma once

#include "base/types.h"
#include "bpf/abi/types.h"

namespace bpf {

using ProgMask = base::u64;

constexpr ProgMask prog_bit(base::u32 type) {
  return ProgMask{1} << type;
}

namespace prog_mask {

inline constexpr ProgMask kNone = 0;
inline constexpr ProgMask kSocketFilter = prog_bit(BPF_PROG_TYPE_SOCKET_FILTER);
inline constexpr ProgMask kKprobe = prog_bit(BPF_PROG_TYPE_KPROBE);
inline constexpr ProgMask kSchedCls = prog_bit(BPF_PROG_TYPE_SCHED_CLS);
inline constexpr ProgMask kSchedAct = prog_bit(BPF_PROG_TYPE_SCHED_ACT);
inline constexpr ProgMask kTracepoint = prog_bit(BPF_PROG_TYPE_TRACEPOINT);
inline constexpr ProgMask kXdp = prog_bit(BPF_PROG_TYPE_XDP);
inline constexpr ProgMask kPerfEvent = prog_bit(BPF_PROG_TYPE_PERF_EVENT);
inline constexpr ProgMask kCgroupSkb = prog_bit(BPF_PROG_TYPE_CGROUP_SKB);
inline constexpr ProgMask kCgroupSock = prog_bit(BPF_PROG_TYPE_CGROUP_SOCK);
inline constexpr ProgMask kLwtIn = prog_bit(BPF_PROG_TYPE_LWT_IN);
inline constexpr ProgMask kLwtOut = prog_bit(BPF_PROG_TYPE_LWT_OUT);
inline constexpr ProgMask kLwtXmit = prog_bit(BPF_PROG_TYPE_LWT_XMIT);
inline constexpr ProgMask kSockOps = prog_bit(BPF_PROG_TYPE_SOCK_OPS);
inline constexpr ProgMask kSkSkb = prog_bit(BPF_PROG_TYPE_SK_SKB);
inline constexpr ProgMask kCgroupDevice = prog_bit(BPF_PROG_TYPE_CGROUP_DEVICE);
inline constexpr ProgMask kSkMsg = prog_bit(BPF_PROG_TYPE_SK_MSG);
inline constexpr ProgMask kRawTracepoint = prog_bit(BPF_PROG_TYPE_RAW_TRACEPOINT);
inline constexpr ProgMask kCgroupSockAddr = prog_bit(BPF_PROG_TYPE_CGROUP_SOCK_ADDR);
inline constexpr ProgMask kLwtSeg6local = prog_bit(BPF_PROG_TYPE_LWT_SEG6LOCAL);
inline constexpr ProgMask kLircMode2 = prog_bit(BPF_PROG_TYPE_LIRC_MODE2);
inline constexpr ProgMask kSkReuseport = prog_bit(BPF_PROG_TYPE_SK_REUSEPORT);
inline constexpr ProgMask kFlowDissector = prog_bit(BPF_PROG_TYPE_FLOW_DISSECTOR);
inline constexpr ProgMask kCgroupSysctl = prog_bit(BPF_PROG_TYPE_CGROUP_SYSCTL);
inline constexpr ProgMask kRawTracepointWritable = prog_bit(BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE);
inline constexpr ProgMask kCgroupSockopt = prog_bit(BPF_PROG_TYPE_CGROUP_SOCKOPT);
inline constexpr ProgMask kTracing = prog_bit(BPF_PROG_TYPE_TRACING);
inline constexpr ProgMask kStructOps = prog_bit(BPF_PROG_TYPE_STRUCT_OPS);
inline constexpr ProgMask kExt = prog_bit(BPF_PROG_TYPE_EXT);
inline constexpr ProgMask kLsm = prog_bit(BPF_PROG_TYPE_LSM);
inline constexpr ProgMask kSkLookup = prog_bit(BPF_PROG_TYPE_SK_LOOKUP);
inline constexpr ProgMask kSyscall = prog_bit(BPF_PROG_TYPE_SYSCALL);
inline constexpr ProgMask kNetfilter = prog_bit(BPF_PROG_TYPE_NETFILTER);

inline constexpr ProgMask kAll = prog_bit(__MAX_BPF_PROG_TYPE) - 1;
inline constexpr ProgMask kTc = kSchedCls | kSchedAct;
inline constexpr ProgMask kLwt = kLwtIn | kLwtOut | kLwtXmit | kLwtSeg6local;
inline constexpr ProgMask kProbe = kKprobe | kTracepoint | kPerfEvent | kRawTracepoint | kRawTracepointWritable;
inline constexpr ProgMask kCgroup =
    kCgroupSkb | kCgroupSock | kSockOps | kCgroupDevice | kCgroupSockAddr | kCgroupSysctl | kCgroupSockopt;
// Types that may turn a socket pointer into one of a more special type.
inline constexpr ProgMask kSkc = kSocketFilter | kTc | kXdp | kCgroupSkb | kLwt | kSockOps | kSkSkb | kSkMsg |
                                 kCgroupSockAddr | kFlowDissector | kSkLookup | kSyscall;
// Types of the network stack proper.
inline constexpr ProgMask kNet = kSocketFilter | kTc | kXdp | kCgroupSkb | kCgroupSock | kLwt | kSockOps | kSkSkb |
                                 kSkMsg | kCgroupSockAddr | kSkReuseport | kFlowDissector | kCgroupSysctl | kSkLookup;

}  // namespace prog_mask
}  // namespace bpf
