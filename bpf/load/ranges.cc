// SPDX-License-Identifier: Apache-2.0
#include "bpf/load/ranges.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bpf::load {
namespace {

enum class Length : u8 { bytes, upto, words, product, key, value, keys, values, token, string, fd_array };
enum : u8 { kIn = 1, kOut = 2 };
constexpr u8 in = kIn, out = kOut, inout = kIn | kOut;

struct RangeRow {
  u8 cmd;
  u16 pointer;
  u8 direction;
  Length length;
  u16 a;   // offset of a u32 in bpf_attr
  u32 b;   // bytes: unit; upto, words, string: limit; product: offset of a u32
};

struct FdRow {
  u8 cmd;
  u16 field;
  bool optional;
};

// The length column picks how a and b are read.
#define SLUICE_LEN_bytes(a, b) offsetof(bpf_attr, a), b
#define SLUICE_LEN_upto(a, b) offsetof(bpf_attr, a), b
#define SLUICE_LEN_words(a, b) offsetof(bpf_attr, a), b
#define SLUICE_LEN_product(a, b) offsetof(bpf_attr, a), offsetof(bpf_attr, b)
#define SLUICE_LEN_key(a, b) a, b
#define SLUICE_LEN_value(a, b) a, b
#define SLUICE_LEN_keys(a, b) offsetof(bpf_attr, a), b
#define SLUICE_LEN_values(a, b) offsetof(bpf_attr, a), b
#define SLUICE_LEN_token(a, b) a, b
#define SLUICE_LEN_string(a, b) a, b
#define SLUICE_LEN_fd_array(a, b) a, b

constexpr RangeRow kRanges[] = {
#define BPF_RANGE(cmd, pointer, direction, length, a, b) \
  {cmd, offsetof(bpf_attr, pointer), direction, Length::length, SLUICE_LEN_##length(a, b)},
#include "bpf/load/ranges.def"
};

constexpr FdRow kFds[] = {
#define BPF_FD(cmd, field) {cmd, offsetof(bpf_attr, field), false},
#define BPF_FD_OPTIONAL(cmd, field) {cmd, offsetof(bpf_attr, field), true},
#include "bpf/load/ranges.def"
};

consteval std::size_t most_ranges_of_a_command() {
  std::size_t counts[__MAX_BPF_CMD] = {};
  std::size_t most = 0;
  for (const RangeRow& row : kRanges) most = std::max(most, ++counts[row.cmd]);
  return most;
}
static_assert(most_ranges_of_a_command() <= kRangesMax);

template <class T>
T read_field(const bpf_attr& attr, std::size_t offset) {
  T v;
  std::memcpy(&v, reinterpret_cast<const char*>(&attr) + offset, sizeof v);
  return v;
}

u64 range_length(const RangeRow& row, const bpf_attr& attr, const MapShape& shape, u32 possible_cpus) {
  switch (row.length) {
    case Length::bytes: return u64{read_field<u32>(attr, row.a)} * row.b;
    case Length::upto: return read_field<u32>(attr, row.a);
    case Length::words: return u64{std::min(read_field<u32>(attr, row.a), row.b)} * sizeof(u32);
    case Length::product: return u64{read_field<u32>(attr, row.a)} * read_field<u32>(attr, row.b);
    case Length::key: return shape.key_size;
    case Length::value: return value_bytes(shape, possible_cpus);
    case Length::keys: return u64{read_field<u32>(attr, row.a)} * shape.key_size;
    case Length::values: return u64{read_field<u32>(attr, row.a)} * value_bytes(shape, possible_cpus);
    case Length::token: return token_bytes(shape);
    case Length::string: return row.b;
    case Length::fd_array: return u64{kFdArrayMax} * sizeof(u32);
  }
  return 0;
}

RangeKind range_kind(Length length) {
  if (length == Length::string) return RangeKind::string;
  if (length == Length::fd_array) return RangeKind::fd_array;
  return RangeKind::exact;
}

constexpr u32 kPerCpuTypes[] = {BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_LRU_PERCPU_HASH,
                                BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE};

// Map types whose batch commands scan the table: the token is a place in it.
constexpr u32 kScannedTypes[] = {BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_HASH,
                                 BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_MAP_TYPE_HASH_OF_MAPS};

// Map types whose elements user space writes as descriptors, and where in the value it stands.
struct ValueFd {
  u32 map_type;
  u32 offset;
};
constexpr ValueFd kValueFds[] = {
    {BPF_MAP_TYPE_PROG_ARRAY, 0},   {BPF_MAP_TYPE_PERF_EVENT_ARRAY, 0}, {BPF_MAP_TYPE_CGROUP_ARRAY, 0},
    {BPF_MAP_TYPE_ARRAY_OF_MAPS, 0}, {BPF_MAP_TYPE_HASH_OF_MAPS, 0},    {BPF_MAP_TYPE_SOCKMAP, 0},
    {BPF_MAP_TYPE_SOCKHASH, 0},     {BPF_MAP_TYPE_XSKMAP, 0},           {BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 0},
    {BPF_MAP_TYPE_DEVMAP, 4},       {BPF_MAP_TYPE_DEVMAP_HASH, 4},      {BPF_MAP_TYPE_CPUMAP, 4},
};

}  // namespace

u32 value_bytes(const MapShape& shape, u32 possible_cpus) {
  if (std::ranges::find(kPerCpuTypes, shape.map_type) == std::end(kPerCpuTypes)) return shape.value_size;
  return (shape.value_size + 7) / 8 * 8 * possible_cpus;
}

int value_fd_offset(const MapShape& shape) {
  for (const ValueFd& row : kValueFds)
    if (row.map_type == shape.map_type && row.offset + sizeof(u32) <= shape.value_size) return int(row.offset);
  return -1;
}

u32 token_bytes(const MapShape& shape) {
  const bool scanned = std::ranges::find(kScannedTypes, shape.map_type) != std::end(kScannedTypes);
  return scanned ? sizeof(u32) : shape.key_size;
}

bool key_is_fd(const MapShape& shape) {
  constexpr u32 kStorages[] = {BPF_MAP_TYPE_SK_STORAGE, BPF_MAP_TYPE_INODE_STORAGE, BPF_MAP_TYPE_TASK_STORAGE,
                               BPF_MAP_TYPE_CGRP_STORAGE};
  return shape.key_size == sizeof(u32) && std::ranges::find(kStorages, shape.map_type) != std::end(kStorages);
}

bool needs_map_shape(u32 cmd) {
  return std::ranges::any_of(kRanges, [cmd](const RangeRow& row) {
    return row.cmd == cmd && (row.length == Length::key || row.length == Length::value || row.length == Length::keys ||
                              row.length == Length::values || row.length == Length::token);
  });
}

int shaping_fd(u32 cmd, const bpf_attr& attr) {
  const auto row = std::ranges::find(kFds, cmd, &FdRow::cmd);
  return row == std::end(kFds) ? -1 : read_field<int>(attr, row->field);
}

int find_ranges(u32 cmd, const bpf_attr& attr, const MapShape* shape, u32 possible_cpus, RangeList& list) {
  static const MapShape kNoMap;
  list.count = 0;
  for (const RangeRow& row : kRanges) {
    if (row.cmd != cmd || read_field<u64>(attr, row.pointer) == 0) continue;
    const u64 bytes = range_length(row, attr, shape ? *shape : kNoMap, possible_cpus);
    if (row.length == Length::upto && bytes > row.b) continue;
    if (bytes > kRangeBytesMax) return -E2BIG;
    list.items[list.count++] = {row.pointer, range_kind(row.length), (row.direction & kIn) != 0,
                                (row.direction & kOut) != 0, u32(bytes)};
  }
  return 0;
}

std::vector<int> find_attr_fds(u32 cmd, const bpf_attr& attr) {
  std::vector<int> fds;
  for (const FdRow& row : kFds) {
    if (row.cmd != cmd) continue;
    const int fd = read_field<int>(attr, row.field);
    if (fd > 0 || (fd == 0 && !row.optional)) fds.push_back(fd);
  }
  return fds;
}

void find_insn_fds(std::span<const bpf_insn> insns, std::vector<int>& fds) {
  for (const bpf_insn& insn : insns)
    if (insn_is_ld_imm64(insn) && (insn.src_reg == BPF_PSEUDO_MAP_FD || insn.src_reg == BPF_PSEUDO_MAP_VALUE))
      fds.push_back(insn.imm);
}

u32 fd_array_entries(std::span<const bpf_insn> insns, u32 fd_array_cnt) {
  long long most = static_cast<long long>(fd_array_cnt) - 1;
  for (const bpf_insn& insn : insns) {
    if (insn_is_ld_imm64(insn) &&
        (insn.src_reg == BPF_PSEUDO_MAP_IDX || insn.src_reg == BPF_PSEUDO_MAP_IDX_VALUE))
      most = std::max<long long>(most, insn.imm);
    if (insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_KFUNC_CALL && insn.off > 0)
      most = std::max<long long>(most, insn.off);
  }
  return most < 0 ? 0 : u32(std::min<long long>(most + 1, kFdArrayMax));
}

}  // namespace bpf::load
