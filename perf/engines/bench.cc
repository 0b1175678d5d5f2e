// SPDX-License-Identifier: Apache-2.0
// engines_bench OBJECT_FOLDER ROUNDS — ns per packet of each program: native, our JIT, the host kernel's; JSON on
// stdout.
//
// Shape     arms of one program run in turns, round by round, on one pinned CPU; each turn is some milliseconds.
//           Bursts of 32 packets for burst arms, calls through a pointer for the others. The kernel is measured with
//           BPF_PROG_TEST_RUN, gross. Before timing all run over equal packets, the kernel too: verdicts, packets and
//           the expected verdict must agree.
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "bpf/builder/builder.h"
#include "bpf/registry/registry.h"
#include "bpf/runtime/default_host.h"
#include "bpf/runtime/runtime.h"
#include "perf/engines/object_file.h"
#include "perf/engines/packets.h"
#include "perf/engines/programs.h"
#include "tests/support/host_kernel.h"

namespace engines {
namespace {

constexpr u64 kTurnMs = 3;
constexpr u32 kKernelRepeat = 1'000'000;

struct Program {
  const ProgramRow* row;
  bpf::ProgSource source;
  std::vector<std::unique_ptr<bpf::Map>> maps;
  std::unique_ptr<bpf::Map> native_stages;  // the prog array of the native program, which calls itself
  std::unique_ptr<bpf_prog> native_prog;
  bpf::builder::BuildReply built;
  std::unique_ptr<bpf::jit::Code> code;
  std::vector<support::Fd> kernel_maps;
  support::HostLoad kernel;
};

base::Status make_maps(const ObjectFile& object, Program& program) {
  for (const std::string& name : object.maps) {
    const MapRow* row = find_map_row(name);
    if (!row) return base::Error(EINVAL, "no row for map " + name);
    bpf::MapFacts facts;
    facts.type = row->spec.type;
    facts.key_size = row->spec.key_size;
    facts.value_size = row->spec.value_size;
    facts.max_entries = row->spec.max_entries;
    facts.map_flags = row->spec.map_flags;
    facts.name = row->name;
    program.source.maps.push_back(facts);
    SLUICE_TRY(const bpf::MapOps* ops, bpf::find_map_ops(facts.type));
    SLUICE_TRY(auto map, ops->make(row->spec));
    SLUICE_CHECK(fill(*row, [&](base::ConstBytes key, base::ConstBytes value) {
      const int error = ops->update(*map, key, value, 0);
      return error ? base::Status(base::Error(-error, name + ": update")) : base::success();
    }));
    *row->native = map->head();
    program.maps.push_back(std::move(map));
  }
  return base::success();
}

// Every slot of a prog array holds the program itself.
base::Status fill_slots(const bpf::MapOps& ops, bpf::Map& array, const bpf_prog* prog) {
  for (u32 slot = 0; slot < array.spec().max_entries; ++slot) {
    const int error =
        ops.update_object(array, std::as_bytes(std::span(&slot, 1)), {.prog = prog, .keep = {}, .id = prog->id}, 0);
    if (error) return base::Error(-error, "prog array: update");
  }
  return base::success();
}

base::Status link_stages(Program& program) {
  for (size_t i = 0; i < program.maps.size(); ++i) {
    if (program.source.maps[i].type != bpf::BPF_MAP_TYPE_PROG_ARRAY) continue;
    SLUICE_TRY(const bpf::MapOps* ops, bpf::find_map_ops(bpf::BPF_MAP_TYPE_PROG_ARRAY));
    SLUICE_CHECK(fill_slots(*ops, *program.maps[i], program.code->prog()));
    const MapRow* row = find_map_row(program.source.maps[i].name);
    SLUICE_TRY(program.native_stages, ops->make(row->spec));
    program.native_prog = std::make_unique<bpf_prog>(bpf_prog{program.row->run, program.row->burst, 2, 0, nullptr});
    SLUICE_CHECK(fill_slots(*ops, *program.native_stages, program.native_prog.get()));
    *row->native = program.native_stages->head();
  }
  return base::success();
}

base::Status fill_kernel_slots(const Program& program) {
  for (size_t i = 0; i < program.kernel_maps.size(); ++i) {
    if (program.source.maps[i].type != bpf::BPF_MAP_TYPE_PROG_ARRAY) continue;
    const int fd = program.kernel.prog.get();
    for (u32 slot = 0; slot < program.source.maps[i].max_entries; ++slot)
      SLUICE_CHECK(support::host_map_update(program.kernel_maps[i], std::as_bytes(std::span(&slot, 1)),
                                            std::as_bytes(std::span(&fd, 1))));
  }
  return base::success();
}

base::Status load_kernel(Program& program) {
  SLUICE_TRY(program.kernel_maps, support::host_make_maps(program.source));
  for (size_t i = 0; i < program.kernel_maps.size(); ++i)
    SLUICE_CHECK(fill(*find_map_row(program.source.maps[i].name), [&](base::ConstBytes key, base::ConstBytes value) {
      return support::host_map_update(program.kernel_maps[i], key, value);
    }));
  program.kernel = support::host_load(program.source, program.kernel_maps);
  if (!program.kernel.accepted()) return base::Error(program.kernel.error, "the host kernel refuses it");
  return fill_kernel_slots(program);
}

base::Result<Program> load(const ProgramRow& row, const std::string& folder) {
  Program program{.row = &row};
  SLUICE_TRY(const ObjectFile object, read_object(folder + "/" + row.name + ".bpf.o"));
  program.source.type = bpf::BPF_PROG_TYPE_XDP;
  program.source.gpl_compatible = true;
  program.source.name = row.name;
  program.source.insns = object.insns;
  SLUICE_CHECK(make_maps(object, program));
  program.built = bpf::builder::build({.source = program.source});
  if (!program.built.verdict.accepted())
    return base::Error(program.built.verdict.error, "verifier: " + program.built.verdict.reason);
  std::vector<bpf_map*> heads;
  for (const auto& map : program.maps) heads.push_back(map->head());
  SLUICE_TRY(program.code, bpf::jit::link(program.built.object, heads, program.source.type, 1));
  SLUICE_CHECK(link_stages(program));
  if (!support::host_kernel_unusable()) SLUICE_CHECK(load_kernel(program));
  return program;
}

// One way to run a program: over the whole burst, once.
struct Arm {
  std::string name;
  std::function<void(PacketBurst&, u32* verdicts, bpf_env*)> run;
  std::vector<double> ns;
};

Arm single_arm(std::string name, bpf_run_fn run, const bpf_prog* self) {
  return {std::move(name),
          [run, self](PacketBurst& packets, u32* verdicts, bpf_env* env) {
            for (u32 i = 0; i < kBurst; ++i) {
              bpf_env_begin(env);
              verdicts[i] = u32(run(&packets.contexts()[i], env, self));
            }
          },
          {}};
}
Arm burst_arm(std::string name, bpf_burst_fn run, const bpf_prog* self) {
  return {std::move(name),
          [run, self](PacketBurst& packets, u32* verdicts, bpf_env* env) {
            xdp_burst burst = packets.burst(verdicts);
            run(&burst, env, self);
          },
          {}};
}

// The packets of one burst after one run each, by the kernel.
base::Result<std::vector<base::u8>> run_kernel(const Program& program) {
  std::vector<base::u8> seen;
  for (u32 i = 0; i < kBurst; ++i) {
    const auto packet = make_packet(program.row->packets, i);
    SLUICE_TRY(const support::HostRun run,
               support::host_test_run(program.kernel.prog, std::as_bytes(std::span(packet))));
    if (run.retval != program.row->verdict)
      return base::Error(EINVAL, "the host kernel gives verdict " + std::to_string(run.retval));
    const auto* begin = reinterpret_cast<const base::u8*>(run.data.data());
    seen.insert(seen.end(), begin, begin + run.data.size());
  }
  return seen;
}

base::Status check_equal(const Program& program, std::vector<Arm>& arms, bpf_env* env) {
  const ProgramRow& row = *program.row;
  std::vector<base::u8> kernel;
  if (program.kernel.prog.valid()) {
    SLUICE_TRY(kernel, run_kernel(program));
  }
  std::vector<base::u8> expected;
  for (const Arm& arm : arms) {
    PacketBurst packets(row.packets);
    u32 verdicts[kBurst];
    std::vector<base::u8> seen;
    for (int round = 0; round < 4; ++round) {
      arm.run(packets, verdicts, env);
      for (u32 i = 0; i < kBurst; ++i) {
        if (verdicts[i] != row.verdict)
          return base::Error(EINVAL, arm.name + " gives verdict " + std::to_string(verdicts[i]));
        seen.insert(seen.end(), packets.packet(i), packets.packet(i) + kPacketBytes);
      }
    }
    if (!std::equal(kernel.begin(), kernel.end(), seen.begin()))
      return base::Error(EINVAL, arm.name + " leaves other packets than the host kernel");
    if (!expected.empty() && seen != expected) return base::Error(EINVAL, arm.name + " leaves other packets");
    expected = seen;
  }
  return base::success();
}

// Time that this thread has had of its CPU: others on a shared machine do not count, as they do not for the kernel.
u64 cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return u64(now.tv_sec) * 1'000'000'000 + u64(now.tv_nsec);
}

u64 time_bursts(const Arm& arm, PacketBurst& packets, bpf_env* env, u64 bursts) {
  u32 verdicts[kBurst];
  const u64 start = cpu_ns();
  for (u64 i = 0; i < bursts; ++i) {
    arm.run(packets, verdicts, env);
    asm volatile("" ::"r"(verdicts) : "memory");
  }
  return cpu_ns() - start;
}

double time_turn(const Arm& arm, PacketBurst& packets, bpf_env* env) {
  constexpr u64 kProbeBursts = 64;
  const u64 probe = std::max<u64>(time_bursts(arm, packets, env, kProbeBursts), 1);
  const u64 bursts = std::max<u64>(kTurnMs * 1'000'000 * kProbeBursts / probe, kProbeBursts);
  return double(time_bursts(arm, packets, env, bursts)) / double(bursts * kBurst);
}

base::Result<double> time_kernel(const Program& program) {
  const auto packet = make_packet(program.row->packets, 0);
  SLUICE_TRY(const support::HostRun run,
             support::host_test_run(program.kernel.prog, std::as_bytes(std::span(packet)), kKernelRepeat));
  if (run.retval != program.row->verdict)
    return base::Error(EINVAL, "the host kernel gives verdict " + std::to_string(run.retval));
  return double(run.duration_ns);
}

base::Result<nlohmann::json> measure(const ProgramRow& row, const std::string& folder, int rounds, bpf_env* env) {
  SLUICE_TRY(Program program, load(row, folder));
  const bpf_prog* self = program.code->prog();
  std::vector<Arm> arms;
  arms.push_back(single_arm("native", row.run, nullptr));
  arms.push_back(burst_arm("native_burst", row.burst, nullptr));
  arms.push_back(single_arm("jit", self->run, self));
  arms.push_back(burst_arm("jit_burst", self->burst, self));
  SLUICE_CHECK(check_equal(program, arms, env));

  PacketBurst packets(row.packets);
  std::vector<double> kernel;
  for (const Arm& arm : arms) time_turn(arm, packets, env);
  for (int round = 0; round < rounds; ++round) {
    for (Arm& arm : arms) arm.ns.push_back(time_turn(arm, packets, env));
    if (!program.kernel.prog.valid()) continue;
    SLUICE_TRY(const double ns, time_kernel(program));
    kernel.push_back(ns);
  }
  nlohmann::json result{{"name", row.name},
                        {"insns", program.source.insns.size()},
                        {"verify_ns", program.built.verdict.stats.verify_ns},
                        {"jit_ns", program.built.jit_ns},
                        {"text_bytes", program.code->text().size()},
                        {"kernel", kernel}};
  for (const Arm& arm : arms) result[arm.name] = arm.ns;
  return result;
}

// The last CPU, and it stays the BPF CPU of the environment.
base::Result<u32> pin() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return base::Error(errno, "sched_getaffinity");
  u32 cpu = 0;
  for (u32 i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &allowed)) cpu = i;
  CPU_ZERO(&allowed);
  CPU_SET(cpu, &allowed);
  if (sched_setaffinity(0, sizeof allowed, &allowed) != 0) return base::Error(errno, "sched_setaffinity");
  return cpu;
}

int run(const std::string& folder, int rounds, const char* only) {
  const auto cpu = pin();
  if (!cpu) return std::fprintf(stderr, "%s\n", cpu.error().what().c_str()), 2;
  bpf_env env;
  bpf::runtime::init_env(env, *cpu, bpf::runtime::default_host());
  nlohmann::json all = nlohmann::json::array();
  int failed = 0;
  for (const ProgramRow& row : program_rows()) {
    if (only && std::strcmp(only, row.name) != 0) continue;
    auto result = measure(row, folder, rounds, &env);
    if (result) {
      all.push_back(*result);
    } else {
      all.push_back({{"name", row.name}, {"error", result.error().what()}});
      ++failed;
    }
  }
  nlohmann::json out{{"programs", all}};
  if (const auto& why = support::host_kernel_unusable()) out["kernel_unusable"] = *why;
  std::printf("%s\n", out.dump(1).c_str());
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace engines

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: engines_bench OBJECT_FOLDER ROUNDS [PROGRAM]\n");
    return 2;
  }
  return engines::run(argv[1], std::atoi(argv[2]), argc > 3 ? argv[3] : nullptr);
}
