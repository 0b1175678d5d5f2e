// SPDX-License-Identifier: Apache-2.0
// prog_types.h — for tests that ask the host kernel about every program type: which it loads, with which attach types.
#pragma once

#include <vector>

#include "bpf/abi/flags.h"
#include "bpf/program.h"
#include "bpf/registry/registry.h"

namespace oracle {

struct ProgCase {
  bpf::bpf_prog_type type;
  bpf::bpf_attach_type attach;
};

// Every type that can be verified, with each attach type that makes a difference.
inline std::vector<ProgCase> prog_cases() {
  std::vector<ProgCase> out;
  for (base::u32 t = 1; t < bpf::__MAX_BPF_PROG_TYPE; ++t) {
    const auto type = static_cast<bpf::bpf_prog_type>(t);
    const auto spec = bpf::find_prog_spec(t);
    const bool no_oracle = type == bpf::BPF_PROG_TYPE_TRACING || type == bpf::BPF_PROG_TYPE_LSM ||
                           type == bpf::BPF_PROG_TYPE_EXT || type == bpf::BPF_PROG_TYPE_STRUCT_OPS ||
                           type == bpf::BPF_PROG_TYPE_LIRC_MODE2;
    if (!spec || no_oracle) continue;
    if (type == bpf::BPF_PROG_TYPE_XDP) {
      for (const auto attach : {bpf::BPF_XDP, bpf::BPF_XDP_DEVMAP, bpf::BPF_XDP_CPUMAP}) out.push_back({type, attach});
    } else if (type == bpf::BPF_PROG_TYPE_KPROBE) {
      for (const auto attach : {bpf::bpf_attach_type(0), bpf::BPF_TRACE_KPROBE_SESSION}) out.push_back({type, attach});
    } else if ((*spec)->expected_attach_types.empty()) {
      out.push_back({type, bpf::bpf_attach_type(0)});
    } else {
      for (const auto attach : (*spec)->expected_attach_types) out.push_back({type, attach});
    }
  }
  return out;
}

inline bpf::ProgSource make_source(const ProgCase& c, std::vector<bpf::bpf_insn> insns) {
  bpf::ProgSource s;
  s.type = c.type;
  s.expected_attach_type = c.attach;
  if (c.type == bpf::BPF_PROG_TYPE_SYSCALL) s.prog_flags = bpf::BPF_F_SLEEPABLE;
  s.gpl_compatible = true;
  s.name = "oracle";
  s.insns = std::move(insns);
  return s;
}

// What every return range of Linux's contains.
inline constexpr int kGoodReturn = 1;

}  // namespace oracle
