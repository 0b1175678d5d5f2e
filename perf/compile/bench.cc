// SPDX-License-Identifier: Apache-2.0
// compile_bench BUILDER ROUNDS CYCLES PROGRAMS — from instructions to running code, and what it costs to keep; JSON on
// stdout.
//
// Shape     latency   verify + compile + link by size, in a builder child that has just been started ("new", its start
//                     counted as it is in the daemon: not, it is started before it is needed) and in one that has built
//                     before ("warm"); each tier. Beside it the host kernel's PROG_LOAD.
//           memory    growth of this process per linked program, each tier.
//           cycles    link and drop: growth of this process between the first tenth and the end.
//           restart   PROGRAMS programs of 150 instructions with a map each through door and compiler, the object
//                     cache warm, the builder new.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bpf/builder/builder.h"
#include "control/daemon/compiler.h"
#include "control/door.h"
#include "perf/compile/sample.h"
#include "tests/support/host_kernel.h"
#include "tests/support/our_maps.h"

namespace compile_bench {
namespace {

using base::u32;
using base::u64;
using bpf::jit::Tier;
using json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr u32 kSizes[] = {20, 150, 1000, 4000, 15000};
constexpr Tier kTiers[] = {Tier::quick, Tier::optimised};

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

u64 resident_bytes() {
  std::ifstream file("/proc/self/statm");
  u64 size = 0, resident = 0;
  file >> size >> resident;
  return resident * 4096;
}

// Verified, compiled and linked: milliseconds until the code could run.
base::Result<double> time_load(bpf::builder::BuilderProcess& builder, const bpf::ProgSource& source, Tier tier,
                               support::OurMaps& maps) {
  const auto begin = Clock::now();
  SLUICE_TRY(const auto reply, builder.build({.source = source, .compile = {.tier = tier}}));
  if (!reply.verdict.accepted()) return base::Error(reply.verdict.error, "refused: " + reply.verdict.reason);
  SLUICE_TRY(const auto code, bpf::jit::link(reply.object, maps.heads(), source.type, 1));
  return ms_since(begin);
}

base::Result<json> measure_latency(const std::string& exe, int rounds) {
  json rows = json::array();
  for (const u32 size : kSizes)
    for (const Tier tier : kTiers) {
      std::vector<double> fresh, warm, kernel;
      for (int round = 0; round < rounds; ++round) {
        const bpf::ProgSource source = make_sample(size, u32(round));
        SLUICE_TRY(auto maps, support::OurMaps::make(source.maps));
        SLUICE_TRY(const auto builder, bpf::builder::make_builder_process({.exe = exe}));
        // The daemon starts its builder before it reads its configuration's objects.
        SLUICE_CHECK(builder->build({.source = make_sample(20), .want_object = false}));
        SLUICE_TRY(const double first, time_load(*builder, source, tier, maps));
        SLUICE_TRY(const double second, time_load(*builder, make_sample(size, u32(round) + 100), tier, maps));
        fresh.push_back(first);
        warm.push_back(second);
        if (support::host_kernel_unusable()) continue;
        SLUICE_TRY(const auto kernel_maps, support::host_make_maps(source));
        const auto begin = Clock::now();
        const auto load = support::host_load(source, kernel_maps);
        if (load.accepted()) kernel.push_back(ms_since(begin));
      }
      rows.push_back({{"insns", size},
                      {"tier", bpf::jit::tier_name(tier)},
                      {"new_ms", fresh},
                      {"warm_ms", warm},
                      {"kernel_ms", kernel}});
    }
  return rows;
}

base::Result<json> measure_memory(u32 programs) {
  json rows = json::array();
  for (const Tier tier : kTiers) {
    const bpf::ProgSource source = make_sample(150);
    const auto built = bpf::builder::build({.source = source, .compile = {.tier = tier}});
    SLUICE_TRY(auto maps, support::OurMaps::make(source.maps));
    std::vector<std::unique_ptr<bpf::jit::Code>> codes;
    const auto link_one = [&]() -> base::Status {
      SLUICE_TRY(auto code, bpf::jit::link(built.object, maps.heads(), source.type, 1));
      codes.push_back(std::move(code));
      return base::success();
    };
    for (int i = 0; i < 16; ++i) SLUICE_CHECK(link_one());
    const u64 before = resident_bytes();
    for (u32 i = 0; i < programs; ++i) SLUICE_CHECK(link_one());
    rows.push_back({{"tier", bpf::jit::tier_name(tier)},
                    {"text_bytes", codes.back()->text().size()},
                    {"bytes_per_program", (resident_bytes() - before) / programs}});
  }
  return rows;
}

base::Result<json> measure_cycles(u32 cycles) {
  const bpf::ProgSource source = make_sample(150);
  const auto built = bpf::builder::build({.source = source, .compile = {.tier = Tier::quick}});
  SLUICE_TRY(auto maps, support::OurMaps::make(source.maps));
  u64 early = 0;
  for (u32 i = 0; i < cycles; ++i) {
    SLUICE_TRY(const auto code, bpf::jit::link(built.object, maps.heads(), source.type, 1));
    if (i == cycles / 10) early = resident_bytes();
  }
  return json{{"cycles", cycles}, {"early_bytes", early}, {"late_bytes", resident_bytes()}};
}

long load_through(control::Door& door, control::LocalClient& client, u32 variant) {
  const bpf::ProgSource source = make_sample(150, variant);
  bpf::bpf_attr map{};
  map.map_type = bpf::BPF_MAP_TYPE_HASH;
  map.key_size = 4;
  map.value_size = 8;
  map.max_entries = 1024;
  const long fd = door.bpf_command(client, bpf::BPF_MAP_CREATE, &map, sizeof map);
  if (fd < 0) return fd;
  std::vector<bpf::bpf_insn> insns = source.insns;
  for (bpf::bpf_insn& insn : insns)
    if (bpf::insn_is_ld_imm64(insn) && insn.src_reg == bpf::BPF_PSEUDO_MAP_FD) insn.imm = base::s32(fd);
  bpf::bpf_attr attr{};
  attr.prog_type = bpf::BPF_PROG_TYPE_XDP;
  attr.insns = reinterpret_cast<u64>(insns.data());
  attr.insn_cnt = u32(insns.size());
  attr.license = reinterpret_cast<u64>("GPL");
  return door.bpf_command(client, bpf::BPF_PROG_LOAD, &attr, sizeof attr);
}

// One life of a daemon's engine: every program loaded, and better code waited for where `wait`.
base::Result<double> live_once(const std::string& exe, const std::string& folder, u32 programs, bool wait, u64* hits) {
  const auto begin = Clock::now();
  SLUICE_TRY(const auto compiler, control::Compiler::make({.cache_folder = folder, .builder = exe}));
  control::DoorConfig config;
  config.build = [&](const auto& request) { return compiler->build(request); };
  config.improve = [&](const auto& program, auto lowered) { compiler->improve(program, std::move(lowered)); };
  control::Door door(std::move(config));
  control::LocalClient client;
  for (u32 i = 0; i < programs; ++i)
    if (const long fd = load_through(door, client, i); fd < 0) return base::Error(int(-fd), client.last_error);
  const double ms = ms_since(begin);
  while (wait && compiler->pending() > 0) compiler->poll();
  if (hits) *hits = compiler->cache()->stats().hits;
  return ms;
}

base::Result<json> measure_restart(const std::string& exe, u32 programs) {
  char name[] = "/tmp/sluice_compile_XXXXXX";
  const std::string root = mkdtemp(name);
  auto cold = live_once(exe, root + "/objects", programs, true, nullptr);
  u64 hits = 0;
  auto warm = live_once(exe, root + "/objects", programs, false, &hits);
  std::filesystem::remove_all(root);
  if (!cold) return std::move(cold).error();
  if (!warm) return std::move(warm).error();
  return json{{"programs", programs}, {"cold_ms", *cold}, {"warm_ms", *warm}, {"hits", hits}};
}

int run(const std::string& exe, int rounds, u32 cycles, u32 programs) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  json out = json::object();
  int failed = 0;
  const auto put = [&](const char* key, base::Result<json> part) {
    if (part)
      out[key] = *part;
    else
      std::fprintf(stderr, "compile_bench: %s: %s\n", key, part.error().what().c_str()), ++failed;
  };
  put("latency", measure_latency(exe, rounds));
  put("memory", measure_memory(programs));
  put("cycles", measure_cycles(cycles));
  put("restart", measure_restart(exe, programs));
  std::printf("%s\n", out.dump(1).c_str());
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace compile_bench

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: compile_bench BUILDER ROUNDS CYCLES PROGRAMS\n");
    return 2;
  }
  return compile_bench::run(argv[1], std::atoi(argv[2]), base::u32(std::atoi(argv[3])), base::u32(std::atoi(argv[4])));
}
