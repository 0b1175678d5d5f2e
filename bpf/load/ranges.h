// SPDX-License-Identifier: Apache-2.0
// ranges.h — the memory and the descriptors of one bpf(2) command, computed from its attr: pure, shared by every client
// of the door (loader, preload library, seccomp supervisor) and by the server that checks them.
//
// Shape     ranges.def expanded into constexpr rows; find_ranges() evaluates the rows of one command.
// Threads   re-entrant. Errors: negative errno. Cost: a scan of about thirty rows.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "base/types.h"
#include "bpf/abi/attr.h"
#include "bpf/abi/insn.h"
#include "bpf/abi/types.h"

namespace bpf::load {

using base::u16;
using base::u32;
using base::u64;
using base::u8;

// What marshalling must know about the map a command names.
struct MapShape {
  u32 map_type = 0;
  u32 key_size = 0;
  u32 value_size = 0;       // of one value
  u32 max_entries = 0;
};

// Bytes that bpf(2) moves for one value: per-CPU maps move one value, rounded up to 8, for each possible CPU.
u32 value_bytes(const MapShape& shape, u32 possible_cpus);
// Where in a value an update names a descriptor; -1: nowhere.
int value_fd_offset(const MapShape& shape);
// The key of a storage is its owner's descriptor.
bool key_is_fd(const MapShape& shape);

// Bytes of in_batch and out_batch.
u32 token_bytes(const MapShape& shape);

enum class RangeKind : u8 { exact, string, fd_array };

struct Range {
  u16 pointer_offset = 0;   // of the 64-bit pointer, in bpf_attr
  RangeKind kind = RangeKind::exact;
  bool in = false;
  bool out = false;
  u32 bytes = 0;            // exact length; for string and fd_array the most it may have
};

inline constexpr std::size_t kRangesMax = 8;             // PROG_LOAD has the most
inline constexpr u32 kRangeBytesMax = 64U << 20;         // one range; BTF and logs end at 16 MiB
inline constexpr u32 kFdArrayMax = 250;                  // descriptors of one command; SCM_RIGHTS carries 253

struct RangeList {
  std::array<Range, kRangesMax> items{};
  std::size_t count = 0;
  std::span<const Range> span() const noexcept { return {items.data(), count}; }
};

// True when the ranges of `cmd` depend on a map's sizes, so that a MapShape is needed.
bool needs_map_shape(u32 cmd);
// The descriptor of that map.
int shaping_fd(u32 cmd, const bpf_attr& attr);
// Ranges whose pointer is null are left out. `shape` may be null where needs_map_shape() is false.
// -E2BIG: a length beyond kRangeBytesMax. -EFAULT: a length without a pointer is left to the command itself.
int find_ranges(u32 cmd, const bpf_attr& attr, const MapShape* shape, u32 possible_cpus, RangeList& list);

// Offsets in bpf_attr of the fields that hold descriptors; an optional one that is 0 is left out.
std::vector<int> find_attr_fds(u32 cmd, const bpf_attr& attr);
// Descriptors that instructions name directly.
void find_insn_fds(std::span<const bpf_insn> insns, std::vector<int>& fds);
// Entries of fd_array that the instructions can index.
u32 fd_array_entries(std::span<const bpf_insn> insns, u32 fd_array_cnt);

}  // namespace bpf::load
