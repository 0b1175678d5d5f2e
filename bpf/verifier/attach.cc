// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/attach.h"

#include <algorithm>

#include "bpf/abi/flags.h"
#include "bpf/abi/func_id.h"
#include "bpf/verifier/struct_walk.h"

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

enum LsmWord : u32 { kSleeps = 1, kUntrusted = 2, kDisabled = 4, kTruth = 8, kSocket = 16 };
struct LsmHook {
  std::string_view name;
  u32 words;
};
constexpr LsmHook kLsmHooks[] = {
#define LSM_HOOK(name, words) {#name, words},
#include "bpf/verifier/lsm_hooks.def"
};

u32 lsm_words(std::string_view hook) {
  const auto row = std::ranges::find(kLsmHooks, hook, &LsmHook::name);
  return row == std::end(kLsmHooks) ? 0 : row->words;
}

template <std::size_t N>
bool among(const std::string_view (&names)[N], std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

// Functions of the kernel's test run, made for this.
constexpr std::string_view kTestTargets[] = {"bpf_modify_return_test", "bpf_modify_return_test2",
                                             "bpf_modify_return_test_tp", "bpf_fentry_test1"};
// Entries of system calls are open to error injection; what else is, only a kernel's own list tells.
constexpr std::string_view kSyscallPrefixes[] = {"__x64_sys_", "__ia32_sys_"};

bool is_syscall(std::string_view name) {
  return std::ranges::any_of(kSyscallPrefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}
bool can_enter_sleepable(std::string_view name) {
  return is_syscall(name) || name == "bpf_fentry_test1";
}
bool can_modify(std::string_view name) {
  return is_syscall(name) || name.starts_with("security_") || among(kTestTargets, name);
}
// A trampoline itself runs through these.
bool is_untraceable(std::string_view name) {
  constexpr std::string_view kNames[] = {"migrate_disable",   "migrate_enable",    "rcu_read_unlock_strict",
                                         "preempt_count_add", "preempt_count_sub", "__rcu_read_lock",
                                         "__rcu_read_unlock"};
  return among(kNames, name);
}
bool never_returns(std::string_view name) {
  constexpr std::string_view kNames[] = {"__ia32_sys_exit",
                                         "__ia32_sys_exit_group",
                                         "__kunit_abort",
                                         "kunit_try_catch_throw",
                                         "__module_put_and_kthread_exit",
                                         "__x64_sys_exit",
                                         "__x64_sys_exit_group",
                                         "do_exit",
                                         "do_group_exit",
                                         "kthread_complete_and_exit",
                                         "kthread_exit",
                                         "make_task_dead"};
  return among(kNames, name);
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
      default:
        return function();
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
    if (auto problem = check_prototype()) return problem;
    const bool modifies = source_.expected_attach_type == BPF_MODIFY_RETURN;
    const bool leaves = modifies || source_.expected_attach_type == BPF_TRACE_FEXIT;
    if (sleepable() && !can_enter_sleepable(out_.name)) return bad(out_.name + " is not sleepable\n");
    if (!sleepable() && modifies && !can_modify(out_.name)) return bad(out_.name + "() is not modifiable\n");
    if (is_untraceable(out_.name))
      return bad("Attaching tracing programs to function '" + out_.name + "' is rejected.\n");
    if (leaves && never_returns(out_.name))
      return bad("Attaching fexit/fmod_ret to __noreturn function '" + out_.name + "' is rejected.\n");
    out_.sees_result = leaves;
    out_.modifies_result = modifies;
    if (!modifies) out_.returns = ReturnRange{0, 0};
    return std::nullopt;
  }

  // What a trampoline can hand on.
  std::optional<Problem> check_prototype() const {
    constexpr std::size_t kParamsMax = 12, kParamBytesMax = 16;
    const auto params = types_.params(out_.proto);
    const char* name = out_.name.c_str();
    if (params.size() > kParamsMax)
      return bad(format("The function %s has %zu arguments. Too many.\n", name, params.size()));
    const auto bytes_of = [this](u32 type) -> std::optional<u64> {
      const u32 plain = types_.skip_modifiers(type);
      const u32 kind = types_.kind(plain);
      const bool known = kind == BTF_KIND_PTR || kind == BTF_KIND_INT || kind == BTF_KIND_ENUM ||
                         kind == BTF_KIND_ENUM64 || kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION;
      return known ? types_.size_of(plain) : std::nullopt;
    };
    const u32 result = types_.skip_modifiers(types_.type(out_.proto).type);
    const bool in_memory = types_.kind(result) == BTF_KIND_STRUCT || types_.kind(result) == BTF_KIND_UNION;
    if (result != 0 && (in_memory || !bytes_of(result)))
      return bad(format("The function %s return type %s is unsupported.\n", name, kind_name(types_.kind(result))));
    for (std::size_t k = 0; k < params.size(); ++k) {
      if (params[k].type == 0)
        return bad(k + 1 == params.size() ? format("The function %s with variable args is unsupported.\n", name)
                                          : format("The function %s has malformed void argument.\n", name));
      const auto bytes = bytes_of(params[k].type);
      if (!bytes || *bytes > kParamBytesMax)
        return bad(format("The function %s arg%zu has type %s is unsupported.\n", name, k,
                          kind_name(types_.kind(types_.skip_modifiers(params[k].type)))));
      if (*bytes == 0) return bad(format("The function %s has malformed void argument.\n", name));
    }
    return std::nullopt;
  }

  std::optional<Problem> lsm() {
    if (auto problem = take_function()) return problem;
    const bool hook = out_.name.starts_with(kLsmPrefix);
    const u32 words = hook ? lsm_words(out_.name.substr(kLsmPrefix.size())) : 0;
    if (sleepable() && (words & kSleeps) == 0) return bad(out_.name + " is not sleepable\n");
    if (!source_.gpl_compatible) return bad("LSM programs must have a GPL compatible license\n");
    if ((words & kDisabled) != 0)
      return bad(format("attach_btf_id %u points to disabled hook %s\n", id_, out_.name.c_str()));
    if (!hook) return bad(format("attach_btf_id %u points to wrong type name %s\n", id_, out_.name.c_str()));
    out_.trusted = (words & kUntrusted) == 0;
    out_.sleeps = (words & kSleeps) != 0;
    out_.sees_result = true;
    const bool no_result = types_.skip_modifiers(types_.type(out_.proto).type) == 0;
    if (source_.expected_attach_type == BPF_LSM_CGROUP) {
      out_.of_cgroup = true;
      out_.socket_options = (words & kSocket) != 0;
      out_.returns = ReturnRange{no_result ? 1 : 0, 1};
      return std::nullopt;
    }
    out_.no_result = no_result;
    out_.returns_32 = true;
    if (!no_result) out_.returns = (words & kTruth) != 0 ? ReturnRange{0, 1} : ReturnRange{-kErrnoMax, 0};
    return std::nullopt;
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

bool target_allows_helper(const AttachTarget& target, u32 type, u32 helper) {
  if (type != BPF_PROG_TYPE_LSM) return member_allows_helper(target, helper);
  switch (helper) {
    case BPF_FUNC_get_local_storage:
    case BPF_FUNC_get_retval:
    case BPF_FUNC_set_retval:
      return target.of_cgroup;
    case BPF_FUNC_setsockopt:
    case BPF_FUNC_getsockopt:
      return target.socket_options;
    default:
      return true;
  }
}

bool target_is_safe_for(const AttachTarget& target, u32 type, u32 attach, u32 helper) {
  if (helper == BPF_FUNC_d_path && type == BPF_PROG_TYPE_LSM) return target.sleeps;
  if (type != BPF_PROG_TYPE_TRACING || attach == BPF_TRACE_ITER) return true;
  if (helper == BPF_FUNC_d_path) {
    constexpr std::string_view kNames[] = {"security_file_permission",
                                           "security_inode_getattr",
                                           "security_file_open",
                                           "security_path_truncate",
                                           "vfs_truncate",
                                           "vfs_fallocate",
                                           "dentry_open",
                                           "vfs_getattr",
                                           "filp_close"};
    return among(kNames, target.name);
  }
  if (helper == BPF_FUNC_sk_storage_get || helper == BPF_FUNC_sk_storage_delete)
    return attach != BPF_MODIFY_RETURN && (attach == BPF_TRACE_RAW_TP || !target.name.starts_with("bpf_sk_storage"));
  return true;
}

std::optional<Problem> find_attach_target(const ProgSource& source, const btf::KernelBtf& kernel, AttachTarget& out) {
  return Finder(source, kernel, out).run();
}

}  // namespace bpf::verifier
