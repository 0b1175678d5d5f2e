// SPDX-License-Identifier: Apache-2.0
// map_rules.cc — which helper works on which map type: both sides of the matrix of Linux 6.18.
#include <algorithm>
#include <span>

#include "bpf/abi/func_id.h"
#include "bpf/verifier/map_table.h"

namespace bpf::verifier {
namespace {

// Map types that only some helpers understand, and those.
constexpr u32 kHelpersMax = 7;
struct MapRule {
  bpf_map_type type;
  bpf_func_id helpers[kHelpersMax];
};
constexpr MapRule kMapRules[] = {
    {BPF_MAP_TYPE_PROG_ARRAY, {BPF_FUNC_tail_call}},
    {BPF_MAP_TYPE_PERF_EVENT_ARRAY,
     {BPF_FUNC_perf_event_output, BPF_FUNC_perf_event_read, BPF_FUNC_perf_event_read_value, BPF_FUNC_skb_output,
      BPF_FUNC_xdp_output}},
    {BPF_MAP_TYPE_RINGBUF,
     {BPF_FUNC_ringbuf_output, BPF_FUNC_ringbuf_reserve, BPF_FUNC_ringbuf_query, BPF_FUNC_ringbuf_reserve_dynptr,
      BPF_FUNC_ringbuf_submit_dynptr, BPF_FUNC_ringbuf_discard_dynptr}},
    {BPF_MAP_TYPE_USER_RINGBUF, {BPF_FUNC_user_ringbuf_drain}},
    {BPF_MAP_TYPE_STACK_TRACE, {BPF_FUNC_get_stackid}},
    {BPF_MAP_TYPE_CGROUP_ARRAY, {BPF_FUNC_current_task_under_cgroup, BPF_FUNC_skb_under_cgroup}},
    {BPF_MAP_TYPE_CGROUP_STORAGE, {BPF_FUNC_get_local_storage}},
    {BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, {BPF_FUNC_get_local_storage}},
    {BPF_MAP_TYPE_DEVMAP, {BPF_FUNC_redirect_map, BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_DEVMAP_HASH, {BPF_FUNC_redirect_map, BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_CPUMAP, {BPF_FUNC_redirect_map}},
    {BPF_MAP_TYPE_XSKMAP, {BPF_FUNC_redirect_map, BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_ARRAY_OF_MAPS, {BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_HASH_OF_MAPS, {BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_SOCKMAP,
     {BPF_FUNC_sk_redirect_map, BPF_FUNC_sock_map_update, BPF_FUNC_msg_redirect_map, BPF_FUNC_sk_select_reuseport,
      BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_SOCKHASH,
     {BPF_FUNC_sk_redirect_hash, BPF_FUNC_sock_hash_update, BPF_FUNC_msg_redirect_hash, BPF_FUNC_sk_select_reuseport,
      BPF_FUNC_map_lookup_elem}},
    {BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, {BPF_FUNC_sk_select_reuseport}},
    {BPF_MAP_TYPE_QUEUE, {BPF_FUNC_map_push_elem, BPF_FUNC_map_pop_elem, BPF_FUNC_map_peek_elem}},
    {BPF_MAP_TYPE_STACK, {BPF_FUNC_map_push_elem, BPF_FUNC_map_pop_elem, BPF_FUNC_map_peek_elem}},
    {BPF_MAP_TYPE_SK_STORAGE, {BPF_FUNC_sk_storage_get, BPF_FUNC_sk_storage_delete, BPF_FUNC_kptr_xchg}},
    {BPF_MAP_TYPE_INODE_STORAGE, {BPF_FUNC_inode_storage_get, BPF_FUNC_inode_storage_delete, BPF_FUNC_kptr_xchg}},
    {BPF_MAP_TYPE_TASK_STORAGE, {BPF_FUNC_task_storage_get, BPF_FUNC_task_storage_delete, BPF_FUNC_kptr_xchg}},
    {BPF_MAP_TYPE_CGRP_STORAGE, {BPF_FUNC_cgrp_storage_get, BPF_FUNC_cgrp_storage_delete, BPF_FUNC_kptr_xchg}},
    {BPF_MAP_TYPE_BLOOM_FILTER, {BPF_FUNC_map_push_elem, BPF_FUNC_map_peek_elem}},
};

// Helpers that only some map types serve, and those.
struct HelperRule {
  bpf_func_id helper;
  bpf_map_type types[4];
};
constexpr HelperRule kHelperRules[] = {
    {BPF_FUNC_tail_call, {BPF_MAP_TYPE_PROG_ARRAY}},
    {BPF_FUNC_perf_event_read, {BPF_MAP_TYPE_PERF_EVENT_ARRAY}},
    {BPF_FUNC_perf_event_output, {BPF_MAP_TYPE_PERF_EVENT_ARRAY}},
    {BPF_FUNC_perf_event_read_value, {BPF_MAP_TYPE_PERF_EVENT_ARRAY}},
    {BPF_FUNC_skb_output, {BPF_MAP_TYPE_PERF_EVENT_ARRAY}},
    {BPF_FUNC_xdp_output, {BPF_MAP_TYPE_PERF_EVENT_ARRAY}},
    {BPF_FUNC_ringbuf_output, {BPF_MAP_TYPE_RINGBUF}},
    {BPF_FUNC_ringbuf_reserve, {BPF_MAP_TYPE_RINGBUF}},
    {BPF_FUNC_ringbuf_query, {BPF_MAP_TYPE_RINGBUF}},
    {BPF_FUNC_ringbuf_reserve_dynptr, {BPF_MAP_TYPE_RINGBUF}},
    {BPF_FUNC_user_ringbuf_drain, {BPF_MAP_TYPE_USER_RINGBUF}},
    {BPF_FUNC_get_stackid, {BPF_MAP_TYPE_STACK_TRACE}},
    {BPF_FUNC_current_task_under_cgroup, {BPF_MAP_TYPE_CGROUP_ARRAY}},
    {BPF_FUNC_skb_under_cgroup, {BPF_MAP_TYPE_CGROUP_ARRAY}},
    {BPF_FUNC_redirect_map, {BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_DEVMAP_HASH, BPF_MAP_TYPE_CPUMAP, BPF_MAP_TYPE_XSKMAP}},
    {BPF_FUNC_sk_redirect_map, {BPF_MAP_TYPE_SOCKMAP}},
    {BPF_FUNC_msg_redirect_map, {BPF_MAP_TYPE_SOCKMAP}},
    {BPF_FUNC_sock_map_update, {BPF_MAP_TYPE_SOCKMAP}},
    {BPF_FUNC_sk_redirect_hash, {BPF_MAP_TYPE_SOCKHASH}},
    {BPF_FUNC_msg_redirect_hash, {BPF_MAP_TYPE_SOCKHASH}},
    {BPF_FUNC_sock_hash_update, {BPF_MAP_TYPE_SOCKHASH}},
    {BPF_FUNC_get_local_storage, {BPF_MAP_TYPE_CGROUP_STORAGE, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE}},
    {BPF_FUNC_sk_select_reuseport, {BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_SOCKHASH}},
    {BPF_FUNC_map_pop_elem, {BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK}},
    {BPF_FUNC_map_peek_elem, {BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK, BPF_MAP_TYPE_BLOOM_FILTER}},
    {BPF_FUNC_map_push_elem, {BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK, BPF_MAP_TYPE_BLOOM_FILTER}},
    {BPF_FUNC_map_lookup_percpu_elem,
     {BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH}},
    {BPF_FUNC_sk_storage_get, {BPF_MAP_TYPE_SK_STORAGE}},
    {BPF_FUNC_sk_storage_delete, {BPF_MAP_TYPE_SK_STORAGE}},
    {BPF_FUNC_inode_storage_get, {BPF_MAP_TYPE_INODE_STORAGE}},
    {BPF_FUNC_inode_storage_delete, {BPF_MAP_TYPE_INODE_STORAGE}},
    {BPF_FUNC_task_storage_get, {BPF_MAP_TYPE_TASK_STORAGE}},
    {BPF_FUNC_task_storage_delete, {BPF_MAP_TYPE_TASK_STORAGE}},
    {BPF_FUNC_cgrp_storage_get, {BPF_MAP_TYPE_CGRP_STORAGE}},
    {BPF_FUNC_cgrp_storage_delete, {BPF_MAP_TYPE_CGRP_STORAGE}},
};

template <class T, std::size_t N>
bool contains(const T (&set)[N], u32 what) {
  return std::ranges::any_of(set, [what](T x) { return static_cast<u32>(x) == what; });
}

}  // namespace

bool may_update_sockmap(u32 helper, bpf_prog_type prog) {
  constexpr bpf_prog_type kBoth[] = {
      BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SCHED_CLS,      BPF_PROG_TYPE_SCHED_ACT, BPF_PROG_TYPE_XDP,
      BPF_PROG_TYPE_SK_REUSEPORT,  BPF_PROG_TYPE_FLOW_DISSECTOR, BPF_PROG_TYPE_SK_LOOKUP};
  if (helper == BPF_FUNC_map_delete_elem && prog == BPF_PROG_TYPE_SOCK_OPS) return true;
  return (helper == BPF_FUNC_map_update_elem || helper == BPF_FUNC_map_delete_elem) && contains(kBoth, prog);
}

bool map_serves_helper(bpf_map_type type, u32 helper, bpf_prog_type prog) {
  const bool sockets = type == BPF_MAP_TYPE_SOCKMAP || type == BPF_MAP_TYPE_SOCKHASH;
  for (const MapRule& rule : kMapRules)
    if (rule.type == type && !contains(rule.helpers, helper) && !(sockets && may_update_sockmap(helper, prog)))
      return false;
  for (const HelperRule& rule : kHelperRules)
    if (static_cast<u32>(rule.helper) == helper && !contains(rule.types, type)) return false;
  return true;
}

}  // namespace bpf::verifier
