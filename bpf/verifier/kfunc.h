// SPDX-License-Identifier: Apache-2.0
// kfunc.h — the prototype of a kernel function as its BTF and the names of its parameters describe it.
//
// Shape     read_kfunc(): BTF id -> KfuncProto. classify_param() says what the verifier wants of a parameter.
// Threads   re-entrant. Lifetime: views point into the KernelBtf.
// Errors    EINVAL and Linux's sentence.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bpf/btf/kernel_btf.h"
#include "bpf/program.h"
#include "bpf/registry/kfunc.h"
#include "bpf/registry/prog_spec.h"
#include "bpf/verifier/problem.h"

namespace bpf::verifier {

// What a pointer parameter asks for, before any register is looked at.
enum class Param : u8 {
  number,
  constant,  // __k
  ignored,   // __ign, __prog
  ctx,
  allocated,   // __alloc
  refcounted,  // __refcounted_kptr
  dynptr,
  iterator,
  list_head,
  list_node,
  rb_root,
  rb_node,
  string,  // __str
  map,     // __map
  work_queue,
  task_work,
  irq_flag,  // __irq_flag
  res_lock,
  callback,
  pointer,  // to a struct, or memory: the register decides
  unknown,
};

struct KfuncParam {
  Param is = Param::unknown;
  std::string_view name;
  u32 type = 0;    // as declared
  u32 target = 0;  // pointers: what it points to, modifiers skipped
  bool nullable = false;
  bool optional = false;       // __opt
  bool uninit = false;         // __uninit: filled by the function
  bool sized_by_next = false;  // the next parameter is __sz or __szk
  bool size_is_constant = false;
};

struct KfuncProto {
  const Kfunc* row = nullptr;
  std::string_view name;
  u32 id = 0;
  u32 result = 0;  // type, modifiers skipped; 0: void
  std::vector<KfuncParam> params;
};

// What Linux checks of every kfunc call before it looks at the program's paths.
std::optional<Problem> check_kfunc_calls(const ProgSource& source, const btf::KernelBtf& kernel);

// Functions that may be called while a lock is held.
bool allowed_under_lock(std::string_view kfunc);

// Functions after which packet pointers are stale.
inline bool moves_packet(std::string_view kfunc) {
  return kfunc == "bpf_xdp_pull_data";
}

// nullopt: `id` is no function that programs may call by name (its name is in *name when it is a function).
std::optional<KfuncProto> read_kfunc(const btf::KernelBtf& kernel, const ProgSpec& spec, u32 id,
                                     std::string_view* name);

}  // namespace bpf::verifier
