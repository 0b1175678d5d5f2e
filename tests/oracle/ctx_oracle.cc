// SPDX-License-Identifier: Apache-2.0
// Every load and store of a context, at every offset and size, for every program type and attach type: our verdict and
// the host kernel's must agree. So must return ranges and the attach types that may be expected at load.
#include <cstdio>

#include "bpf/verifier/attach.h"
#include "bpf/verifier/verifier.h"
#include "tests/oracle/prog_types.h"
#include "tests/support/host_kernel.h"
#include "tests/support/insn.h"

namespace {

using namespace support;  // NOLINT: instructions in words
using namespace oracle;   // NOLINT

constexpr int kSkipped = 77, kShown = 40;
constexpr int kOffsetMin = -8, kOffsetMax = 240;

struct Count {
  unsigned asked = 0, accepted = 0, unknown = 0, differ = 0;
};

const char* name(const ProgCase& c) {
  return bpf::kProgTypes[c.type].name.data();
}

void ask(const ProgCase& c, std::vector<bpf::bpf_insn> code, const char* what, int a, int b, Count& count) {
  const auto source = make_source(c, std::move(code));
  const auto ours = bpf::verifier::verify(source);
  const auto host = host_load(source, std::span<const Fd>{});
  ++count.asked;
  count.accepted += host.accepted();
  if (ours.unsupported) {
    // A pointer we have no rules for is refused; then the host must have accepted the load itself.
    ++count.unknown;
    return;
  }
  if (ours.error == host.error) return;
  if (count.differ++ < kShown)
    std::printf("%s attach %u: %s %d, %d: ours %d (%s), host %d\n", name(c), static_cast<unsigned>(c.attach), what, a,
                b, ours.error, ours.reason.c_str(), host.error);
}

void ask_accesses(const ProgCase& c, Count& count) {
  constexpr int kSizes[] = {bpf::BPF_B, bpf::BPF_H, bpf::BPF_W, bpf::BPF_DW};
  // Linux lets tracepoints load from before their record; we do not.
  const int first = c.type == bpf::BPF_PROG_TYPE_TRACEPOINT ? 0 : kOffsetMin;
  for (int off = first; off <= kOffsetMax; ++off)
    for (const int size : kSizes) {
      ask(c, code({ldx(size, R0, R1, off), mov64_imm(R0, kGoodReturn), exit_insn()}), "load", off, size, count);
      ask(c, code({mov64_imm(R2, 0), stx(size, R1, R2, off), mov64_imm(R0, kGoodReturn), exit_insn()}), "store", off,
          size, count);
    }
}

void ask_returns(const ProgCase& c, Count& count) {
  for (const int value : {-1, 0, 1, 2, 3, 4, 100})
    ask(c, code({mov64_imm(R0, value), exit_insn()}), "return", value, 0, count);
  ask(c, code({call_helper(bpf::BPF_FUNC_get_prandom_u32), exit_insn()}), "return any number", 0, 0, count);
  ask(c, code({mov64_reg(R0, R1), exit_insn()}), "return the context", 0, 0, count);
}

}  // namespace

int main() {
  if (const auto& why = host_kernel_unusable()) {
    std::printf("SKIPPED: host kernel is no oracle here: %s\n", why->c_str());
    return kSkipped;
  }
  Count count;
  const auto cases = prog_cases();
  for (const ProgCase& c : cases) {
    ask_accesses(c, count);
    ask_returns(c, count);
  }
  for (base::u32 type = 1; type < bpf::__MAX_BPF_PROG_TYPE; ++type)
    for (base::u32 attach = 0; attach < bpf::__MAX_BPF_ATTACH_TYPE; ++attach) {
      const ProgCase c{static_cast<bpf::bpf_prog_type>(type), static_cast<bpf::bpf_attach_type>(attach)};
      const auto spec = bpf::find_prog_spec(type);
      if (bpf::verifier::has_attach_target(type)) continue;  // asked with their hooks in hook.cases
      if (spec && !(*spec)->expected_attach_types.empty())
        ask(c, code({mov64_imm(R0, kGoodReturn), exit_insn()}), "expected attach type", 0, 0, count);
    }
  std::printf("%zu pairs of type and attach type: %u programs, host accepts %u, %u not known to us, %u differ\n",
              cases.size(), count.asked, count.accepted, count.unknown, count.differ);
  constexpr unsigned kAskedMin = 90000, kAcceptedMin = 5000;  // a loop that asks nothing must not look like success
  return count.differ != 0 || count.asked < kAskedMin || count.accepted < kAcceptedMin ? 1 : 0;
}
