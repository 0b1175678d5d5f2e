// SPDX-License-Identifier: Apache-2.0
// skb_oracle — programs that see a struct __sk_buff, on random packets and contexts: interpreter, quick, optimised and
// checked code and the host kernel's BPF_PROG_TEST_RUN must agree.
//
//   skb_oracle OBJECT PACKETS [--runs N] [--seed N]     PACKETS: packets.txt
//
// Shape     one run is a packet (of PACKETS, altered, cut or lengthened at random), a context, and flags; every program
//           of the object gets N of them. Compared: errno, return value, packet and context afterwards; at the end the
//           maps. SLUICE_LONG=1 makes N so large that an object has a million runs. Where Linux hands out memory that
//           it never wrote (a packet grown beyond its buffer), its own answers differ from run to run: those are
//           counted as undecided.
// Errors    exit 1 and the first differences, with the seed; 77 where bpf(2) is unusable.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>

#include "bpf/abi/flags.h"
#include "bpf/lower/lower.h"
#include "bpf/verifier/verifier.h"
#include "tests/support/engine.h"
#include "tests/support/host_kernel.h"
#include "tests/support/object.h"
#include "tests/support/packet_words.h"

namespace {
using namespace support;
using base::u32;
using base::u64;
using bpf::__sk_buff;

constexpr u32 kRunsDefault = 3000, kRunsLong = 1'000'000, kShown = 10;
constexpr EngineKind kOurs[] = {EngineKind::interp, EngineKind::quick, EngineKind::jit, EngineKind::checked};

struct Input {
  Packet packet;
  __sk_buff ctx{};
  u32 flags = 0;
};

class Maker {
 public:
  Maker(std::vector<Packet> packets, u64 seed) : packets_(std::move(packets)), random_(seed) {}

  Input make() {
    Input in;
    in.packet = packets_[below(u32(packets_.size()))];
    alter(in.packet);
    fill(in.ctx, u32(in.packet.size()));
    if (one_of(4)) in.flags = bpf::BPF_F_TEST_SKB_CHECKSUM_COMPLETE;
    return in;
  }

 private:
  u32 below(u32 n) { return u32(random_() % n); }
  bool one_of(u32 n) { return below(n) == 0; }

  // Mostly near the edges of headers and packets, sometimes anything.
  u32 number() {
    switch (below(8)) {
      case 0:
        return u32(random_());
      case 1:
        return 0U - below(300);
      case 2:
        return 1U << below(32);
      case 3:
        return below(20000);
      case 4:
        return below(2000);
      default:
        return below(100);
    }
  }

  void alter(Packet& packet) {
    constexpr u32 kAddressBytes = 6;
    const u32 destination = below(4);
    for (u32 i = 0; destination < 3 && i < kAddressBytes && i < packet.size(); ++i)
      packet[i] = destination == 0 ? std::byte{0} : destination == 1 ? std::byte{0xff} : std::byte(i + 1);
    if (packet.size() > 15 && one_of(2)) packet[15] = std::byte(below(256));  // type of service, the half of it in IPv6
    for (u32 changes = one_of(2) ? below(4) : 0; changes > 0 && !packet.empty(); --changes)
      packet[below(u32(packet.size()))] = std::byte(below(256));
    if (one_of(6)) packet.resize(below(u32(packet.size()) + 1));
    if (one_of(20)) packet.resize(below(4000), std::byte(below(256)));
  }

  void fill(__sk_buff& ctx, u32 size) {
    ctx.mark = number();
    ctx.priority = number();
    for (u32& word : ctx.cb) word = number();
    if (one_of(3)) ctx.ingress_ifindex = number();
    if (one_of(3)) ctx.ifindex = 1;
    if (one_of(3)) ctx.tstamp = random_();
    if (one_of(3)) ctx.hwtstamp = random_();
    if (one_of(4)) ctx.wire_len = size + below(3) * 700;
    if (one_of(8)) ctx.gso_segs = below(70000);
    if (one_of(8)) ctx.gso_size = below(3000);
    if (one_of(50)) ctx.wire_len = number();
    if (one_of(50)) spoil(ctx);
  }

