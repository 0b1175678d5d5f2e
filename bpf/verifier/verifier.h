// SPDX-License-Identifier: Apache-2.0
// verifier.h — decides whether a program may run, and proves the facts that lowering and compiling build on.
//
// Shape     verify(): ProgSource -> Verdict. Pure: no I/O, no globals, no clock but for statistics.
// Threads   re-entrant; each call is alone.
// Errors    Verdict::error is the errno Linux returns (EACCES, EINVAL, E2BIG, ...). What the verifier does not
// understand is
//           refused with `unsupported` set and a sentence that names it; it is never let through.
// Cost      bounded by BPF_COMPLEXITY_LIMIT_INSNS processed instructions.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bpf/btf/kernel_btf.h"
#include "bpf/program.h"

namespace bpf::verifier {

struct Options {
  // Types and kernel functions of the kernel the program is judged for, asked for when a program refers to them.
  // Empty, or answers null: there are none.
  std::function<std::shared_ptr<const btf::KernelBtf>()> kernel;
  u32 log_level = 0;  // BPF_LOG_LEVEL1, BPF_LOG_LEVEL2, BPF_LOG_STATS
};

struct Verdict {
  int error = 0;             // 0: accepted; else a positive errno
  bool unsupported = false;  // refused because we do not know it, not because it is wrong
  u32 insn = 0;              // where it was refused
  std::string reason;        // one sentence, ours
  std::string advice;        // one sentence, may be empty
  std::string log;           // kernel-shaped text, untruncated
  VerifyStats stats;
  VerifiedProgram program;  // meaningful when error == 0

  bool accepted() const noexcept { return error == 0; }
};

Verdict verify(const ProgSource& source, const Options& options = {});

}  // namespace bpf::verifier
