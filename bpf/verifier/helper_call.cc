// SPDX-License-Identifier: Apache-2.0
// helper_call.cc — calls of helpers: may this program call it, what does it leave behind.
#include <algorithm>

#include "bpf/abi/flags.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

bool is_map_write(u32 id) {
  return id == BPF_FUNC_map_update_elem || id == BPF_FUNC_map_delete_elem || id == BPF_FUNC_map_push_elem ||
         id == BPF_FUNC_map_pop_elem;
}

// Map types that only some helpers understand: for these the helper must be one of the named.
struct MapRule {
  bpf_map_type type;
  bpf_func_id helpers[3];
};
constexpr MapRule kMapRules[] = {
    {BPF_MAP_TYPE_PROG_ARRAY, {BPF_FUNC_tail_call}},
    {BPF_MAP_TYPE_PERF_EVENT_ARRAY,
     {BPF_FUNC_perf_event_output, BPF_FUNC_perf_event_read, BPF_FUNC_perf_event_read_value}},
    {BPF_MAP_TYPE_RINGBUF, {BPF_FUNC_ringbuf_output, BPF_FUNC_ringbuf_reserve, BPF_FUNC_ringbuf_query}},
    {BPF_MAP_TYPE_STACK_TRACE, {BPF_FUNC_get_stackid}},
    {BPF_MAP_TYPE_CGROUP_ARRAY, {BPF_FUNC_current_task_under_cgroup, BPF_FUNC_skb_under_cgroup}},
    {BPF_MAP_TYPE_DEVMAP, {BPF_FUNC_redirect_map, BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_DEVMAP_HASH, {BPF_FUNC_redirect_map, BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_CPUMAP, {BPF_FUNC_redirect_map}},
    {BPF_MAP_TYPE_XSKMAP, {BPF_FUNC_redirect_map, BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_ARRAY_OF_MAPS, {BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_HASH_OF_MAPS, {BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_QUEUE, {BPF_FUNC_map_push_elem, BPF_FUNC_map_pop_elem, BPF_FUNC_map_peek_elem}},
    {BPF_MAP_TYPE_STACK, {BPF_FUNC_map_push_elem, BPF_FUNC_map_pop_elem, BPF_FUNC_map_peek_elem}},
    {BPF_MAP_TYPE_BLOOM_FILTER, {BPF_FUNC_map_push_elem, BPF_FUNC_map_peek_elem}},
};

// Map types whose own rules are not written yet.
constexpr bpf_map_type kUnknownMaps[] = {
    BPF_MAP_TYPE_CGROUP_STORAGE,      BPF_MAP_TYPE_SOCKMAP,      BPF_MAP_TYPE_SOCKHASH,
    BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, BPF_MAP_TYPE_SK_STORAGE,   BPF_MAP_TYPE_STRUCT_OPS,
    BPF_MAP_TYPE_INODE_STORAGE,       BPF_MAP_TYPE_TASK_STORAGE, BPF_MAP_TYPE_USER_RINGBUF,
    BPF_MAP_TYPE_CGRP_STORAGE,        BPF_MAP_TYPE_ARENA,
};

// Helpers that only some map types serve.
struct HelperRule {
  bpf_func_id helper;
  bpf_map_type types[4];
};
constexpr HelperRule kHelperRules[] = {
    {BPF_FUNC_redirect_map, {BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_DEVMAP_HASH, BPF_MAP_TYPE_CPUMAP, BPF_MAP_TYPE_XSKMAP}},
    {BPF_FUNC_perf_event_output, {BPF_MAP_TYPE_PERF_EVENT_ARRAY}},
    {BPF_FUNC_perf_event_read, {BPF_MAP_TYPE_PERF_EVENT_ARRAY}},
    {BPF_FUNC_perf_event_read_value, {BPF_MAP_TYPE_PERF_EVENT_ARRAY}},
    {BPF_FUNC_get_stackid, {BPF_MAP_TYPE_STACK_TRACE}},
    {BPF_FUNC_current_task_under_cgroup, {BPF_MAP_TYPE_CGROUP_ARRAY}},
    {BPF_FUNC_skb_under_cgroup, {BPF_MAP_TYPE_CGROUP_ARRAY}},
    {BPF_FUNC_ringbuf_output, {BPF_MAP_TYPE_RINGBUF}},
    {BPF_FUNC_ringbuf_reserve, {BPF_MAP_TYPE_RINGBUF}},
    {BPF_FUNC_ringbuf_query, {BPF_MAP_TYPE_RINGBUF}},
    {BPF_FUNC_ringbuf_reserve_dynptr, {BPF_MAP_TYPE_RINGBUF}},
    {BPF_FUNC_map_push_elem, {BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK, BPF_MAP_TYPE_BLOOM_FILTER}},
    {BPF_FUNC_map_pop_elem, {BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK}},
    {BPF_FUNC_map_peek_elem, {BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK, BPF_MAP_TYPE_BLOOM_FILTER}},
    {BPF_FUNC_get_local_storage, {BPF_MAP_TYPE_CGROUP_STORAGE, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE}},
    {BPF_FUNC_sk_redirect_map, {BPF_MAP_TYPE_SOCKMAP}},
    {BPF_FUNC_sock_map_update, {BPF_MAP_TYPE_SOCKMAP}},
    {BPF_FUNC_msg_redirect_map, {BPF_MAP_TYPE_SOCKMAP}},
    {BPF_FUNC_sk_redirect_hash, {BPF_MAP_TYPE_SOCKHASH}},
    {BPF_FUNC_sock_hash_update, {BPF_MAP_TYPE_SOCKHASH}},
    {BPF_FUNC_msg_redirect_hash, {BPF_MAP_TYPE_SOCKHASH}},
    {BPF_FUNC_sk_select_reuseport, {BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_SOCKHASH}},
    {BPF_FUNC_sk_storage_get, {BPF_MAP_TYPE_SK_STORAGE}},
    {BPF_FUNC_sk_storage_delete, {BPF_MAP_TYPE_SK_STORAGE}},
    {BPF_FUNC_map_lookup_percpu_elem,
     {BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH}},
};

bool serves(const MapFacts& map, u32 helper) {
  for (const MapRule& rule : kMapRules)
    if (rule.type == map.type &&
        std::find(std::begin(rule.helpers), std::end(rule.helpers), helper) == std::end(rule.helpers))
      return false;
  for (const HelperRule& rule : kHelperRules)
    if (rule.helper == helper &&
        std::find(std::begin(rule.types), std::end(rule.types), map.type) == std::end(rule.types))
      return false;
  return true;
}

}  // namespace

bool Walk::check_map_matches_helper(const Call& call) {
  const MapFacts& map = source_.maps[static_cast<u32>(call.map)];
  if (call.id == BPF_FUNC_tail_call && map.type != BPF_MAP_TYPE_PROG_ARRAY)
    return refuse(EINVAL, "expected prog array map for tail call");
  const bool unknown = std::find(std::begin(kUnknownMaps), std::end(kUnknownMaps), map.type) != std::end(kUnknownMaps);
  if (unknown) return refuse_unsupported(format("helpers on maps of type %u are not known yet", map.type));
  if (!serves(map, call.id))
    return refuse(EINVAL, format("cannot pass map_type %u into func bpf_%s#%u\n", map.type,
                                 std::string(call.proto->name).c_str(), call.id));
  const bool device = map.type == BPF_MAP_TYPE_DEVMAP || map.type == BPF_MAP_TYPE_DEVMAP_HASH;
  if (is_map_write(call.id) && ((map.map_flags & BPF_F_RDONLY_PROG) != 0 || device))
    return refuse(EACCES, "write into map forbidden\n");
  return true;
}

bool Walk::call_helper(const bpf_insn& i) {
  Call call;
  call.id = static_cast<u32>(i.imm);
  call.proto = find_helper(call.id, source_.type);
  if (call.proto == nullptr) return refuse(EINVAL, format("invalid func unknown#%u\n", call.id));
  const std::string name(call.proto->name);
  if (!helper_allowed(call.id, source_.type, attach_))
    return refuse(EINVAL, format("program of this type cannot use helper bpf_%s#%u\n", name.c_str(), call.id));
  if (call.proto->gpl_only && !source_.gpl_compatible)
    return refuse(EINVAL, "cannot call GPL-restricted function from non-GPL compatible program\n",
                  "Give the program a license string that is compatible with the GPL.");
  if (call.proto->not_in_probe) return refuse(EINVAL, "helper call is not allowed in probe\n");
  if (call.proto->might_sleep && (source_.prog_flags & BPF_F_SLEEPABLE) == 0)
    return refuse(EINVAL, "helper call might sleep in a non-sleepable prog\n");
  if (!check_call_args(call)) return false;
  if (call.id == BPF_FUNC_get_func_ip && source_.type != BPF_PROG_TYPE_KPROBE)
    return refuse(524, format("func bpf_get_func_ip#%u not supported for program type %u\n", call.id, source_.type));
  if (call.id == BPF_FUNC_tail_call && !check_nothing_held("tail_call", true)) return false;
  InsnFact& fact = facts_[at_];
  if (call.map >= 0) {
    const bool first = fact.map_index < 0 && !fact.map_ptr_several;
    if (first) {
      fact.map_index = static_cast<s16>(call.map);
    } else if (fact.map_index != call.map) {
      fact.map_index = -1;
      fact.map_ptr_several = true;
    }
  }
  return finish_call(call);
}

bool Walk::finish_call(const Call& call) {
  if (call.raw_reg != 0 && call.raw_bytes > 0) {
    const Reg& p = reg(static_cast<u32>(call.raw_reg));
    if (p.kind == Kind::stack) {
      const s64 low = s64{p.off} + p.var.smin, high = s64{p.off} + p.var.smax + call.raw_bytes;
      clobber_stack(p.frame, low, high, Byte::misc);
      if (p.var.is_const())
        for (s64 off = (low + 7) & ~s64{7}; off + 8 <= high; off += 8) note_stack_write(p.frame, off, 8);
    }
  }
  if (!call_callback(call)) return false;
  clobber_caller_saved();
  if (call.proto->changes_packet) forget_packet_pointers();
  if (call.id == BPF_FUNC_tail_call && cur_.depth() > 0) {
    push_tail_call_return();
    if (!branches_within_limit()) return false;
  }
  return put_helper_result(call);
}

// A tail call that succeeds in a subprogram takes the subprogram's place: its caller goes on with any number in r0, and
// with a packet that the other program may have changed.
void Walk::push_tail_call_return() {
  State missed = cur_;
  const u32 back = cur_.frame().callsite + 1;
  cur_.frames.pop_back();
  reg(BPF_REG_0) = Reg::unknown();
  forget_packet_pointers();
  std::swap(cur_, missed);
  push_branch(std::move(missed), back);
}

bool Walk::put_helper_result(const Call& call) {
  touched_regs_ |= 1;
  Reg& r0 = reg(BPF_REG_0);
  switch (call.proto->ret) {
    case Ret::INTEGER:
      r0 = Reg::unknown();
      return true;
    case Ret::VOID:
      r0 = Reg();
      return true;
    case Ret::PTR_TO_MAP_VALUE_OR_NULL: {
      const MapFacts& map = source_.maps[static_cast<u32>(call.map)];
      if (map.type == BPF_MAP_TYPE_XSKMAP)
        return refuse_unsupported("looking up an element of an xskmap is not known yet");
      if (map.type == BPF_MAP_TYPE_ARRAY_OF_MAPS || map.type == BPF_MAP_TYPE_HASH_OF_MAPS)
        return refuse_unsupported("looking up inner maps is not known yet");
      r0 = Reg::pointer(Kind::map_value, static_cast<u32>(call.map));
      r0.maybe_null = !(call.array_key && *call.array_key < map.max_entries);
      if (r0.maybe_null) r0.id = new_id();
      return true;
    }
    default:
      return refuse_unsupported("helper bpf_" + std::string(call.proto->name) +
                                " returns a kind of pointer that is not known yet");
  }
}

}  // namespace bpf::verifier