  // A field that may be no input; devices are the business of the tests of the door.
  void spoil(__sk_buff& ctx) {
    const u32 at = below(sizeof ctx);
    if (at >= offsetof(__sk_buff, ifindex) && at < offsetof(__sk_buff, tc_index)) return;
    reinterpret_cast<unsigned char*>(&ctx)[at] = 1;
  }

  std::vector<Packet> packets_;
  std::mt19937_64 random_;
};

std::string hex(base::ConstBytes bytes) {
  std::string out;
  char digits[4];
  for (const std::byte b : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", unsigned(b));
    out += digits;
  }
  return out;
}

base::ConstBytes bytes_of(const __sk_buff& ctx) {
  return std::as_bytes(std::span(&ctx, 1));
}

bool same(const SkbResult& a, const SkbResult& b) {
  if (a.error != b.error) return false;
  return a.error != 0 ||
         (a.retval == b.retval && a.output == b.output && std::memcmp(&a.ctx, &b.ctx, sizeof a.ctx) == 0);
}

void print(const char* who, const SkbResult& r) {
  std::printf("  %s: errno %d, retval %u, %zu bytes\n    %s\n    ctx %s\n", who, r.error, r.retval, r.output.size(),
              hex(r.output).c_str(), hex(bytes_of(r.ctx)).c_str());
}

struct Count {
  u64 runs = 0, answered = 0, undecided = 0, differ = 0;
};

struct Engines {
  std::unique_ptr<Engine> host;
  std::vector<std::unique_ptr<Engine>> ours;
};

base::Result<Engines> make_engines(const ObjectProgram& program) {
  const auto verdict = bpf::verifier::verify(program.source);
  if (!verdict.accepted()) return base::Error(verdict.error, "refused: " + verdict.reason);
  SLUICE_TRY(const auto lowered, bpf::lower::lower(program.source, verdict.program));
  Engines out;
  SLUICE_TRY(out.host, make_engine(EngineKind::host, program.source, nullptr));
  for (const EngineKind kind : kOurs) {
    SLUICE_TRY(auto engine, make_engine(kind, program.source, &lowered).in(engine_name(kind)));
    out.ours.push_back(std::move(engine));
  }
  return out;
}

// A run that counts for nothing but what it leaves in memory and maps, on every engine alike.
SkbResult run_aside(Engines& engines, const Input& in) {
  for (const auto& ours : engines.ours) ours->run_skb(in.packet, in.ctx, in.flags);
  return engines.host->run_skb(in.packet, in.ctx, in.flags);
}

// Whether the host gives the same answer again when packets of other bytes were in its memory meanwhile.
bool host_decides(Engines& engines, const Input& in, const SkbResult& answer) {
  for (const unsigned fill : {0x5au, 0xffu, 0u}) {
    Input other = in;
    other.packet.assign(in.packet.size() + 256, std::byte(fill));
    run_aside(engines, other);
    if (!same(run_aside(engines, in), answer)) return false;
  }
  return true;
}

bool compare_run(const std::string& name, Engines& engines, const Input& in, Count& count) {
  const SkbResult host = engines.host->run_skb(in.packet, in.ctx, in.flags);
  ++count.runs;
  count.answered += host.error == 0;
  std::vector<std::pair<EngineKind, SkbResult>> others;
  for (std::size_t k = 0; k < engines.ours.size(); ++k) {
    SkbResult ours = engines.ours[k]->run_skb(in.packet, in.ctx, in.flags);
    if (!same(ours, host)) others.emplace_back(kOurs[k], std::move(ours));
  }
  if (others.empty()) return true;
  if (!host_decides(engines, in, host)) return ++count.undecided, true;
  for (const auto& [kind, ours] : others) {
    if (count.differ++ >= kShown) continue;
    std::printf("%s: run %llu, flags %u, packet %s\n    ctx %s\n", name.c_str(), (unsigned long long)count.runs,
                in.flags, hex(in.packet).c_str(), hex(bytes_of(in.ctx)).c_str());
    print("host", host);
    print(std::string(engine_name(kind)).c_str(), ours);
  }
  return false;
}

bool compare_maps(const ObjectProgram& program, Engines& engines) {
  bool good = true;
  for (u32 m = 0; m < program.source.maps.size(); ++m) {
    const auto host = engines.host->dump(m);
    for (std::size_t k = 0; k < engines.ours.size(); ++k) {
      const auto ours = engines.ours[k]->dump(m);
      if (host && ours && *host == *ours) continue;
      good = false;
      std::printf("%s: map %s differs on %s", program.name.c_str(), program.source.maps[m].name.c_str(),
                  std::string(engine_name(kOurs[k])).c_str());
      for (std::size_t at = 0; host && ours && at < std::min(host->size(), ours->size()); ++at)
        if ((*host)[at] != (*ours)[at]) std::printf(" at %s", hex((*host)[at].key).c_str());
      std::printf("\n");
    }
  }
  return good;
}

bool run_program(const ObjectProgram& program, Maker& maker, u32 runs, Count& total) {
  auto engines = make_engines(program);
  if (!engines) return std::printf("%s: %s\n", program.name.c_str(), engines.error().what().c_str()), false;
  Count count;
  bool good = true;
  for (u32 i = 0; i < runs; ++i) {
    const bool same_run = compare_run(program.name, *engines, maker.make(), count);
    // The first note that differs shows here, not at the end.
    if (good && (!same_run || i % 256 == 0)) good = compare_maps(program, *engines) && same_run;
    if (!good && count.differ >= kShown) break;
  }
  good = good && compare_maps(program, *engines);
  std::printf("%s: %llu runs, %llu answered without error, %llu undecided by the host, %llu differ\n",
              program.name.c_str(), (unsigned long long)count.runs, (unsigned long long)count.answered,
              (unsigned long long)count.undecided, (unsigned long long)count.differ);
  total.runs += count.runs;
  total.answered += count.answered;
  total.undecided += count.undecided;
  total.differ += count.differ;
  return good;
}

base::Result<std::vector<Packet>> read_packets(const std::string& path) {
  std::vector<Packet> packets;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    SLUICE_TRY(Packet packet, parse_packet(line.substr(line.find(' '))));
    packets.push_back(std::move(packet));
  }
  if (packets.empty()) return base::Error(EINVAL, path + ": no packets");
  return packets;
}

