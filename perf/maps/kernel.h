// SPDX-License-Identifier: Apache-2.0
// kernel.h — the same operations on a map of the host kernel: op.bpf.c under BPF_PROG_TEST_RUN.
//
// Shape     one table and its state; a program for each operation asked for, over the same two maps.
// Errors    Result: why the kernel could not be measured.
#pragma once

#include <map>
#include <string>

#include "perf/maps/keys.h"
#include "tests/support/host_kernel.h"

namespace maps_bench {

class KernelTable {
 public:
  // `folder`: where OP_WORDS.bpf.o lie.
  static base::Result<KernelTable> make(const std::string& folder, bpf::bpf_map_type type, base::u32 words,
                                        base::u32 entries, base::u32 flags = 0);
  // Keys of all indexes below `entries`.
  base::Status fill();
  // Mean nanoseconds of one operation.
  base::Result<double> time(const std::string& op, base::u32 repeat);
  const support::Fd& table() const { return table_; }
  // Of the table, as fdinfo shows it.
  base::u64 bytes() const;

 private:
  base::Result<support::HostLoad*> load(const std::string& op);
  base::Status begin(base::u64 n);

  std::string folder_;
  bpf::MapFacts state_facts_, table_facts_;
  support::Fd state_, table_;
  std::map<std::string, support::HostLoad> programs_;
  base::u64 n_ = 0;
};

}  // namespace maps_bench
