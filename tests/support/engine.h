// SPDX-License-Identifier: Apache-2.0
// engine.h — every way to execute a program behind one interface, so that tests can hold them against each other.
//
// Shape     EngineKind is the list; make_engine() builds one from a source (the host kernel) or its lowered form.
//           Each engine has its own maps, made from the source's MapFacts.
// Threads   one.
// Errors    host: errno of bpf(2). Ours: what compiling or linking says.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/abi/context.h"
#include "bpf/abi/host/env.h"
#include "bpf/jit/jit.h"
#include "bpf/program.h"

namespace support {

// jit: optimised code; quick, checked: the JIT's other tiers; _burst: through the loop over packets.
enum class EngineKind { interp, quick, quick_burst, jit, jit_burst, checked, host };
inline constexpr std::array kEngines = {EngineKind::interp, EngineKind::quick,     EngineKind::quick_burst,
                                        EngineKind::jit,    EngineKind::jit_burst, EngineKind::checked,
                                        EngineKind::host};
// Those of ours, the interpreter first.
inline constexpr std::span kOurEngines = std::span(kEngines).first(kEngines.size() - 1);
std::string_view engine_name(EngineKind kind);

using Packet = std::vector<std::byte>;

struct RunResult {
  base::u64 r0 = 0;         // host: only the low 32 bits are known
  Packet output;            // metadata and packet
  bpf_redirect redirect{};  // ours, of a redirected packet; else zero
};

// A run with a struct __sk_buff: what BPF_PROG_TEST_RUN answers.
struct SkbResult {
  int error = 0;  // errno; else the rest is set
  base::u32 retval = 0;
  Packet output;
  bpf::__sk_buff ctx{};
};

// One element of a map: key, then value (all CPUs of a per-CPU one).
struct Element {
  Packet key, value;
  auto operator<=>(const Element&) const = default;
};

class Engine {
 public:
  virtual ~Engine() = default;
  // Each packet is one run, in order.
  virtual base::Result<std::vector<RunResult>> run(std::span<const Packet> packets) = 0;
  // One run of a type that sees a struct __sk_buff. `flags`: of BPF_PROG_TEST_RUN.
  virtual SkbResult run_skb(const Packet& packet, const bpf::__sk_buff& ctx, base::u32 flags) = 0;
  virtual base::Status update(base::u32 map, base::ConstBytes key, base::ConstBytes value) = 0;
  // Sorted by key.
  virtual base::Result<std::vector<Element>> dump(base::u32 map) = 0;
  // Slot `index` of prog_array `map` gets `target`, an engine of the same kind that outlives this one.
  virtual base::Status set_tail_call(base::u32 map, base::u32 index, Engine& target) = 0;
};

// Compiled objects of one program, by tier, so that engines of one tier share one.
using Objects = std::map<bpf::jit::Tier, std::vector<std::byte>>;

// `lowered` may be null for EngineKind::host. `objects` is of `lowered`; what is missing is compiled and put there.
base::Result<std::unique_ptr<Engine>> make_engine(EngineKind kind, const bpf::ProgSource& source,
                                                  const bpf::LoweredProgram* lowered, Objects* objects = nullptr);

}  // namespace support
