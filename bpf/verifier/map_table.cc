// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/map_table.h"

#include "bpf/abi/flags.h"

namespace bpf::verifier {
namespace {

using btf::field_bit;
using btf::FieldKind;

constexpr u32 kLocks = field_bit(FieldKind::spin_lock) | field_bit(FieldKind::res_spin_lock);

bool is_probe(bpf_prog_type type) {
  return type == BPF_PROG_TYPE_KPROBE || type == BPF_PROG_TYPE_TRACEPOINT || type == BPF_PROG_TYPE_PERF_EVENT ||
         type == BPF_PROG_TYPE_RAW_TRACEPOINT || type == BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE;
}

bool is_cgroup_storage(bpf_map_type type) {
  return type == BPF_MAP_TYPE_CGROUP_STORAGE || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

// Types that a sleepable program may use.
bool may_sleep_over(bpf_map_type type) {
  constexpr bpf_map_type kTypes[] = {
      BPF_MAP_TYPE_HASH,         BPF_MAP_TYPE_LRU_HASH,        BPF_MAP_TYPE_ARRAY,         BPF_MAP_TYPE_PERCPU_HASH,
      BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS,
      BPF_MAP_TYPE_RINGBUF,      BPF_MAP_TYPE_USER_RINGBUF,    BPF_MAP_TYPE_INODE_STORAGE, BPF_MAP_TYPE_SK_STORAGE,
      BPF_MAP_TYPE_TASK_STORAGE, BPF_MAP_TYPE_CGRP_STORAGE,    BPF_MAP_TYPE_QUEUE,         BPF_MAP_TYPE_STACK,
      BPF_MAP_TYPE_ARENA};
  for (const bpf_map_type t : kTypes)
    if (t == type) return true;
  return false;
}

Problem bad(int error, std::string log) {
  return Problem{.error = error, .log = std::move(log)};
}

}  // namespace

std::optional<Problem> MapTable::add(const MapFacts& facts, const ProgSource& source, const KernelTypes& kernel) {
  Entry entry{.facts = &facts, .types = {}, .fields = {}};
  if (!facts.btf.empty() && facts.btf_value_type_id != 0) {
    auto types = btf::Btf::parse(facts.btf);
    const std::string where = "map '" + facts.name + "': ";
    if (!types) return bad(types.error().code(), where + types.error().what() + "\n");
    if (!types->valid(facts.btf_value_type_id)) return bad(EINVAL, where + "invalid value type id\n");
    entry.types = std::move(*types);
    auto fields = btf::find_fields(*entry.types, facts.btf_value_type_id, btf::kMapFields, facts.value_size);
    if (fields && find_pointed_types(*fields, *entry.types, kernel)) entry.fields = std::move(*fields);
    entry.of_program = facts.btf == source.btf;
  }
  entries_.push_back(std::move(entry));
  return std::nullopt;
}

std::optional<Problem> MapTable::make(const ProgSource& source, const KernelTypes& kernel) {
  entries_.clear();
  for (const MapFacts& facts : source.maps)
    if (auto problem = add(facts, source, kernel)) return problem;
  for (u32 k = 0; k < source.maps.size(); ++k) {
    const s32 inner = source.maps[k].inner;
    if (inner < 0) continue;
    if (static_cast<std::size_t>(inner) >= source.inner_maps.size())
      return bad(EINVAL, "map '" + source.maps[k].name + "': no such template\n");
    entries_[k].inner = size();
    if (auto problem = add(source.inner_maps[static_cast<std::size_t>(inner)], source, kernel)) return problem;
  }
  return std::nullopt;
}

std::optional<Problem> check_maps_of_program(const ProgSource& source, const MapTable& maps) {
  const bool probe = is_probe(source.type), filter = source.type == BPF_PROG_TYPE_SOCKET_FILTER;
  bool storage[2] = {}, arena = false;
  for (u32 k = 0; k < source.maps.size(); ++k) {
    const MapFacts& map = maps.facts(k);
    const btf::Fields& fields = maps[k].fields;
    if (probe && fields.has(field_bit(FieldKind::list_head) | field_bit(FieldKind::rb_root)))
      return bad(EINVAL, "tracing progs cannot use bpf_{list_head,rb_root} yet\n");
    if (filter && fields.has(kLocks)) return bad(EINVAL, "socket filter progs cannot use bpf_spin_lock yet\n");
    if (probe && fields.has(kLocks)) return bad(EINVAL, "tracing progs cannot use bpf_spin_lock yet\n");
    if (probe && fields.has(FieldKind::timer)) return bad(EINVAL, "tracing progs cannot use bpf_timer yet\n");
    if (probe && fields.has(FieldKind::workqueue)) return bad(EINVAL, "tracing progs cannot use bpf_wq yet\n");
    if (map.type == BPF_MAP_TYPE_STRUCT_OPS) return bad(EINVAL, "bpf_struct_ops map cannot be used in prog\n");
    if ((source.prog_flags & BPF_F_SLEEPABLE) != 0 && !may_sleep_over(map.type))
      return bad(EINVAL, "Sleepable programs can only use array, hash, ringbuf and local storage maps\n");
    if (map.type == BPF_MAP_TYPE_ARENA) {
      if (arena) return bad(EBUSY, "Only one arena per program\n");
      arena = true;
      if (!source.caps.bpf || !source.caps.perfmon)
        return bad(EPERM, "CAP_BPF and CAP_PERFMON are required to use arena\n");
    }
    if (!is_cgroup_storage(map.type)) continue;
    bool& seen = storage[map.type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE];
    if (seen) return bad(EBUSY, "only one cgroup storage of each type is allowed\n");
    seen = true;
  }
  return std::nullopt;
}

}  // namespace bpf::verifier
