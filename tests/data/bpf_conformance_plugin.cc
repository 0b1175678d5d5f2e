// SPDX-License-Identifier: Apache-2.0
// bpf_conformance_plugin — one program, one memory, one r0: the plugin protocol of the public bpf_conformance suite.
//
//   bpf_conformance_plugin [MEMORY-HEX] [--engine interp|quick|jit|checked|host] < PROGRAM-HEX
//
// Shape     the program expects r1 = memory, r2 = its size; an XDP prologue makes them from the packet, so that it all
//           goes through verifier, lowering and engine as any XDP program does. `host` asks the running kernel instead.
// Errors    exit 1 and one sentence on stderr: refused program, bad hex, no such engine. The suite's options that mean
//           nothing here are ignored.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>

#include "bpf/abi/context.h"
#include "bpf/lower/lower.h"
#include "bpf/runtime/xdp_frame.h"
#include "bpf/verifier/verifier.h"
#include "tests/support/engine.h"
#include "tests/support/host_kernel.h"
#include "tests/support/insn.h"

namespace {
using namespace support;
using base::ConstBytes;

struct Arguments {
  std::string memory_hex;
  std::string program_hex;  // from --program; else standard input
  std::string engine = "jit";
};

bool starts_option(const std::string& s) {
  return s.starts_with("--");
}

Arguments parse_arguments(int argc, char** argv) {
  Arguments args;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg.starts_with("--engine=")) {
      args.engine = arg.substr(9);
    } else if (arg == "--engine" && i + 1 < argc) {
      args.engine = argv[++i];
    } else if (arg == "--program" && i + 1 < argc && !starts_option(argv[i + 1])) {
      args.program_hex = argv[++i];
    } else if (!starts_option(arg)) {
      args.memory_hex = arg;
    }
  }
  return args;
}

base::Result<Packet> parse_hex(const std::string& text) {
  Packet bytes;
  int high = -1;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c))) continue;
    if (!std::isxdigit(static_cast<unsigned char>(c)))
      return base::Error(EINVAL, std::string("'") + c + "' is not a hexadecimal digit");
    const int digit = std::isdigit(static_cast<unsigned char>(c)) ? c - '0' : (c | 0x20) - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(std::byte(high << 4 | digit));
      high = -1;
    }
  }
  if (high >= 0) return base::Error(EINVAL, "an odd number of hexadecimal digits");
  return bytes;
}

// r1 = packet, r2 = its size as a constant, so that accesses at known offsets are provable.
std::vector<bpf_insn> make_prologue(std::size_t bytes) {
  using namespace bpf;
  if (bytes == 0) return code({mov64_imm(R1, 0), mov64_imm(R2, 0)});
  return code({ldx(BPF_W, R2, R1, offsetof(xdp_md, data_end)), ldx(BPF_W, R1, R1, offsetof(xdp_md, data)),
               mov64_reg(R3, R1), add64_imm(R3, base::s64(bytes)), jmp_reg(BPF_JLE, R3, R2, 2), mov64_imm(R0, -1),
               exit_insn(), mov64_imm(R2, base::s64(bytes))});
}

base::Result<bpf::ProgSource> make_source(const Packet& program, std::size_t memory_bytes) {
  if (program.empty() || program.size() % sizeof(bpf_insn) != 0)
    return base::Error(EINVAL, "the program has " + std::to_string(program.size()) + " bytes, not a multiple of 8");
  bpf::ProgSource source{.type = bpf::BPF_PROG_TYPE_XDP, .gpl_compatible = true, .name = "conformance"};
  source.insns = make_prologue(memory_bytes);
  const auto* insns = reinterpret_cast<const bpf_insn*>(program.data());
  source.insns.insert(source.insns.end(), insns, insns + program.size() / sizeof(bpf_insn));
  return source;
}

base::Result<EngineKind> find_engine(const std::string& name) {
  for (const EngineKind kind : kEngines)
    if (engine_name(kind) == name) return kind;
  return base::Error(EINVAL, "there is no engine '" + name + "'");
}

base::Result<std::unique_ptr<Engine>> prepare(EngineKind kind, const bpf::ProgSource& source) {
  if (kind == EngineKind::host) return make_engine(kind, source, nullptr);
  const bpf::verifier::Verdict verdict = bpf::verifier::verify(source);
  if (!verdict.accepted())
    return base::Error(verdict.error, "instruction " + std::to_string(verdict.insn) + ": " + verdict.reason);
  SLUICE_TRY(const bpf::LoweredProgram lowered, bpf::lower::lower(source, verdict.program));
  return make_engine(kind, source, &lowered);
}

base::Result<base::u64> execute(const Arguments& args) {
  SLUICE_TRY(const EngineKind kind, find_engine(args.engine));
  std::string hex = args.program_hex;
  if (hex.empty()) hex.assign(std::istreambuf_iterator<char>(std::cin), {});
  SLUICE_TRY(const Packet program, parse_hex(hex).in("program"));
  SLUICE_TRY(Packet memory, parse_hex(args.memory_hex).in("memory"));
  SLUICE_TRY(const bpf::ProgSource source, make_source(program, memory.size()));
  SLUICE_TRY(const auto engine, prepare(kind, source));
  // The packet may be longer than the memory: it has at least an Ethernet header.
  memory.resize(std::max<std::size_t>(memory.size(), bpf::runtime::XdpFrame::kPacketMin));
  SLUICE_TRY(const auto results, engine->run({&memory, 1}));
  return results.front().r0;
}

}  // namespace

int main(int argc, char** argv) {
  const base::Result<base::u64> r0 = execute(parse_arguments(argc, argv));
  if (!r0) {
    std::cerr << "bpf_conformance_plugin: " << r0.error().what() << "\n";
    return 1;
  }
  std::printf("%llx\n", static_cast<unsigned long long>(*r0));
  return 0;
}
