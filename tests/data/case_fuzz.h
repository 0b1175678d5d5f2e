// SPDX-License-Identifier: Apache-2.0
// case_fuzz.h — changes of the cases, judged by us and by the host kernel: `verifier_cases --mutate`.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bpf/btf/kernel_btf.h"
#include "bpf/program.h"
#include "tests/support/host_kernel.h"

struct FuzzCase {
  std::string name;
  bpf::ProgSource source;  // with the maps of all cases
};

struct FuzzOptions {
  base::u64 count = 1000000;
  base::u64 seed = 1;  // program k of a run has seed + k
  double seconds = 1e9;
  std::function<std::shared_ptr<const bpf::btf::KernelBtf>()> kernel;  // as of verifier::Options
};

// What is judged differently is grouped by cause and printed with an example. True: nothing was accepted that the host
// refuses, and nothing refused that it accepts but as unsupported.
// `lowered_maps`: the same, made without CAP_PERFMON.
bool fuzz_cases(const std::vector<FuzzCase>& cases, std::span<const support::Fd> maps,
                std::span<const support::Fd> lowered_maps, const FuzzOptions& options);
