// SPDX-License-Identifier: Apache-2.0
// kfunc.h — kernel functions that programs call by their BTF id: who may call which, and Linux's flags (kfuncs.def).
//
// Shape     find_kfunc(): name -> row. The prototype is in the kernel's BTF, by the same name.
// Threads   immutable. Cost: one binary search over about 200 names.
#pragma once

#include <string_view>

#include "base/types.h"
#include "bpf/abi/types.h"

namespace bpf {

// Flags of a kfunc, as Linux's KF_* without their prefix.
enum KfuncFlag : base::u32 {
  kAcquire = 1 << 0,
  kRelease = 1 << 1,
  kRetNull = 1 << 2,
  kTrustedArgs = 1 << 3,
  kSleepable = 1 << 4,
  kDestructive = 1 << 5,
  kRcuArgs = 1 << 6,
  kIterNew = 1 << 7,
  kIterNext = 1 << 8,
  kIterDestroy = 1 << 9,
  kRcuProtected = 1 << 10,
  kFastcall = 1 << 11,
  kArenaRet = 1 << 12,
  kArenaArg1 = 1 << 13,
  kArenaArg2 = 1 << 14,
};

// Groups of program types that kfuncs are open to.
enum KfuncCaller : base::u32 {
  kTc = 1 << 0,
  kTcAction = 1 << 1,
  kXdp = 1 << 2,
  kTracing = 1 << 3,  // tracing, LSM, tracepoints, perf events
  kStructOps = 1 << 4,
  kSyscall = 1 << 5,
  kCgroup = 1 << 6,
  kSocketFilter = 1 << 7,
  kSkSkb = 1 << 8,
  kLwt = 1 << 9,
  kNetfilter = 1 << 10,
  kKprobe = 1 << 11,
  kOtherProgram = 1 << 12,
  kAnyProgram = (1 << 13) - 1,
  // … and of these only some.
  kIteratorOnly = 1 << 13,  // programs behind bpf_iter
  kLsmOnly = 1 << 14,
  kSessionOnly = 1 << 15,  // kprobe and fsession programs
};

struct Kfunc {
  std::string_view name;
  base::u32 callers = 0;
  base::u32 flags = 0;
  bool runnable = false;  // bpf/runtime has a body; else verifiable only, and lowering refuses the call

  bool has(KfuncFlag flag) const { return (flags & flag) != 0; }
};

// The kernel's struct behind the context that programs of the type see: "sk_buff" behind __sk_buff.
std::string_view kernel_ctx_name(bpf_prog_type type);
// Rows by number, in the order of their names. REQUIRES: number < kfunc_count().
base::u32 kfunc_count();
const Kfunc& get_kfunc(base::u32 number);
base::u32 number_of(const Kfunc& kfunc);
// nullptr: no function of that name is a kfunc.
const Kfunc* find_kfunc(std::string_view name);
// May a program of that type and expected attach type call it?
bool kfunc_allowed(const Kfunc& kfunc, bpf_prog_type type, bpf_attach_type attach_type);

}  // namespace bpf