int run(const std::string& object, const std::string& packets_path, u32 runs, u64 seed) {
  const auto programs = read_object(object);
  auto packets = read_packets(packets_path);
  if (!programs || !packets) {
    std::printf("%s\n", (!programs ? programs.error() : packets.error()).what().c_str());
    return 1;
  }
  if (runs == 0) runs = std::getenv("SLUICE_LONG") ? kRunsLong / u32(programs->size()) + 1 : kRunsDefault;
  Maker maker(std::move(*packets), seed);
  Count total;
  bool good = true;
  for (const ObjectProgram& program : *programs) good = run_program(program, maker, runs, total) && good;
  std::printf("seed %llu: %llu runs on %zu engines and the host kernel, %llu answered without error, %llu differ\n",
              (unsigned long long)seed, (unsigned long long)total.runs, std::size(kOurs),
              (unsigned long long)total.answered, (unsigned long long)total.differ);
  if (total.answered * 2 < total.runs) return std::printf("too few runs get an answer to show anything\n"), 1;
  if (total.undecided * 1000 > total.runs) return std::printf("too many runs are undecided\n"), 1;
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  u32 runs = 0;
  u64 seed = 1;
  for (int i = 3; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--runs") == 0) runs = u32(std::strtoul(argv[i + 1], nullptr, 10));
    if (std::strcmp(argv[i], "--seed") == 0) seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  if (argc < 3) return std::fprintf(stderr, "usage: skb_oracle OBJECT PACKETS [--runs N] [--seed N]\n"), 2;
  if (const auto& why = host_kernel_unusable()) {
    std::printf("SKIPPED: the host kernel is no oracle here: %s\n", why->c_str());
    return 77;
  }
  return run(argv[1], argv[2], runs, seed);
}
