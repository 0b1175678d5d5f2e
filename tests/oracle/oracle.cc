// SPDX-License-Identifier: Apache-2.0
// oracle — one BPF C program through interpreter, JIT, JIT burst and host kernel: they must agree on everything.
//
//   oracle OBJECT CASE PACKETS        PACKETS: words (packets.txt), or a capture
//
// Shape     the case is the program's own source, or a file for an object that came without: lines `// oracle: …` say
//           how its maps are filled and what it shows.
//             set MAP KEY = VALUE      bytes in hex                tail MAP INDEX FUNCTION   a slot of a prog_array
//             entry FUNCTION           where there are several     verdicts NAME[:N] …       each has to occur N times
//             refused                  by the kernel and by us
//           A value for a per-CPU map is given to every CPU.
//           Compared: verdict of the verifiers, the low half of r0, packet bytes with metadata, contents of every map
//           whose values are bytes; among our engines also the redirect target.
// Errors    exit 1 and every difference; 77 where bpf(2) is unusable.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

#include "bpf/abi/flags.h"
#include "bpf/lower/lower.h"
#include "bpf/verifier/verifier.h"
#include "tests/support/engine.h"
#include "tests/support/host_kernel.h"
#include "tests/support/object.h"
#include "tests/support/our_maps.h"
#include "tests/support/packet_words.h"
#include "tests/support/pcap_file.h"

namespace {
using namespace support;
using base::u32;
using Words = std::vector<std::string>;

constexpr std::array<const char*, 5> kVerdicts = {"ABORTED", "DROP", "PASS", "TX", "REDIRECT"};
constexpr int kRounds = 2;  // the second one meets what the first left in the maps

struct Case {
  std::vector<Words> directives;
  bool refused() const {
    return std::ranges::any_of(directives, [](const Words& w) { return w[0] == "refused"; });
  }
  std::string entry() const {
    for (const Words& w : directives)
      if (w[0] == "entry") return w[1];
    return "";
  }
};

Case read_case(const std::string& source) {
  constexpr std::string_view kMark = "// oracle: ";
  Case out;
  std::ifstream in(source);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(kMark)) continue;
    std::istringstream words(line.substr(kMark.size()));
    Words directive;
    for (std::string word; words >> word;) directive.push_back(word);
    if (!directive.empty()) out.directives.push_back(std::move(directive));
  }
  return out;
}

base::Result<std::vector<Packet>> read_packets(const std::string& path) {
  if (path.ends_with(".pcap")) return read_pcap(path);
  std::vector<Packet> packets;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t gap = line.find(' ');
    SLUICE_TRY(Packet packet, parse_packet(line.substr(gap)).in(line.substr(0, gap)));
    packets.push_back(std::move(packet));
  }
  if (packets.empty()) return base::Error(EINVAL, path + ": no packets");
  return packets;
}

Packet parse_hex(const std::string& digits) {
  Packet out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    out.push_back(std::byte(std::strtoul(digits.substr(i, 2).c_str(), nullptr, 16)));
  return out;
}

// An object's programs on one engine: the entry, and those that it tail-calls.
struct Instance {
  std::vector<std::unique_ptr<Engine>> programs;
  std::vector<std::string> names;
  Engine& find(const std::string& name) {
    return *programs[std::size_t(std::ranges::find(names, name) - names.begin())];
  }
};

struct Prepared {
  std::vector<ObjectProgram> programs;
  std::vector<bpf::LoweredProgram> lowered;
  std::size_t entry = 0;
};

base::Result<Instance> make_instance(EngineKind kind, const Prepared& object) {
  Instance out;
  for (std::size_t i = 0; i < object.programs.size(); ++i) {
    const ObjectProgram& p = object.programs[i];
    SLUICE_TRY(auto engine, make_engine(kind, p.source, &object.lowered[i]).in(p.name));
    const u32 zero = 0;
    for (const InitialData& d : p.data)
      SLUICE_CHECK(engine->update(d.map, std::as_bytes(std::span(&zero, 1)), d.bytes));
    out.programs.push_back(std::move(engine));
    out.names.push_back(p.name);
  }
  return out;
}

// What bpf(2) takes for a value: one copy for each possible CPU where the map has them.
Packet value_for(const bpf::MapFacts& map, const std::string& digits) {
  Packet value = parse_hex(digits);
  if (!map_is_percpu(map.type)) return value;
  value.resize((value.size() + 7) / 8 * 8);
  Packet all;
  for (u32 cpu = 0; cpu < host_possible_cpus(); ++cpu) all.insert(all.end(), value.begin(), value.end());
  return all;
}

