// SPDX-License-Identifier: Apache-2.0
#include "bpf/builder/child.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "base/sanitized.h"
#include "bpf/builder/frame.h"
#include "bpf/builder/wire.h"

namespace bpf::builder {
namespace {

constexpr rlim_t kMemoryBytesMax = rlim_t{4} << 30;  // LLVM on 15,000 instructions takes some 400 MB
constexpr rlim_t kOpenFilesMax = 16;
constexpr rlim_t kCpuSecondsMax = 60;  // per request

void limit(int resource, rlim_t value) {
  const rlimit both{value, value};
  setrlimit(__rlimit_resource_t(resource), &both);
}

void limit_cpu() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const rlim_t seconds = rlim_t(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 1 + kCpuSecondsMax;
  const rlimit soft{seconds, RLIM_INFINITY};
  setrlimit(RLIMIT_CPU, &soft);
}

// Pages in LLVM, so that the first program does not wait for it.
void warm_up() {
  LoweredProgram nothing{.type = BPF_PROG_TYPE_XDP, .name = "warm_up"};
  nothing.insns.resize(2);
  nothing.insns[0].insn.code = BPF_ALU64 | BPF_MOV | BPF_K;
  nothing.insns[1].insn.code = BPF_JMP | BPF_EXIT;
  nothing.subprogs = {{.begin = 0, .end = 2}};
  for (const jit::Tier tier : {jit::Tier::quick, jit::Tier::optimised})
    static_cast<void>(jit::compile(nothing, {.tier = tier}));
}

// Empty: the message is neither of the two.
std::vector<std::byte> answer(base::ConstBytes message) {
  if (const auto request = decode_request(message)) return encode(build(*request));
  if (const auto request = decode_compile_request(message)) return encode(compile(*request));
  return {};
}

}  // namespace

int run_child() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == 1) return 0;  // the parent died before that took effect
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (!base::kSanitized) limit(RLIMIT_AS, kMemoryBytesMax);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NOFILE, kOpenFilesMax);
  warm_up();
  for (;;) {
    auto frame = read_frame(kChildSocket);
    if (!frame) return frame.error().code() == ECONNRESET ? 0 : 2;
    limit_cpu();
    const std::vector<std::byte> reply = answer(*frame);
    if (reply.empty() || !write_frame(kChildSocket, reply)) return 2;
  }
}

}  // namespace bpf::builder
