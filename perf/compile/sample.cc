// SPDX-License-Identifier: Apache-2.0
#include "perf/compile/sample.h"

#include <random>

#include "bpf/abi/context.h"
#include "bpf/abi/func_id.h"
#include "tests/support/insn.h"

namespace compile_bench {
namespace {

using namespace support;
using base::u32;

constexpr int kPacketBytes = 64;
constexpr u32 kBlocksPerLookup = 16;

class Maker {
 public:
  Maker(u32 insns, u32 variant) : wanted_(insns), random_(variant) {}

  std::vector<bpf::bpf_insn> make() {
    put(code({ldx(bpf::BPF_W, R6, R1, offsetof(bpf::xdp_md, data)),
              ldx(bpf::BPF_W, R2, R1, offsetof(bpf::xdp_md, data_end)), mov64_reg(R3, R6), add64_imm(R3, kPacketBytes),
              jmp_reg(bpf::BPF_JLE, R3, R2, 2), mov64_imm(R0, 0), exit_insn(), mov64_imm(R7, 1), mov64_imm(R8, 2),
              st(bpf::BPF_DW, R10, -16, 0)}));
    for (u32 block = 0; insns_.size() + 24 < wanted_; ++block)
      block % kBlocksPerLookup == kBlocksPerLookup - 1 ? look_up() : compute();
    while (insns_.size() + 3 < wanted_) put(code({add64_imm(R7, 1)}));
    put(code({mov64_reg(R0, R7), alu64_imm(bpf::BPF_AND, R0, 1), exit_insn()}));
    return std::move(insns_);
  }

 private:
  int below(int n) { return int(random_() % u32(n)); }
  void put(const std::vector<bpf::bpf_insn>& more) { insns_.insert(insns_.end(), more.begin(), more.end()); }

  void compute() {
    constexpr int kOps[] = {bpf::BPF_ADD, bpf::BPF_XOR, bpf::BPF_MUL, bpf::BPF_OR};
    put(code({ldx(bpf::BPF_W, R2, R6, below(15) * 4), alu64_reg(kOps[below(4)], R7, R2),
              alu64_imm(bpf::BPF_XOR, R8, below(1 << 20)), jmp_imm(bpf::BPF_JGT, R2, below(1 << 30), 2),
              alu64_reg(bpf::BPF_ADD, R8, R7), alu64_imm(bpf::BPF_RSH, R8, 1 + below(7)),
              stx(bpf::BPF_DW, R10, R8, -16), ldx(bpf::BPF_DW, R4, R10, -16), alu64_reg(kOps[below(2)], R7, R4)}));
  }

  void look_up() {
    put(code({mov64_reg(R9, R7), stx(bpf::BPF_W, R10, R9, -4), mov64_reg(R2, R10), add64_imm(R2, -4), ld_map(R1, 0),
              call_helper(bpf::BPF_FUNC_map_lookup_elem), jmp_imm(bpf::BPF_JEQ, R0, 0, 2), ldx(bpf::BPF_DW, R1, R0, 0),
              alu64_reg(bpf::BPF_ADD, R7, R1)}));
  }

  u32 wanted_;
  std::mt19937 random_;
  std::vector<bpf::bpf_insn> insns_;
};

}  // namespace

bpf::ProgSource make_sample(u32 insns, u32 variant) {
  bpf::ProgSource source{.type = bpf::BPF_PROG_TYPE_XDP, .gpl_compatible = true, .name = "sample"};
  source.insns = Maker(insns, variant).make();
  bpf::MapFacts map;
  map.type = bpf::BPF_MAP_TYPE_HASH;
  map.key_size = 4;
  map.value_size = 8;
  map.max_entries = 1024;
  map.name = "table";
  source.maps.push_back(map);
  return source;
}

}  // namespace compile_bench