// Every program of the object has its own maps: a directive fills the map of that name in each program that uses it.
base::Status apply(const Case& test, const Prepared& object, Instance& instance) {
  for (const Words& w : test.directives) {
    if (w[0] != "set" && w[0] != "tail") continue;
    bool used = false;
    for (std::size_t i = 0; i < object.programs.size(); ++i) {
      const int map = object.programs[i].find_map(w[1]);
      if (map < 0) continue;
      used = true;
      Engine& engine = *instance.programs[i];
      SLUICE_CHECK(w[0] == "set" ? engine.update(u32(map), parse_hex(w[2]),
                                                 value_for(object.programs[i].source.maps[std::size_t(map)], w[4]))
                                 : engine.set_tail_call(u32(map), u32(std::stoul(w[2])), instance.find(w[3])));
    }
    if (!used) return base::Error(EINVAL, "a directive names map '" + w[1] + "', which no program uses");
  }
  return base::success();
}

bool holds_bytes(bpf::bpf_map_type type) {
  return type != bpf::BPF_MAP_TYPE_PROG_ARRAY && type != bpf::BPF_MAP_TYPE_DEVMAP;
}

struct Outcome {
  std::vector<RunResult> runs;
  std::vector<std::pair<std::string, std::vector<Element>>> maps;
};

base::Result<Outcome> run_engine(EngineKind kind, const Case& test, const Prepared& object,
                                 std::span<const Packet> packets) {
  SLUICE_TRY(Instance instance, make_instance(kind, object));
  SLUICE_CHECK(apply(test, object, instance));
  Outcome out;
  for (int round = 0; round < kRounds; ++round) {
    SLUICE_TRY(auto runs, instance.programs[object.entry]->run(packets));
    std::ranges::move(runs, std::back_inserter(out.runs));
  }
  for (std::size_t i = 0; i < object.programs.size(); ++i) {
    const auto& maps = object.programs[i].source.maps;
    for (u32 m = 0; m < maps.size(); ++m) {
      if (!holds_bytes(maps[m].type)) continue;
      SLUICE_TRY(auto elements, instance.programs[i]->dump(m));
      out.maps.emplace_back(object.programs[i].name + "." + maps[m].name, std::move(elements));
    }
  }
  return out;
}

std::string hex(base::ConstBytes bytes) {
  std::string out;
  char digits[4];
  for (const std::byte b : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", unsigned(b));
    out += digits;
  }
  return out;
}

// Prints every difference; true if there is none.
class Comparison {
 public:
  Comparison(std::string name, std::size_t packets) : name_(std::move(name)), packets_(packets) {}

  bool runs(const Outcome& ours, const Outcome& other, bool redirects) {
    for (std::size_t i = 0; i < ours.runs.size(); ++i) {
      const RunResult &a = ours.runs[i], &b = other.runs[i];
      if (u32(a.r0) != u32(b.r0)) differ(i, "r0 " + std::to_string(u32(a.r0)) + ", not " + std::to_string(u32(b.r0)));
      if (a.output != b.output) differ(i, "bytes\n  " + hex(a.output) + "\n  " + hex(b.output));
      if (redirects && (a.redirect.kind != b.redirect.kind || a.redirect.target != b.redirect.target))
        differ(i, "redirect to " + std::to_string(a.redirect.target) + ", not " + std::to_string(b.redirect.target));
    }
    return same_;
  }

  bool maps(const Outcome& ours, const Outcome& other) {
    for (std::size_t m = 0; m < ours.maps.size(); ++m) {
      if (ours.maps[m].second == other.maps[m].second) continue;
      same_ = false;
      std::printf("%s: map %s\n", name_.c_str(), ours.maps[m].first.c_str());
      print(ours.maps[m].second), std::printf("  not\n"), print(other.maps[m].second);
    }
    return same_;
  }

 private:
  static void print(const std::vector<Element>& elements) {
    for (const Element& e : elements) std::printf("  %s: %s\n", hex(e.key).c_str(), hex(e.value).c_str());
  }
  void differ(std::size_t run, const std::string& what) {
    same_ = false;
    std::printf("%s: round %zu packet %zu: %s\n", name_.c_str(), run / packets_, run % packets_, what.c_str());
  }
  std::string name_;
  std::size_t packets_;
  bool same_ = true;
};

// "DROP:100" occurs often enough.
bool check_verdict(const std::string& promise, const Outcome& host) {
  const std::size_t colon = promise.find(':');
  const std::string name = promise.substr(0, colon);
  const long wanted = colon == std::string::npos ? 1 : std::atol(promise.c_str() + colon + 1);
  const u32 verdict = u32(std::ranges::find(kVerdicts, name) - kVerdicts.begin());
  const long seen = std::ranges::count_if(host.runs, [&](const RunResult& r) { return u32(r.r0) == verdict; });
  if (seen >= wanted) return true;
  std::printf("%ld packets got the verdict %s, of which the case promises %ld\n", seen, name.c_str(), wanted);
  return false;
}

