// SPDX-License-Identifier: Apache-2.0
// builder.h — (instructions, BTF, map facts by value) -> (verdict, log, lowered program, relocatable object).
//
// Shape     no pointer into the daemon: request and reply are plain values that cross a process border as bytes.
//           build() runs here and now (off-line verbs, tests, and inside the child); BuilderProcess runs it in a warm
//           child with resource limits, so that a hostile program or an abort inside LLVM cannot hurt the workers.
// Threads   build, compile: re-entrant. BuilderProcess: one thread at a time; cancel() from any other.
// Errors    a rejected program is a reply (verdict.error, error), not an Error. Error: the child died or ran out of its
//           limits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/jit/jit.h"
#include "bpf/program.h"
#include "bpf/verifier/verifier.h"

namespace bpf::builder {

struct BuildRequest {
  ProgSource source;
  verifier::Options verify;
  jit::CompileOptions compile;
  bool want_object = true;  // false: verify and lower only (interpreter, sluice verify without code)
};

struct BuildReply {
  verifier::Verdict verdict;
  bool verified = false;          // the verifier accepted it; an error in `verdict` then says why it cannot run
  LoweredProgram lowered;         // when accepted
  std::vector<std::byte> object;  // when accepted and wanted
  jit::Tier tier = jit::Tier::optimised;  // of `object`
  u64 jit_ns = 0;
};

BuildReply build(const BuildRequest& request);

// A program that has been verified and lowered, compiled once more or later.
struct CompileRequest {
  LoweredProgram program;
  jit::CompileOptions options;
};

struct CompileReply {
  int error = 0;
  std::string reason;             // of the error
  std::vector<std::byte> object;
  u64 jit_ns = 0;
};

CompileReply compile(const CompileRequest& request);

class BuilderProcess {
 public:
  virtual ~BuilderProcess() = default;
  // After the child's death: an Error that names the signal; the next call starts a new child.
  virtual base::Result<BuildReply> build(const BuildRequest& request) = 0;
  virtual base::Result<CompileReply> compile(const CompileRequest& request) = 0;
  // Makes a call that is under way on another thread fail soon, by killing the child.
  virtual void cancel() = 0;
  // -1: none is running.
  virtual int child_pid() const = 0;
};

struct BuilderOptions {
  std::string exe;                // empty: `sluice-builder` beside this process's own executable
  std::vector<u32> cpus;          // where the child may run; empty: where this thread may
  int nice = 0;                   // added to the child's nice value
};
// Starts the child.
base::Result<std::unique_ptr<BuilderProcess>> make_builder_process(const BuilderOptions& options = {});

}  // namespace bpf::builder
