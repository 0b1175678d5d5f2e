// SPDX-License-Identifier: Apache-2.0
// base_helpers.cc — the helpers that every networking program type may call when privileged.
//
// Source    asked of Linux 6.18: PROG_LOAD of `call N` for each number, and the sentence of refusal it logs.
#include "bpf/registry/prog_spec.h"

namespace bpf {
namespace {
constexpr bpf_func_id kBaseHelpers[] = {
    BPF_FUNC_map_lookup_elem,
    BPF_FUNC_map_update_elem,
    BPF_FUNC_map_delete_elem,
    BPF_FUNC_ktime_get_ns,
    BPF_FUNC_trace_printk,
    BPF_FUNC_get_prandom_u32,
    BPF_FUNC_get_smp_processor_id,
    BPF_FUNC_tail_call,
    BPF_FUNC_get_current_pid_tgid,
    BPF_FUNC_get_current_uid_gid,
    BPF_FUNC_get_current_comm,
    BPF_FUNC_get_cgroup_classid,
    BPF_FUNC_perf_event_read,
    BPF_FUNC_get_current_task,
    BPF_FUNC_current_task_under_cgroup,
    BPF_FUNC_get_numa_node_id,
    BPF_FUNC_perf_event_read_value,
    BPF_FUNC_get_current_cgroup_id,
    BPF_FUNC_map_push_elem,
    BPF_FUNC_map_pop_elem,
    BPF_FUNC_map_peek_elem,
    BPF_FUNC_spin_lock,
    BPF_FUNC_spin_unlock,
    BPF_FUNC_strtol,
    BPF_FUNC_strtoul,
    BPF_FUNC_send_signal,
    BPF_FUNC_probe_read_user,
    BPF_FUNC_probe_read_kernel,
    BPF_FUNC_probe_read_user_str,
    BPF_FUNC_probe_read_kernel_str,
    BPF_FUNC_send_signal_thread,
    BPF_FUNC_jiffies64,
    BPF_FUNC_get_ns_current_pid_tgid,
    BPF_FUNC_get_current_ancestor_cgroup_id,
    BPF_FUNC_ktime_get_boot_ns,
    BPF_FUNC_ringbuf_output,
    BPF_FUNC_ringbuf_reserve,
    BPF_FUNC_ringbuf_submit,
    BPF_FUNC_ringbuf_discard,
    BPF_FUNC_ringbuf_query,
    BPF_FUNC_get_task_stack,
    BPF_FUNC_copy_from_user,
    BPF_FUNC_snprintf_btf,
    BPF_FUNC_per_cpu_ptr,
    BPF_FUNC_this_cpu_ptr,
    BPF_FUNC_task_storage_get,
    BPF_FUNC_task_storage_delete,
    BPF_FUNC_get_current_task_btf,
    BPF_FUNC_ktime_get_coarse_ns,
    BPF_FUNC_for_each_map_elem,
    BPF_FUNC_snprintf,
    BPF_FUNC_timer_init,
    BPF_FUNC_timer_set_callback,
    BPF_FUNC_timer_start,
    BPF_FUNC_timer_cancel,
    BPF_FUNC_task_pt_regs,
    BPF_FUNC_get_branch_snapshot,
    BPF_FUNC_trace_vprintk,
    BPF_FUNC_find_vma,
    BPF_FUNC_loop,
    BPF_FUNC_strncmp,
    BPF_FUNC_copy_from_user_task,
    BPF_FUNC_kptr_xchg,
    BPF_FUNC_map_lookup_percpu_elem,
    BPF_FUNC_dynptr_from_mem,
    BPF_FUNC_ringbuf_reserve_dynptr,
    BPF_FUNC_ringbuf_submit_dynptr,
    BPF_FUNC_ringbuf_discard_dynptr,
    BPF_FUNC_dynptr_read,
    BPF_FUNC_dynptr_write,
    BPF_FUNC_dynptr_data,
    BPF_FUNC_ktime_get_tai_ns,
    BPF_FUNC_user_ringbuf_drain,
    BPF_FUNC_cgrp_storage_get,
    BPF_FUNC_cgrp_storage_delete,
};
}  // namespace

std::span<const bpf_func_id> base_helpers() {
  return kBaseHelpers;
}

bool helper_allowed(const ProgSpec& spec, base::u32 id) {
  for (const bpf_func_id f : base_helpers())
    if (f == id) return true;
  for (const bpf_func_id f : spec.helpers)
    if (f == id) return true;
  return false;
}

}  // namespace bpf
