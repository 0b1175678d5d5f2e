// SPDX-License-Identifier: Apache-2.0
// programs.h — the programs of the comparison, their maps and what is in them.
//
// Shape     a row per program: object, native entry points, the verdict that proves it took its full path.
//           Workload holds the live maps of one program, filled; the same contents go into the host kernel's maps.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/abi/host/env.h"
#include "bpf/program.h"
#include "bpf/registry/map_ops.h"
#include "perf/engines/packets.h"

namespace engines {

using base::u32;
using base::u64;

// Natively compiled programs find their maps here: `native_map_<map>`.
struct MapRow {
  const char* name;
  bpf::MapSpec spec;
  bpf_map** native;
};

struct ProgramRow {
  const char* name;
  bpf_run_fn run;
  bpf_burst_fn burst;
  PacketKind packets;
  u32 verdict;  // of every packet of the workload
};

std::span<const ProgramRow> program_rows();
const MapRow* find_map_row(const std::string& name);

// Every element of a map, the same each time.
using Put = std::function<base::Status(base::ConstBytes key, base::ConstBytes value)>;
base::Status fill(const MapRow& map, const Put& put);

}  // namespace engines
