// SPDX-License-Identifier: Apache-2.0
// engine_fuzz — random programs through interpreter, each tier of the JIT, its bursts and the host kernel: all must
// agree, and no check of the checked tier may fire.
//
//   engine_fuzz [--seed S] [--count N] [--seconds T] [--no-maps] [--no-variable-offsets] [--dump]
//
// Shape     program i of a run has seed S + i and replays alone with `--seed S+i --count 1`. Compared: verdict, the
//           low half of r0, packet bytes, map contents.
// Errors    exit 1 at the first difference, with its seed; 77 where bpf(2) is unusable.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "bpf/lower/lower.h"
#include "bpf/verifier/verifier.h"
#include "tests/fuzz/program_generator.h"
#include "tests/support/engine.h"
#include "tests/support/host_kernel.h"
#include "tests/support/slice.h"

namespace {
using namespace support;
using base::u32;
using base::u64;

struct Arguments {
  u64 seed = support::slice_seed();
  u64 count = ~u64(0);
  double seconds = 15;
  bool dump = false;
  fuzz::GeneratorOptions generator;
};

struct Tally {
  u64 agreed = 0, refused = 0, unsupported = 0;
  std::map<std::string, u64> unsupported_reasons;
};

Arguments parse_arguments(int argc, char** argv) {
  Arguments args;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "0";
    if (name == "--seed")
      args.seed = std::strtoull(value, nullptr, 0), ++i;
    else if (name == "--count")
      args.count = std::strtoull(value, nullptr, 0), args.seconds = 1e9, ++i;
    else if (name == "--seconds")
      args.seconds = slice_length(std::strtod(value, nullptr)), ++i;
    else if (name == "--no-maps")
      args.generator.maps = false;
    else if (name == "--no-variable-offsets")
      args.generator.variable_offsets = false;
    else if (name == "--dump")
      args.dump = true;
    else
      std::fprintf(stderr, "engine_fuzz: unknown option %s\n", argv[i]), std::exit(2);
  }
  return args;
}

// Several lengths, one of them too short for the program's bounds check.
std::vector<Packet> make_packets(u64 seed) {
  std::mt19937_64 random(seed);
  std::vector<Packet> packets;
  for (const std::size_t bytes : {64, 65, 40, 128, 200}) {
    Packet p(bytes);
    for (std::byte& b : p) b = std::byte(random() % 4 == 0 ? 0xff * (random() & 1) : random());
    packets.push_back(std::move(p));
  }
  return packets;
}

void dump_program(const bpf::ProgSource& source) {
  for (std::size_t i = 0; i < source.insns.size(); ++i) {
    const bpf::bpf_insn& insn = source.insns[i];
    std::printf("%4zu: code %02x dst r%u src r%u off %d imm %#x\n", i, insn.code, insn.dst_reg, insn.src_reg, insn.off,
                u32(insn.imm));
  }
}

std::string hex(const Packet& bytes) {
  std::string out;
  char digits[4];
  for (const std::byte b : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", unsigned(b));
    out += digits;
  }
  return out;
}

constexpr u64 kLowHalf = 0xffffffff;  // of r0: all that test_run and a burst's verdicts give

struct Outcome {
  std::vector<RunResult> runs;
  std::vector<std::vector<Element>> maps;
};

base::Result<Outcome> run_engine(EngineKind kind, const bpf::ProgSource& source, const bpf::LoweredProgram* lowered,
                                 Objects* objects, std::span<const Packet> packets) {
  SLUICE_TRY(const auto engine, make_engine(kind, source, lowered, objects));
  Outcome out;
  SLUICE_TRY(out.runs, engine->run(packets));
  for (u32 map = 0; map < source.maps.size(); ++map) {
    SLUICE_TRY(auto elements, engine->dump(map));
    out.maps.push_back(std::move(elements));
  }
  return out;
}

