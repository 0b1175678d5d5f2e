// SPDX-License-Identifier: Apache-2.0
// program.h — a program on its way from PROG_LOAD to native code: plain values that travel between the engine's parts.
//
// Shape     ProgSource  -> verifier -> VerifiedProgram -> lower -> LoweredProgram -> interp, jit.
//           Map references are indexes into `maps`, never descriptors or addresses: an image can cross a process
//           border.
// Threads   plain values; no sharing.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"
#include "bpf/abi/btf.h"
#include "bpf/abi/insn.h"
#include "bpf/abi/types.h"

namespace bpf {

using base::s16;
using base::s32;
using base::u16;
using base::u32;
using base::u64;
using base::u8;

// What the engine may know about a map, by value.
struct MapFacts {
  u32 id = 0;
  bpf_map_type type = BPF_MAP_TYPE_UNSPEC;
  u32 key_size = 0;
  u32 value_size = 0;
  u32 max_entries = 0;
  u32 map_flags = 0;
  u64 map_extra = 0;
  std::string name;
  bool frozen = false;               // user space cannot write any more
  u32 btf_key_type_id = 0;           // into the BTF in `btf`
  u32 btf_value_type_id = 0;
  std::vector<std::byte> btf;        // the map's own BTF, empty if it has none
  // Value of a frozen BPF_F_RDONLY_PROG array of one element: constants for verifier and JIT.
  std::vector<std::byte> contents;
  bool has_fields = false;           // values hold locks, timers, kernel pointers: updates go around them
  s32 inner = -1;                    // map of maps: its template, an index into ProgSource::inner_maps
};

// What the loading user may: Linux asks for each apart, and takes CAP_SYS_ADMIN for all of them.
struct Capabilities {
  bool bpf = true;                   // CAP_BPF: every type; loops, subprograms, big programs
  bool perfmon = true;               // CAP_PERFMON: addresses may leak, Spectre is the user's own business
  bool net_admin = true;             // CAP_NET_ADMIN: types that touch others' packets and sockets
  bool operator==(const Capabilities&) const = default;
};
inline constexpr Capabilities kNoCapabilities{false, false, false};

// A program as PROG_LOAD gave it, with everything it refers to resolved to values.
// ld_imm64 with src_reg BPF_PSEUDO_MAP_FD or BPF_PSEUDO_MAP_VALUE has an index into `maps` in its first imm
// (BPF_PSEUDO_MAP_IDX* do not occur any more).
struct ProgSource {
  bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;
  bpf_attach_type expected_attach_type = bpf_attach_type(0);
  u32 attach_btf_id = 0;             // tracing, LSM: the hook, in the kernel's BTF
  u32 prog_flags = 0;
  bool gpl_compatible = false;
  Capabilities caps;
  std::string name;
  std::vector<bpf_insn> insns;
  std::vector<MapFacts> maps;
  std::vector<MapFacts> inner_maps;  // templates, no maps of the program
  std::vector<std::byte> btf;        // the program's BTF, empty if it has none
  std::vector<bpf_func_info> func_info;
  std::vector<bpf_line_info> line_info;
};

// What a load or store goes to, as the verifier proved it. Every execution of the instruction agrees with it.
enum class MemKind : u8 {
  none,        // not a load or store; or one that can go to several kinds: assume nothing
  stack,
  ctx,         // rewritten by lower; never reaches an engine
  packet,      // data, data_meta: owned by the worker
  map_value,   // others may write at the same time
  map_key,
  mem,         // other memory that a helper handed out
  host,        // a field of a host struct, made by lower
  kernel,      // an object described by the kernel's BTF, read with loads that survive a fault: no engine has them
};

// Facts about one instruction of ProgSource::insns.
struct InsnFact {
  bool reached = false;       // the verifier walked it; an unreached instruction is dead and is not executed
  MemKind mem = MemKind::none;
  s16 map_index = -1;         // helper call: the one map it can get in its map argument; -1: none or several
  s32 ctx_offset = -1;        // MemKind::ctx: constant offset into the user's context struct
  s16 kfunc = -1;                // call of a kernel function: its number in the registry
  bool map_ptr_several = false;  // helper call with a map argument that can be more than one map
};

struct SubprogRange {
  u32 begin = 0;              // first instruction
  u32 end = 0;                // behind the last
  u32 stack_bytes = 0;        // rounded up to 32 as Linux does
  bool is_callback = false;   // entered through a helper (bpf_loop, ...) or a BPF_PSEUDO_FUNC address
  bool is_exception_callback = false;
};

struct VerifyStats {
  u32 verified_insns = 0;     // processed, as the kernel's verified_insns
  u32 peak_states = 0;
  u32 total_states = 0;
  u64 verify_ns = 0;
};

struct VerifiedProgram {
  std::vector<InsnFact> facts;            // parallel to ProgSource::insns
  std::vector<SubprogRange> subprogs;     // subprogs[0] is the entry, ascending
};

// One instruction that an engine executes directly. `insn` is eBPF; what eBPF cannot say is beside it.
enum class LowOp : u8 {
  bpf,            // insn as it stands; loads and stores have `mem`
  helper,         // BPF_CALL to helper insn.imm; `map_index` names its one map, else the runtime table decides
  kfunc,          // call of the kernel function with number `target` in the registry
  tail_call,      // bpf_tail_call: r1 ctx, r2 map, r3 index
  call,           // BPF_PSEUDO_CALL to subprog `target`
  load_map,       // 64-bit immediate: address of map `map_index`
  load_map_value, // 64-bit immediate: address of map `map_index`'s only value + insn.imm
  load_func,      // 64-bit immediate: a callback, subprog `target`
  packet_load,    // r0 = bpf_packet_load(env, r1 sk_buff, r2 offset, r3 bytes); negative: no such bytes
  load_env,       // dst = *(size of insn *)((u8 *)env + insn.off)
};

struct LowInsn {
  bpf_insn insn{};
  LowOp op = LowOp::bpf;
  MemKind mem = MemKind::none;
  bool dead = false;          // never executed; an engine may put a trap there
  s16 map_index = -1;
  u32 target = 0;
  u32 origin = 0;             // index into ProgSource::insns
  u64 imm64 = 0;              // 64-bit immediates (the second slot is gone)
};

// Directly executable eBPF: contexts rewritten to host structs, 64-bit immediates in ONE slot, others in one or more;
// jump offsets fit LowInsn indexes: target of a jump = index + 1 + insn.off (gotol: insn.imm).
struct LoweredProgram {
  bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;
  std::string name;
  std::vector<LowInsn> insns;
  std::vector<SubprogRange> subprogs;     // indexes into insns
  std::vector<MapFacts> maps;
  bool uses_redirect = false;  // it, or a program it tail-calls, may call bpf_redirect or bpf_redirect_map: the burst
                               // loop stores env->redirect per packet
  bool moves_packet = false;   // likewise: may move a border of its packet; the burst loop stores where they are
};

}  // namespace bpf