// The verdicts that the case promises have to occur, else it shows nothing.
bool check_verdicts(const Case& test, const Outcome& host) {
  bool all = true;
  for (const Words& w : test.directives) {
    if (w[0] != "verdicts") continue;
    for (std::size_t i = 1; i < w.size(); ++i) all = check_verdict(w[i], host) && all;
  }
  return all;
}

bool compare_engines(const Case& test, const Prepared& object, std::span<const Packet> packets) {
  const auto host = run_engine(EngineKind::host, test, object, packets);
  if (!host) return std::printf("host: %s\n", host.error().what().c_str()), false;
  bool good = check_verdicts(test, *host);
  std::optional<Outcome> interp;
  for (const EngineKind kind : kOurEngines) {
    const std::string name(engine_name(kind));
    auto ours = run_engine(kind, test, object, packets);
    if (!ours) {
      std::printf("%s: %s\n", name.c_str(), ours.error().what().c_str());
      good = false;
      continue;
    }
    Comparison against_host(name + " against host", packets.size());
    against_host.runs(*ours, *host, false);
    good &= against_host.maps(*ours, *host);
    if (interp) good &= Comparison(name + " against interp", packets.size()).runs(*ours, *interp, true);
    if (!interp) interp = std::move(*ours);
  }
  return good;
}

// The reason stands in the last lines.
std::string log_tail(const std::string& log) {
  constexpr std::size_t kTailBytes = 600;
  return log.size() <= kTailBytes ? log : "… " + log.substr(log.size() - kTailBytes);
}

// Instructions that the host's verifier walked: "processed N insns" in its log.
u32 host_walked(const std::string& log) {
  const auto at = log.rfind("processed ");
  return at == log.npos ? 0 : u32(std::strtoul(log.c_str() + at + 10, nullptr, 10));
}

// A verifier that joins paths as well as Linux's walks about as far. Far beyond it, programs that Linux accepts end at
// the limit here; the slack is for what a state remembers differently, most of it in callbacks.
bool check_walked(const std::string& name, const bpf::verifier::Verdict& ours, u32 host) {
  std::printf("%s: %u instructions walked, %u by the host kernel\n", name.c_str(), ours.stats.verified_insns, host);
  return host == 0 || ours.stats.verified_insns <= host + host / 2 + 64;
}

// Verifies every program with both verifiers and lowers what is accepted. True: they agree as the case expects.
bool prepare(const Case& test, Prepared& object) {
  for (std::size_t i = 0; i < object.programs.size(); ++i) {
    const ObjectProgram& p = object.programs[i];
    if (p.name == test.entry()) object.entry = i;
    const HostLoad host = host_load(p.source, u32(bpf::BPF_LOG_LEVEL1));
    const bpf::verifier::Verdict ours = bpf::verifier::verify(p.source);
    if (host.accepted() == test.refused() || ours.accepted() == test.refused()) {
      std::printf("%s: host kernel: %s; we: %s\n", p.name.c_str(),
                  host.accepted() ? "accepted" : log_tail(host.log).c_str(),
                  ours.accepted() ? "accepted" : (std::to_string(ours.insn) + ": " + ours.reason).c_str());
      return false;
    }
    if (test.refused()) continue;
    if (!check_walked(p.name, ours, host_walked(host.log))) return false;
    auto lowered = bpf::lower::lower(p.source, ours.program);
    if (!lowered) return std::printf("%s\n", lowered.error().what().c_str()), false;
    object.lowered.push_back(std::move(*lowered));
  }
  return true;
}

int run(const std::string& object_path, const std::string& source_path, const std::string& packets_path) {
  const Case test = read_case(source_path);
  auto programs = read_object(object_path);
  const auto packets = read_packets(packets_path);
  if (!programs || !packets) {
    std::printf("%s\n", (!programs ? programs.error() : packets.error()).what().c_str());
    return 1;
  }
  Prepared object{.programs = std::move(*programs), .lowered = {}};
  if (!prepare(test, object)) return 1;
  if (test.refused()) return std::printf("refused by the host kernel and by us\n"), 0;
  if (!compare_engines(test, object, *packets)) return 1;
  std::printf("%zu packets agree on interp, jit, jit-burst and host\n", packets->size() * kRounds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: oracle OBJECT CASE PACKETS\n"), 2;
  if (const auto& why = host_kernel_unusable()) {
    std::printf("SKIPPED: the host kernel is no oracle here: %s\n", why->c_str());
    return 77;
  }
  return run(argv[1], argv[2], argv[3]);
}
