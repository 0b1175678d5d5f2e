// SPDX-License-Identifier: Apache-2.0
#include "perf/maps/kernel.h"

#include <unistd.h>

#include <cstring>
#include <fstream>

#include "perf/engines/object_file.h"

namespace maps_bench {
namespace {

template <class T>
base::ConstBytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

constexpr base::u64 kDrop = 1;  // XDP_DROP: the program took its whole path

}  // namespace

base::Result<KernelTable> KernelTable::make(const std::string& folder, bpf::bpf_map_type type, base::u32 words,
                                            base::u32 entries, base::u32 flags) {
  KernelTable out;
  out.folder_ = folder;
  out.state_facts_ = {.type = bpf::BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = sizeof(bench_state)};
  out.state_facts_.max_entries = 1;
  out.state_facts_.name = "state";
  out.table_facts_ = {.type = type, .key_size = 8 * words, .value_size = sizeof(bench_value)};
  out.table_facts_.max_entries = entries;
  out.table_facts_.map_flags = flags;
  out.table_facts_.name = "table";
  SLUICE_TRY(out.state_, support::host_make_map(out.state_facts_));
  SLUICE_TRY(out.table_, support::host_make_map(out.table_facts_));
  return out;
}

base::Status KernelTable::begin(base::u64 n) {
  const bench_state state{n, table_facts_.max_entries - 1, 0};
  return support::host_map_update(state_, bytes_of(base::u32{0}), bytes_of(state));
}

base::Result<support::HostLoad*> KernelTable::load(const std::string& op) {
  if (const auto known = programs_.find(op); known != programs_.end()) return &known->second;
  const std::string path = folder_ + "/" + op + "_" + std::to_string(table_facts_.key_size / 8) + ".bpf.o";
  SLUICE_TRY(const engines::ObjectFile object, engines::read_object(path));
  bpf::ProgSource source;
  source.type = bpf::BPF_PROG_TYPE_XDP;
  source.gpl_compatible = true;
  source.name = op;
  source.insns = object.insns;
  std::vector<support::Fd> maps;
  for (const std::string& name : object.maps) {
    source.maps.push_back(name == "state" ? state_facts_ : table_facts_);
    maps.emplace_back(dup((name == "state" ? state_ : table_).get()));
  }
  support::HostLoad program = support::host_load(source, maps);
  if (!program.accepted()) return base::Error(program.error, "the host kernel refuses " + path);
  return &(programs_[op] = std::move(program));
}

base::Status KernelTable::fill() {
  SLUICE_CHECK(begin(0));
  SLUICE_TRY(support::HostLoad * program, load("fill"));
  const std::byte packet[64] = {};
  const base::u32 runs = (table_facts_.max_entries + MAPS_OPS - 1) / MAPS_OPS;
  SLUICE_CHECK(support::host_test_run(program->prog, packet, runs));
  n_ = base::u64{runs} * MAPS_OPS;
  return base::success();
}

base::Result<double> KernelTable::time(const std::string& op, base::u32 repeat) {
  SLUICE_TRY(support::HostLoad * program, load(op));
  SLUICE_CHECK(begin(n_));
  n_ += base::u64{repeat} * MAPS_OPS;
  const std::byte packet[64] = {};
  SLUICE_TRY(const support::HostRun run, support::host_test_run(program->prog, packet, repeat));
  if (run.retval != kDrop)
    return base::Error(EINVAL, op + ": the host kernel gives verdict " + std::to_string(run.retval));
  return double(run.duration_ns) / double(MAPS_OPS);
}

base::u64 KernelTable::bytes() const {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(table_.get()));
  std::string word;
  base::u64 bytes = 0;
  while (info >> word)
    if (word == "memlock:") info >> bytes;
  return bytes;
}

}  // namespace maps_bench
