// SPDX-License-Identifier: Apache-2.0
// helper_btf.cc — helpers that take or return pointers to kernel structs: which struct.
//
// Source    soundness: a pointer is taken only when the kernel's types say that what it points to is the struct, or
//           begins with it.
#include <algorithm>

#include "bpf/verifier/print.h"
#include "bpf/verifier/struct_walk.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

struct Row {
  bpf_func_id helper;
  u32 at;  // argument's register; 0: the result
  const char* type;
};
constexpr Row kRows[] = {
    {BPF_FUNC_skb_output, 1, "sk_buff"},
    {BPF_FUNC_xdp_output, 1, "xdp_buff"},
    {BPF_FUNC_xdp_get_buff_len, 1, "xdp_buff"},
    {BPF_FUNC_tcp_send_ack, 1, "tcp_sock"},
    {BPF_FUNC_seq_printf, 1, "seq_file"},
    {BPF_FUNC_seq_write, 1, "seq_file"},
    {BPF_FUNC_seq_printf_btf, 1, "seq_file"},
    {BPF_FUNC_get_task_stack, 1, "task_struct"},
    {BPF_FUNC_d_path, 1, "path"},
    {BPF_FUNC_inode_storage_get, 2, "inode"},
    {BPF_FUNC_inode_storage_delete, 2, "inode"},
    {BPF_FUNC_task_storage_get, 2, "task_struct"},
    {BPF_FUNC_task_storage_delete, 2, "task_struct"},
    {BPF_FUNC_cgrp_storage_get, 2, "cgroup"},
    {BPF_FUNC_cgrp_storage_delete, 2, "cgroup"},
    {BPF_FUNC_sk_storage_get, 2, "sock_common"},
    {BPF_FUNC_sk_storage_delete, 2, "sock_common"},
    {BPF_FUNC_bprm_opts_set, 1, "linux_binprm"},
    {BPF_FUNC_ima_inode_hash, 1, "inode"},
    {BPF_FUNC_ima_file_hash, 1, "file"},
    {BPF_FUNC_sock_from_file, 1, "file"},
    {BPF_FUNC_sock_from_file, 0, "socket"},
    {BPF_FUNC_task_pt_regs, 1, "task_struct"},
    {BPF_FUNC_task_pt_regs, 0, "pt_regs"},
    {BPF_FUNC_find_vma, 1, "task_struct"},
    {BPF_FUNC_copy_from_user_task, 4, "task_struct"},
    {BPF_FUNC_get_current_task_btf, 0, "task_struct"},
    {BPF_FUNC_skc_to_tcp6_sock, 0, "tcp6_sock"},
    {BPF_FUNC_skc_to_tcp_sock, 0, "tcp_sock"},
    {BPF_FUNC_skc_to_tcp_timewait_sock, 0, "tcp_timewait_sock"},
    {BPF_FUNC_skc_to_tcp_request_sock, 0, "tcp_request_sock"},
    {BPF_FUNC_skc_to_udp6_sock, 0, "udp6_sock"},
    {BPF_FUNC_skc_to_unix_sock, 0, "unix_sock"},
    {BPF_FUNC_skc_to_mptcp_sock, 0, "mptcp_sock"},
};

const char* struct_of(u32 helper, u32 at) {
  for (const Row& row : kRows)
    if (static_cast<u32>(row.helper) == helper && row.at == at) return row.type;
  return nullptr;
}

bool takes_sock_common(Arg a) {
  return a == Arg::PTR_TO_BTF_ID_SOCK_COMMON || a == Arg::PTR_TO_BTF_ID_SOCK_COMMON_OR_NULL ||
         a == Arg::RELEASE_BTF_ID_SOCK_COMMON;
}

}  // namespace

const btf::KernelBtf* Walk::kernel_types() {
  if (!btf_.kernel && btf_.read_kernel) btf_.kernel = btf_.read_kernel();
  return btf_.kernel.get();
}

// A pointer described by BTF, of a kind the argument takes.
bool Walk::check_btf_arg(const Call& call, u32 r, Arg arg) {
  const Reg& p = reg(r);
  const bool release = arg == Arg::RELEASE_BTF_ID_SOCK_COMMON;
  const char* wanted = takes_sock_common(arg) ? "sock_common" : struct_of(call.id, r);
  if (wanted == nullptr)
    return refuse_unsupported(format("argument %u of this helper is of a kind that is not known yet", r));
  if (!check_pointer_fixed(r)) return false;
  const btf::Btf& kernel = kernel_types()->types();
  const auto type = btf_.kernel->find(wanted, BTF_KIND_STRUCT);
  if (!type) return refuse_unsupported(format("the kernel's types have no struct %s", wanted));
  const bool strict = release && call.id != BPF_FUNC_sk_release;
  if (struct_matches(types_of(p), p.type, static_cast<u32>(p.off), kernel, *type, strict)) return true;
  return refuse(EACCES, format("R%u is of type %s but %s is expected\n", r,
                               std::string(types_of(p).name(p.type)).c_str(), wanted));
}

// Named and perhaps null as the prototype says; name_reference() does the rest.
bool Walk::put_btf_result(const Call& call) {
  const char* name = struct_of(call.id, 0);
  if (name == nullptr)
    return refuse_unsupported("helper bpf_" + std::string(call.proto->name) +
                              " returns a kind of pointer that is not known yet");
  const btf::KernelBtf* kernel = kernel_types();
  if (kernel == nullptr)
    return refuse_unsupported("this helper's result needs the kernel's types, which are not known");
  const auto type = kernel->find(name, BTF_KIND_STRUCT);
  if (!type) return refuse_unsupported(format("the kernel's types have no struct %s", name));
  const u16 flags = call.proto->ret == Ret::PTR_TO_BTF_ID_TRUSTED ? u16{kTrusted} : u16{0};
  Reg out = btf_pointer(*type, flags, kKernelTypes);
  out.maybe_null = call.proto->ret == Ret::PTR_TO_BTF_ID_OR_NULL;
  reg(BPF_REG_0) = out;
  return true;
}

}  // namespace bpf::verifier
