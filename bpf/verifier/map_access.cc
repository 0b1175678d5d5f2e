// SPDX-License-Identifier: Apache-2.0
// map_access.cc — what a program may see of a map itself: fields of the kernel's struct behind a map pointer, and
// constant text in its value.
//
// Source    soundness: fields are read by the rules of other kernel structs, with loads that survive a fault, and no
//           pointer among them is trusted. Text is constant only in a frozen map that programs cannot write.
#include <cstring>

#include "bpf/abi/flags.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

struct MapStruct {
  bpf_map_type type;
  const char* name;
};
constexpr MapStruct kStructs[] = {
    {BPF_MAP_TYPE_HASH, "bpf_htab"},
    {BPF_MAP_TYPE_ARRAY, "bpf_array"},
    {BPF_MAP_TYPE_PROG_ARRAY, "bpf_array"},
    {BPF_MAP_TYPE_PERF_EVENT_ARRAY, "bpf_array"},
    {BPF_MAP_TYPE_PERCPU_HASH, "bpf_htab"},
    {BPF_MAP_TYPE_PERCPU_ARRAY, "bpf_array"},
    {BPF_MAP_TYPE_STACK_TRACE, "bpf_stack_map"},
    {BPF_MAP_TYPE_CGROUP_ARRAY, "bpf_array"},
    {BPF_MAP_TYPE_LRU_HASH, "bpf_htab"},
    {BPF_MAP_TYPE_LRU_PERCPU_HASH, "bpf_htab"},
    {BPF_MAP_TYPE_LPM_TRIE, "lpm_trie"},
    {BPF_MAP_TYPE_ARRAY_OF_MAPS, "bpf_array"},
    {BPF_MAP_TYPE_HASH_OF_MAPS, "bpf_htab"},
    {BPF_MAP_TYPE_DEVMAP, "bpf_dtab"},
    {BPF_MAP_TYPE_SOCKMAP, "bpf_stab"},
    {BPF_MAP_TYPE_CPUMAP, "bpf_cpu_map"},
    {BPF_MAP_TYPE_XSKMAP, "xsk_map"},
    {BPF_MAP_TYPE_SOCKHASH, "bpf_shtab"},
    {BPF_MAP_TYPE_CGROUP_STORAGE, "bpf_cgroup_storage_map"},
    {BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, "reuseport_array"},
    {BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, "bpf_cgroup_storage_map"},
    {BPF_MAP_TYPE_QUEUE, "bpf_queue_stack"},
    {BPF_MAP_TYPE_STACK, "bpf_queue_stack"},
    {BPF_MAP_TYPE_SK_STORAGE, "bpf_local_storage_map"},
    {BPF_MAP_TYPE_DEVMAP_HASH, "bpf_dtab"},
    {BPF_MAP_TYPE_RINGBUF, "bpf_ringbuf_map"},
    {BPF_MAP_TYPE_INODE_STORAGE, "bpf_local_storage_map"},
    {BPF_MAP_TYPE_TASK_STORAGE, "bpf_local_storage_map"},
    {BPF_MAP_TYPE_BLOOM_FILTER, "bpf_bloom_filter"},
    {BPF_MAP_TYPE_USER_RINGBUF, "bpf_ringbuf_map"},
    {BPF_MAP_TYPE_CGRP_STORAGE, "bpf_local_storage_map"},
    {BPF_MAP_TYPE_ARENA, "bpf_arena"},
};

const char* struct_of(bpf_map_type type) {
  for (const MapStruct& s : kStructs)
    if (s.type == type) return s.name;
  return nullptr;
}

}  // namespace

bool Walk::access_map_ptr(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend) {
  const bpf_map_type map = map_facts(reg(r).map).type;
  const char* name = struct_of(map);
  if (name == nullptr) return refuse_unsupported(format("fields of maps of type %u are not known yet", map));
  if (off < 0) return refuse(EACCES, format("R%u is %s invalid negative access: off=%d\n", r, name, off));
  if (how == Access::write) return refuse(EACCES, format("only read from %s is supported\n", name));
  const btf::KernelBtf* kernel = kernel_types();
  if (kernel == nullptr) return refuse_unsupported("fields of maps need the kernel's types, which are not known");
  const auto type = kernel->find(name, BTF_KIND_STRUCT);
  if (!type) return refuse_unsupported(format("the kernel's types have no struct %s", name));
  return load_field(btf_pointer(*type, 0, kKernelTypes), off, bytes, value, sign_extend);
}

bool Walk::check_constant_string(u32 r) {
  const Reg& p = reg(r);
  const MapFacts& map = map_facts(p.map);
  if (!map.frozen || (map.map_flags & BPF_F_RDONLY_PROG) == 0)
    return refuse(EACCES, format("R%u does not point to a readonly map'\n", r));
  if (!p.var.is_const()) return refuse(EACCES, format("R%u is not a constant address'\n", r));
  if (map.type != BPF_MAP_TYPE_ARRAY) return refuse(EACCES, "no direct value access support for this map type\n");
  const s64 left = s64{map.value_size} - p.off;
  if (!check_region(r, p, p.off, left, map.value_size, false)) return false;
  const u64 at = static_cast<u64>(p.off) + p.var.value();
  if (map.contents.size() != map.value_size) return refuse_unsupported("the contents of this map are not known");
  if (std::memchr(map.contents.data() + at, 0, map.value_size - at) != nullptr) return true;
  return refuse(EINVAL, "string is not zero-terminated\n");
}

}  // namespace bpf::verifier
