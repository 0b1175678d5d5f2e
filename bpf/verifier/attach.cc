// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/attach.h"

#include <algorithm>

#include "bpf/abi/flags.h"

namespace bpf::verifier {
namespace {

struct Row {
  std::string_view hook;
  u32 index;
  HookArg word;
};
constexpr Row kRows[] = {
#define HOOK_ARG(hook, index, word) {#hook, index, HookArg::word},
#include "bpf/verifier/hook_args.def"
};

constexpr s32 kErrnoMax = 4095;
constexpr std::string_view kTracepointPrefix = "btf_trace_", kIteratorPrefix = "bpf_iter_", kLsmPrefix = "bpf_lsm_";

Problem bad(std::string log) {
  return Problem{.error = EINVAL, .log = std::move(log)};
}
Problem unknown(std::string what) {
  return Problem{.error = EOPNOTSUPP, .unsupported = true, .log = what + "\n", .reason = what};
}

class Finder {
 public:
  Finder(const ProgSource& source, const btf::KernelBtf& kernel, AttachTarget& out)
      : source_(source), types_(kernel.types()), kernel_(kernel), out_(out), id_(source.attach_btf_id) {}

  std::optional<Problem> run() {
    if (source_.type == BPF_PROG_TYPE_STRUCT_OPS) return find_struct_member(source_, kernel_, out_);
    if (id_ == 0) return bad("Tracing programs must provide btf_id\n");
    if (!types_.valid(id_)) return bad(format("attach_btf_id %u is invalid\n", id_));
    if (types_.type(id_).name_off == 0) return bad(format("attach_btf_id %u doesn't have a name\n", id_));
    out_.name = out_.shown = types_.name(id_);
    if (source_.type == BPF_PROG_TYPE_LSM) return lsm();
    switch (source_.expected_attach_type) {
      case BPF_TRACE_RAW_TP:
        return tracepoint();
      case BPF_TRACE_ITER:
        return iterator();
      case BPF_TRACE_FENTRY:
      case BPF_TRACE_FEXIT:
        return function();
      default:
        return unknown("programs that change what a kernel function returns are not known yet");
    }
  }

 private:
  bool sleepable() const { return (source_.prog_flags & BPF_F_SLEEPABLE) != 0; }

  std::optional<Problem> take_function() {
    if (types_.kind(id_) != BTF_KIND_FUNC) return bad(format("attach_btf_id %u is not a function\n", id_));
    out_.proto = types_.type(id_).type;
    return std::nullopt;
  }

  std::optional<Problem> tracepoint() {
    if (types_.kind(id_) != BTF_KIND_TYPEDEF) return bad(format("attach_btf_id %u is not a typedef\n", id_));
    if (!out_.name.starts_with(kTracepointPrefix))
      return bad(format("attach_btf_id %u points to wrong type name %s\n", id_, out_.name.c_str()));
    const u32 pointer = types_.type(id_).type;
    if (types_.kind(pointer) != BTF_KIND_PTR || types_.kind(types_.type(pointer).type) != BTF_KIND_FUNC_PROTO)
      return bad("");
    if (sleepable())
      return bad("Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable\n");
    out_.proto = types_.type(pointer).type;
    out_.skipped = 1;
    out_.shown = out_.name.substr(kTracepointPrefix.size());
    out_.trusted = true;
    return std::nullopt;
  }

  std::optional<Problem> iterator() {
    if (auto problem = take_function()) return problem;
    const bool target = out_.name.starts_with(kIteratorPrefix) &&
                        kernel_.find("bpf_iter__" + out_.name.substr(kIteratorPrefix.size()), BTF_KIND_STRUCT);
    if (!target) return bad("");
    out_.trusted = true;
    out_.returns = ReturnRange{0, 1};
    return std::nullopt;
  }

  std::optional<Problem> function() {
    if (auto problem = take_function()) return problem;
    if (sleepable()) return unknown("which kernel functions may be entered by sleepable programs is not known yet");
    out_.sees_result = source_.expected_attach_type == BPF_TRACE_FEXIT;
    out_.returns = ReturnRange{0, 0};
    return std::nullopt;
  }

