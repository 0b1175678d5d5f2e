// SPDX-License-Identifier: Apache-2.0
// maps_compare OBJECT_FOLDER ROUNDS ENTRIES_MAX — ns per map operation, ours beside the host kernel, rte_hash and absl;
// JSON on stdout: {"rows": [{"name", "arms": {arm: [ns, …]}}], "bytes": {name: {arm: bytes per element}}}.
//
// Shape     the arms of one row run in turns, round by round, on one pinned CPU, over the same draws of keys. Ours and
//           the other tables of this process: CPU time of a loop into which the table's body is inlined, as the JIT
//           does it. The kernel: the same loop in BPF under BPF_PROG_TEST_RUN.
#include <rte_eal.h>
#include <sched.h>
#include <time.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "bpf/abi/flags.h"
#include "maps/lpm_inline.h"
#include "perf/maps/kernel.h"
#include "perf/maps/tables.h"

namespace maps_bench {
namespace {

constexpr u64 kTurnOps = 200'000;
constexpr u32 kKernelRuns = kTurnOps / MAPS_OPS;

u64 cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return u64(now.tv_sec) * 1'000'000'000 + u64(now.tv_nsec);
}

// One way to do a row's operation: kTurnOps of them, nanoseconds each. Negative: it could not be measured.
struct Arm {
  std::string name;
  std::function<double()> turn;
};

nlohmann::json measure(const std::string& name, const std::vector<Arm>& arms, int rounds) {
  nlohmann::json figures = nlohmann::json::object();
  for (const Arm& arm : arms) arm.turn();
  for (int round = 0; round < rounds; ++round)
    for (const Arm& arm : arms)
      if (const double ns = arm.turn(); ns >= 0) figures[arm.name].push_back(ns);
  std::fprintf(stderr, "%s\n", name.c_str());
  return {{"name", name}, {"arms", figures}};
}

enum class Op { lookup, update, cycle, mixed, evict };
constexpr const char* kOpNames[] = {"lookup", "update", "cycle", "mixed", "evict"};

template <Op kOp, u32 Words, class Table>
double turn(Table& table, u64& n, u64 mask) {
  const bench_value value{};
  u64 sum = 0;
  const u64 start = cpu_ns();
  for (u64 end = n + kTurnOps; n < end;)
    for (u32 i = 0; i < MAPS_OPS; ++i, ++n) {
      Key<Words> key;
      bench_key(key.word, Words, kOp == Op::evict ? n : bench_scatter(n, mask));
      if (kOp == Op::cycle) table.remove(key);
      if (kOp == Op::lookup || (kOp == Op::mixed && i != 0)) {
        if (const u64* found = table.find(key)) sum += __atomic_load_n(found, __ATOMIC_RELAXED);
      } else {
        table.put(key, value);
      }
    }
  const u64 spent = cpu_ns() - start;
  asm volatile("" ::"r"(sum));
  return double(spent) / kTurnOps;
}

template <u32 Words, class Table>
void fill(Table& table, u32 entries) {
  const bench_value value{};
  for (u64 index = 0; index < entries; ++index) {
    Key<Words> key;
    bench_key(key.word, Words, index);
    table.put(key, value);
  }
}

struct Output {
  std::string folder;
  int rounds;
  u32 entries_max;
  nlohmann::json rows = nlohmann::json::array();
  nlohmann::json bytes = nlohmann::json::object();
};

template <Op kOp, u32 Words, class Table>
Arm arm_of(const char* name, Table& table, u32 entries) {
  return {name, [&table, n = u64{entries}, entries]() mutable { return turn<kOp, Words>(table, n, entries - 1); }};
}

Arm kernel_arm(KernelTable& kernel, const char* op) {
  return {"kernel", [&kernel, op] {
            auto ns = kernel.time(op, kKernelRuns);
            if (!ns) std::fprintf(stderr, "kernel %s: %s\n", op, ns.error().what().c_str());
            return ns ? *ns : -1.0;
          }};
}

std::string row_name(const char* type, Op op, u32 words, u32 entries) {
  return std::string(type) + " " + kOpNames[int(op)] + " key " + std::to_string(8 * words) + " entries " +
         std::to_string(entries);
}

template <int Form, u32 Words, Op... kOps>
void compare(Output& out, bpf::bpf_map_type type, u32 entries, bool rivals) {
  const char* type_name = bpf::kMapTypes[type].name.data();
  Ours<Words, Form> ours(type, entries);
  fill<Words>(ours, entries);
  auto kernel = KernelTable::make(out.folder, type, Words, entries);
  if (kernel)
    if (auto filled = kernel->fill(); !filled) kernel = std::move(filled.error());
  if (!kernel) std::fprintf(stderr, "kernel: %s\n", kernel.error().what().c_str());
  std::unique_ptr<Rte<Words>> rte;
  std::unique_ptr<Absl<Words>> absl;
  if (rivals) {
    rte = std::make_unique<Rte<Words>>(entries);
    if (!rte->made()) rte.reset();
    if (rte) fill<Words>(*rte, entries);
    absl = std::make_unique<Absl<Words>>(entries);
    fill<Words>(*absl, entries);
  }
  const auto one = [&]<Op kOp>() {
    std::vector<Arm> arms{arm_of<kOp, Words>("ours", ours, entries)};
    if (kernel) arms.push_back(kernel_arm(*kernel, kOpNames[int(kOp)]));
    if (rte) arms.push_back(arm_of<kOp, Words>("rte_hash", *rte, entries));
    if (absl) arms.push_back(arm_of<kOp, Words>("absl", *absl, entries));
    out.rows.push_back(measure(row_name(type_name, kOp, Words, entries), arms, out.rounds));
  };
  (one.template operator()<kOps>(), ...);
  nlohmann::json& bytes =
      out.bytes[std::string(type_name) + " key " + std::to_string(8 * Words) + " entries " + std::to_string(entries)];
  bytes["ours"] = double(ours.bytes()) / entries;
  if (kernel) bytes["kernel"] = double(kernel->bytes()) / entries;
}

void compare_lpm(Output& out, u32 entries) {
  bpf::MapSpec spec;
  spec.type = bpf::BPF_MAP_TYPE_LPM_TRIE;
  spec.key_size = sizeof(bench_prefix);
  spec.value_size = sizeof(bench_value);
  spec.max_entries = entries;
  spec.map_flags = bpf::BPF_F_NO_PREALLOC;
  const bpf::MapOps* ops = *bpf::find_map_ops(spec.type);
  auto map = *ops->make(spec);
  auto kernel = KernelTable::make(out.folder, spec.type, sizeof(bench_prefix) / 8, entries, bpf::BPF_F_NO_PREALLOC);
  const bench_value value{};
  for (u64 index = 0; index < entries; ++index) {
    const bench_prefix prefix = bench_route(index);
    const auto key = std::as_bytes(std::span(&prefix, 1));
    ops->update(*map, key, std::as_bytes(std::span(&value, 1)), 0);
    if (kernel) (void)support::host_map_update(kernel->table(), key, std::as_bytes(std::span(&value, 1)));
  }
  const auto turn = [&, n = u64{0}]() mutable {
    u64 sum = 0;
    const u64 start = cpu_ns();
    for (u64 end = n + kTurnOps; n < end; ++n) {
      const bench_prefix key = bench_host(bench_scatter(n, entries - 1));
      if (const void* found = maps_lpm_trie_lookup(nullptr, map->head(), {8, 64, entries, 1}, &key))
        sum += *static_cast<const u64*>(found);
    }
    const u64 spent = cpu_ns() - start;
    asm volatile("" ::"r"(sum));
    return double(spent) / kTurnOps;
  };
  std::vector<Arm> arms{{"ours", turn}};
  if (kernel) arms.push_back(kernel_arm(*kernel, "lpm"));
  out.rows.push_back(measure("lpm_trie lookup entries " + std::to_string(entries), arms, out.rounds));
}

constexpr u32 kSizes[] = {1U << 10, 1U << 16, 1U << 22};

void compare_all(Output& out) {
  using enum Op;
  for (u32 entries : kSizes) {
    if (entries > out.entries_max) continue;
    compare<0, 1, lookup>(out, bpf::BPF_MAP_TYPE_HASH, entries, true);
    compare<0, 2, lookup, update, cycle, mixed>(out, bpf::BPF_MAP_TYPE_HASH, entries, true);
    compare<0, 8, lookup>(out, bpf::BPF_MAP_TYPE_HASH, entries, true);
    compare<MAPS_HASH_PERCPU, 2, lookup, update>(out, bpf::BPF_MAP_TYPE_PERCPU_HASH, entries, false);
    compare<MAPS_HASH_LRU, 2, lookup, update, evict>(out, bpf::BPF_MAP_TYPE_LRU_HASH, entries, false);
  }
  for (u32 entries : {1U << 13, 1U << 20})
    if (entries <= out.entries_max) compare_lpm(out, entries);
}

bool pin() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
  int cpu = 0;
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &allowed)) cpu = i;
  CPU_ZERO(&allowed);
  CPU_SET(cpu, &allowed);
  return sched_setaffinity(0, sizeof allowed, &allowed) == 0;
}

bool start_eal() {
  std::string words[] = {"maps_compare", "--no-huge", "--no-shconf",    "-m",
                         "3072",         "--no-pci",  "--no-telemetry", "--log-level=error"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  return rte_eal_init(int(arguments.size()), arguments.data()) >= 0;
}

}  // namespace
}  // namespace maps_bench

int main(int argc, char** argv) {
  using namespace maps_bench;
  if (argc != 4) {
    std::fprintf(stderr, "usage: maps_compare OBJECT_FOLDER ROUNDS ENTRIES_MAX\n");
    return 2;
  }
  Output out{argv[1], std::atoi(argv[2]), u32(std::atol(argv[3]))};
  nlohmann::json result;
  if (!start_eal()) result["rte_hash_unusable"] = "rte_eal_init fails";
  if (!pin()) return std::fprintf(stderr, "cannot be pinned to a CPU\n"), 2;
  if (const auto& why = support::host_kernel_unusable()) result["kernel_unusable"] = *why;
  compare_all(out);
  result["rows"] = out.rows;
  result["bytes"] = out.bytes;
  std::printf("%s\n", result.dump(1).c_str());
  return 0;
}
