// SPDX-License-Identifier: Apache-2.0
// perf_map.h — the file in which `perf` looks for the names of compiled code: /tmp/perf-PID.map.
//
// Shape     one line per function, "ADDRESS SIZE bpf_prog_<tag>_<name>" in hex, as the kernel names its own; bursts and
//           subprograms end in _burst and _sub<N>. A program that gets better code appears again; a later line for the
//           same addresses holds.
// Threads   control thread. Lifetime: the file stays behind, as perf wants it: reports are made later.
// Errors    open: the file cannot be made. It is never one that was there before: that one is removed first, and links
//           are not followed.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "control/object.h"

namespace control {

class PerfMap {
 public:
  // Empty path: the place where perf looks for this process.
  static base::Result<std::unique_ptr<PerfMap>> open(std::string path = "");
  void add(const Program& program);

 private:
  explicit PerfMap(base::UniqueFd file) : file_(std::move(file)) {}
  base::UniqueFd file_;
};

}  // namespace control