  std::optional<Problem> lsm() {
    if (!source_.gpl_compatible) return bad("LSM programs must have a GPL compatible license\n");
    if (source_.expected_attach_type != BPF_LSM_MAC) return unknown("LSM programs of control groups are not known yet");
    if (auto problem = take_function()) return problem;
    if (!out_.name.starts_with(kLsmPrefix))
      return bad(format("attach_btf_id %u points to wrong type name %s\n", id_, out_.name.c_str()));
    if (sleepable() && !sleeps()) return bad(out_.name + " is not sleepable\n");
    out_.trusted = true;
    out_.sees_result = true;
    const u32 result = types_.skip_modifiers(types_.type(out_.proto).type);
    constexpr std::string_view kTruths[] = {"bpf_lsm_audit_rule_known", "bpf_lsm_inode_xattr_skipcap"};
    out_.no_result = result == 0;
    if (result != 0)
      out_.returns =
          std::ranges::find(kTruths, out_.name) != std::end(kTruths) ? ReturnRange{0, 1} : ReturnRange{-kErrnoMax, 0};
    return std::nullopt;
  }

  // Hooks that are called where sleeping is allowed.
  bool sleeps() const {
    constexpr std::string_view kHooks[] = {"bpf",
                                           "bpf_map",
                                           "bpf_map_create",
                                           "bpf_map_free",
                                           "bpf_prog",
                                           "bpf_prog_load",
                                           "bpf_prog_free",
                                           "bpf_token_create",
                                           "bpf_token_free",
                                           "bpf_token_cmd",
                                           "bpf_token_capable",
                                           "bprm_check_security",
                                           "bprm_committed_creds",
                                           "bprm_committing_creds",
                                           "bprm_creds_for_exec",
                                           "bprm_creds_from_file",
                                           "capget",
                                           "capset",
                                           "cred_prepare",
                                           "file_ioctl",
                                           "file_lock",
                                           "file_open",
                                           "file_post_open",
                                           "file_receive",
                                           "inode_create",
                                           "inode_free_security",
                                           "inode_getattr",
                                           "inode_getxattr",
                                           "inode_mknod",
                                           "inode_need_killpriv",
                                           "inode_post_setxattr",
                                           "inode_post_removexattr",
                                           "inode_readlink",
                                           "inode_removexattr",
                                           "inode_rename",
                                           "inode_rmdir",
                                           "inode_setattr",
                                           "inode_setxattr",
                                           "inode_symlink",
                                           "inode_unlink",
                                           "kernel_module_request",
                                           "kernel_read_file",
                                           "kernfs_init_security",
                                           "kernel_load_data",
                                           "key_free",
                                           "mmap_file",
                                           "netlink_send",
                                           "path_notify",
                                           "release_secctx",
                                           "sb_alloc_security",
                                           "sb_eat_lsm_opts",
                                           "sb_kern_mount",
                                           "sb_mount",
                                           "sb_remount",
                                           "sb_set_mnt_opts",
                                           "sb_show_options",
                                           "sb_statfs",
                                           "sb_umount",
                                           "settime",
                                           "socket_accept",
                                           "socket_bind",
                                           "socket_connect",
                                           "socket_create",
                                           "socket_getpeername",
                                           "socket_getpeersec_dgram",
                                           "socket_getsockname",
                                           "socket_getsockopt",
                                           "socket_listen",
                                           "socket_post_create",
                                           "socket_recvmsg",
                                           "socket_sendmsg",
                                           "socket_shutdown",
                                           "socket_socketpair",
                                           "syslog",
                                           "task_alloc",
                                           "current_getsecid_subj",
                                           "task_getsecid_obj",
                                           "task_prctl",
                                           "task_setscheduler",
                                           "task_to_inode",
                                           "userns_create"};
    return std::ranges::find(kHooks, std::string_view(out_.name).substr(kLsmPrefix.size())) != std::end(kHooks);
  }

  const ProgSource& source_;
  const btf::Btf& types_;
  const btf::KernelBtf& kernel_;
  AttachTarget& out_;
  const u32 id_;
};

}  // namespace

HookArg hook_arg(std::string_view hook, u32 index) {
  for (const Row& row : kRows)
    if (row.index == index && row.hook == hook) return row.word;
  return HookArg::plain;
}

std::optional<Problem> find_attach_target(const ProgSource& source, const btf::KernelBtf& kernel, AttachTarget& out) {
  return Finder(source, kernel, out).run();
}

}  // namespace bpf::verifier
