// SPDX-License-Identifier: Apache-2.0
// attach.h — the kernel function, tracepoint, iterator or member of a struct that a program is loaded for.
//
// Shape     find_attach_target(): attach_btf_id -> AttachTarget; its arguments are the program's context.
// Threads   re-entrant. Errors: EINVAL and Linux's sentence; hooks whose rules only a list of the kernel's tells are
//           refused as unsupported.
#pragma once

#include <optional>
#include <string>

#include "bpf/btf/kernel_btf.h"
#include "bpf/program.h"
#include "bpf/registry/prog_spec.h"
#include "bpf/verifier/problem.h"

namespace bpf::verifier {

// What is special about one argument (hook_args.def).
enum class HookArg : u8 { plain, number, or_null, trusted_or_null, buf_or_null, rdonly_buf_or_null };

struct AttachTarget {
  std::string name;                    // in the kernel's BTF
  std::string shown;                   // as Linux names it in the log: a tracepoint without its prefix
  u32 proto = 0;                       // its BTF prototype
  u32 skipped = 0;                     // leading parameters that are no arguments of the program
  bool trusted = false;                // pointers among the arguments are trusted
  bool sees_result = false;            // the word behind the arguments is the function's result
  bool modifies_result = false;        // the program's own result takes its place
  bool no_result = false;              // r0 does not matter at the end
  bool returns_32 = false;             // of r0 its low half counts
  bool of_cgroup = false;              // LSM: programs of a control group, which have some of its helpers
  bool sleeps = false;                 // LSM: the hook is called where sleeping is allowed
  bool socket_options = false;         // …and those for options of a socket
  u32 nullable = 0;                    // struct_ops: bit n stands for an argument that may be null
  u32 socket_type = 0;                 // struct_ops: arguments that point to struct sock point to this one
  std::optional<ReturnRange> returns;  // what r0 may be at the end; none: anything
};

HookArg hook_arg(std::string_view hook, u32 index);

// Types whose programs name a target.
inline bool has_attach_target(u32 type) {
  return type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_LSM || type == BPF_PROG_TYPE_STRUCT_OPS;
}

std::optional<Problem> find_attach_target(const ProgSource& source, const btf::KernelBtf& kernel, AttachTarget& out);

// May a program of that target call the helper, beside what its type may?
bool target_allows_helper(const AttachTarget& target, u32 type, u32 helper);
// Helpers that could be re-entered, or sleep, under some targets.
bool target_is_safe_for(const AttachTarget& target, u32 type, u32 attach, u32 helper);

// struct_ops.cc: a member of a struct of functions that programs may be.
std::optional<Problem> find_struct_member(const ProgSource& source, const btf::KernelBtf& kernel, AttachTarget& out);
bool member_allows_helper(const AttachTarget& member, u32 helper);
// A store into `owner`, a struct of the kernel.
std::optional<Problem> check_member_write(const AttachTarget& member, const btf::KernelBtf& kernel,
                                          std::string_view owner, base::s64 off, int bytes);

}  // namespace bpf::verifier
