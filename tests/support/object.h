// SPDX-License-Identifier: Apache-2.0
// object.h — reads a .bpf.o just far enough for tests: programs, BTF-declared maps, global data, subprograms.
//
// Shape     one ProgSource per function of a section that names a type which runs (xdp, tc, socket, …); its map
//           references are indexes into its own maps.
//           BTF and function records come along. No CO-RE, line records or externs: the loader proper is bpf/load, this
//           one needs no process.
// Threads   re-entrant.
// Errors    EINVAL and a sentence for what it does not know.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/program.h"

namespace support {

struct InitialData {
  base::u32 map = 0;             // into ProgSource::maps
  std::vector<std::byte> bytes;  // of element 0
};

struct ObjectProgram {
  std::string name;
  std::string section;
  bpf::ProgSource source;
  std::vector<InitialData> data;  // of writable global sections
  // Index of the map of that name, or -1.
  int find_map(const std::string& map_name) const;
};

base::Result<std::vector<ObjectProgram>> read_object(const std::string& path);

}  // namespace support
