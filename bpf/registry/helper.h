// SPDX-License-Identifier: Apache-2.0
// helper.h — prototypes of the helpers, expanded from helpers.def: what the verifier checks and what an engine calls.
//
// Threads   immutable.
// Cost      look-up by number: one table index; the prototype for a program type: a walk over a dozen variants.
#pragma once

#include <string_view>

#include "base/types.h"
#include "bpf/abi/func_id.h"
#include "bpf/abi/host/env.h"
#include "bpf/registry/prog_mask.h"

namespace bpf {

// Argument types, in the words of Linux's verifier without their prefix ARG_. Flags are part of the word: RELEASE_
// gives a reference up, UNINIT_ is filled by the helper, WRITE_ is read and written, _OR_NULL takes a null pointer too.
enum class Arg : base::u8 {
  DONTCARE, ANYTHING, CONST_MAP_PTR, PTR_TO_MAP_KEY, PTR_TO_MAP_VALUE, PTR_TO_MAP_VALUE_OR_NULL, PTR_TO_MEM,
  PTR_TO_MEM_OR_NULL, PTR_TO_UNINIT_MEM, PTR_TO_WRITE_MEM, PTR_TO_UNINIT_MAP_VALUE, CONST_SIZE, CONST_SIZE_OR_ZERO,
  CONST_ALLOC_SIZE_OR_ZERO, PTR_TO_CTX, PTR_TO_CTX_OR_NULL, PTR_TO_SPIN_LOCK, PTR_TO_FUNC, PTR_TO_STACK,
  PTR_TO_STACK_OR_NULL, PTR_TO_CONST_STR,
  // Memory of a fixed size in bytes.
  PTR_TO_FIXED_SIZE_MEM_4, PTR_TO_FIXED_SIZE_MEM_8, PTR_TO_FIXED_SIZE_MEM_20, PTR_TO_FIXED_SIZE_MEM_40,
  PTR_TO_WRITE_FIXED_SIZE_MEM_4, PTR_TO_UNINIT_FIXED_SIZE_MEM_8,
  // Sockets.
  PTR_TO_SOCK_COMMON, PTR_TO_SOCKET, PTR_TO_SOCKET_OR_NULL, PTR_TO_BTF_ID_SOCK_COMMON,
  PTR_TO_BTF_ID_SOCK_COMMON_OR_NULL, RELEASE_BTF_ID_SOCK_COMMON,
  // Ring buffers, dynptrs, objects in map values.
  RELEASE_RINGBUF_MEM, PTR_TO_DYNPTR, UNINIT_DYNPTR_LOCAL, UNINIT_DYNPTR_RINGBUF, RELEASE_DYNPTR_RINGBUF, PTR_TO_TIMER,
  KPTR_XCHG_DEST, RELEASE_BTF_ID_OR_NULL,
  // Pointers to kernel structs.
  PTR_TO_BTF_ID, PTR_TO_BTF_ID_OR_NULL, PTR_TO_PERCPU_BTF_ID,
  PTR_TO_UNINIT_MEM_OR_NULL,
};

// Return types, likewise.
enum class Ret : base::u8 {
  VOID, INTEGER, PTR_TO_MAP_VALUE, PTR_TO_MAP_VALUE_OR_NULL, PTR_TO_MEM_OR_NULL, PTR_TO_SOCKET_OR_NULL,
  PTR_TO_TCP_SOCK_OR_NULL, PTR_TO_SOCK_COMMON_OR_NULL, PTR_TO_RINGBUF_MEM_OR_NULL, PTR_TO_DYNPTR_MEM_OR_NULL,
  PTR_TO_BTF_ID, PTR_TO_BTF_ID_OR_NULL, PTR_TO_BTF_ID_TRUSTED, PTR_TO_MEM_OR_BTF_ID, PTR_TO_MEM_OR_BTF_ID_OR_NULL,
  NEVER,
};

struct HelperProto {
  std::string_view name;               // without the prefix bpf_
  Ret ret = Ret::VOID;
  Arg args[5] = {};
  bool gpl_only = false;
  bool packet_access = false;          // may read packet memory through a PTR_TO_MEM argument
  bool changes_packet = false;         // packet pointers are stale afterwards
  bool might_sleep = false;
  bool more_args = false;              // registers behind the declared arguments are passed on, whatever they hold
  bool not_in_probe = false;           // only attach targets on Linux's lists may call it
  bool runnable = false;               // bpf/runtime has a body; else verifiable only, and lowering refuses the call
  ProgMask types = 0;                  // program types that may call it; see helper_allowed() for attach types
};

// REQUIRES: 0 <= id < __BPF_FUNC_MAX_ID. Number 0 (unspec) may be called by nobody.
const HelperProto& get_helper(base::u32 id);
// nullptr: there is no such number.
const HelperProto* find_helper(base::u32 id);
// The prototype that programs of this type see. nullptr: there is no such number.
const HelperProto* find_helper(base::u32 id, bpf_prog_type type);
// May a program of that type and attach type, loaded with all capabilities, call it?
bool helper_allowed(base::u32 id, bpf_prog_type type, bpf_attach_type attach);
// Capabilities without which programs of that type may not call it.
struct HelperNeeds {
  bool bpf = false;
  bool perfmon = false;
};
HelperNeeds helper_needs(base::u32 id, bpf_prog_type type);

// A helper's native body, used by the interpreter: (env, r1 … r5) -> r0. Pointers travel as integers.
using helper_fn = base::u64 (*)(bpf_env*, base::u64, base::u64, base::u64, base::u64, base::u64);

}  // namespace bpf