// Empty: no difference.
std::string find_difference(const Outcome& a, const Outcome& b, u64 r0_mask) {
  for (std::size_t i = 0; i < a.runs.size(); ++i) {
    const RunResult &x = a.runs[i], &y = b.runs[i];
    const std::string where = "packet " + std::to_string(i) + ": ";
    if ((x.r0 & r0_mask) != (y.r0 & r0_mask)) {
      char text[64];
      std::snprintf(text, sizeof text, "r0 %#llx and %#llx", (unsigned long long)x.r0, (unsigned long long)y.r0);
      return where + text;
    }
    if (x.output != y.output) return where + "bytes\n  " + hex(x.output) + "\n  " + hex(y.output);
  }
  for (std::size_t m = 0; m < a.maps.size(); ++m)
    if (a.maps[m] != b.maps[m]) return "contents of map " + std::to_string(m);
  return "";
}

// Empty: they agree, or the program is refused by both.
std::string try_program(const bpf::ProgSource& source, u64 seed, Tally& tally) {
  const bool host_accepts = host_load(source).accepted();
  const bpf::verifier::Verdict verdict = bpf::verifier::verify(source);
  if (verdict.unsupported) {
    ++tally.unsupported;
    ++tally.unsupported_reasons[verdict.reason];
    return "";
  }
  if (host_accepts != verdict.accepted())
    return std::string("the host kernel ") + (host_accepts ? "accepts" : "refuses") + " it; we say: " +
           (verdict.accepted() ? "accepted" : "instruction " + std::to_string(verdict.insn) + ": " + verdict.reason);
  if (!host_accepts) {
    ++tally.refused;
    return "";
  }
  const auto lowered = bpf::lower::lower(source, verdict.program);
  if (!lowered) return lowered.error().what();
  const std::vector<Packet> packets = make_packets(seed);
  Objects objects;
  const auto host = run_engine(EngineKind::host, source, nullptr, nullptr, packets);
  if (!host) return "host: " + host.error().what();
  std::optional<Outcome> interp;
  for (const EngineKind kind : kOurEngines) {
    auto ours = run_engine(kind, source, &*lowered, &objects, packets);
    const std::string name(engine_name(kind));
    if (!ours) return name + ": " + ours.error().what();
    std::string difference = find_difference(*ours, *host, kLowHalf);
    if (!difference.empty()) return name + " against host: " + difference;
    if (kind == EngineKind::quick || kind == EngineKind::jit || kind == EngineKind::checked)
      difference = find_difference(*ours, *interp, ~u64(0));
    if (!difference.empty()) return name + " against interp: " + difference;
    if (!interp) interp = std::move(*ours);
  }
  ++tally.agreed;
  return "";
}

void report(const Arguments& args, const Tally& tally) {
  std::printf("seed %llu: %llu programs agreed, %llu refused by both, %llu not supported yet\n",
              (unsigned long long)args.seed, (unsigned long long)tally.agreed, (unsigned long long)tally.refused,
              (unsigned long long)tally.unsupported);
  for (const auto& [reason, count] : tally.unsupported_reasons)
    std::printf("  %llu: %s\n", (unsigned long long)count, reason.c_str());
}

}  // namespace

// Compiled code that meets what cannot be, a fact that does not hold or an instruction said to be dead, traps.
u64 seed_under_test = 0;
void on_trap(int) {
  char text[96];
  const int length = std::snprintf(text, sizeof text, "FAIL at --seed %llu --count 1: compiled code trapped\n",
                                   (unsigned long long)seed_under_test);
  if (write(1, text, size_t(length)) < 0) _exit(2);
  _exit(1);
}

int main(int argc, char** argv) {
  const Arguments args = parse_arguments(argc, argv);
  if (const auto& why = host_kernel_unusable()) {
    std::printf("SKIPPED: the host kernel is no oracle here: %s\n", why->c_str());
    return 77;
  }
  const auto begin = std::chrono::steady_clock::now();
  Tally tally;
  std::signal(SIGILL, on_trap);
  for (u64 i = 0; i < args.count; ++i) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() > args.seconds) break;
    const u64 seed = args.seed + i;
    seed_under_test = seed;
    const bpf::ProgSource source = fuzz::generate_program(seed, args.generator);
    if (args.dump) dump_program(source);
    const std::string difference = try_program(source, seed, tally);
    if (difference.empty()) continue;
    std::printf("FAIL at --seed %llu --count 1: %s\n", (unsigned long long)seed, difference.c_str());
    report(args, tally);
    return 1;
  }
  report(args, tally);
  // A run in which nothing was compared proves nothing.
  return tally.agreed > 0 ? 0 : 1;
}
