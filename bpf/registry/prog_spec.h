// SPDX-License-Identifier: Apache-2.0
// prog_spec.h — what is true of every program of one type: its context, return ranges, packet access, attach types.
//
// Shape     one constexpr ProgSpec per working or verified row of types.def, defined in bpf/prog. Which helpers a type
//           may call is a column of helpers.def.
// Threads   immutable.
#pragma once

#include <span>
#include <string_view>

#include "base/types.h"
#include "bpf/abi/func_id.h"
#include "bpf/abi/types.h"

namespace bpf {

// What a program finds when it loads a context field.
enum class CtxKind : base::u8 {
  scalar,
  packet,
  packet_meta,
  packet_end,
  socket,
  socket_or_null,
  sock_common_or_null,
  flow_keys,
  tp_buffer,
  nf_hook_state,
  sk_buff,
};

// Which parts of a field may be loaded or stored. Every access lies at a multiple of its size from the context's begin.
enum class Parts : base::u8 {
  none,
  whole,     // all of it at once
  any,       // 1, 2, 4 or 8 bytes anywhere in it
  begin,     // 1, 2, 4 or 8 bytes at its begin
  halves,    // 2 or 4 bytes anywhere in it
  words,     // 4 or 8 bytes anywhere in it
  longs,     // 8 bytes anywhere in it
  tail,      // the whole, or 1, 2, 4 or 8 bytes anywhere but at its begin
  low_half,  // the whole, or any part of its first half (a __be16 with padding behind it)
};

// One field of the user's context struct and the host field behind it.
struct CtxField {
  std::string_view name;
  base::u16 offset;  // user struct, bytes
  base::u16 size;    // user struct, bytes
  CtxKind kind = CtxKind::scalar;
  Parts read = Parts::whole;
  Parts write = Parts::none;
  base::u16 host_offset = 0;  // host struct, bytes
  base::u16 host_size = 0;    // 1, 2, 4 or 8; a wider host field is truncated, a narrower one zero-extended
  // Empty: any expected_attach_type may. Else only these (as egress_ifindex).
  std::span<const bpf_attach_type> attach_types = {};
  std::span<const bpf_attach_type> write_attach_types = {};
  base::s16 host_pointer = -1;   // not -1: offset in the host struct of a pointer to the struct that has the field
  base::u32 write_below = 0;     // not 0: a store of this value or a greater one changes nothing
  // Only with CAP_BPF may programs store it, or, where nobody stores it, load it.
  bool needs_bpf = false;
};

struct ReturnRange {
  base::s32 min;
  base::s32 max;
  // Empty: of every expected_attach_type.
  std::span<const bpf_attach_type> attach_types = {};
};

struct AttachPoint {
  bpf_attach_type type;
  std::string_view section;  // libbpf's SEC() prefix
};

enum class PacketAccess : base::u8 {
  none,  // pointers into it may be loaded from, but not given to helpers
  read,
  write,
  buffer,  // not a packet but a buffer of the type's own: helpers take it like any memory
};

struct ProgSpec {
  std::string_view ctx_name;  // "xdp_md"
  base::u16 ctx_size;
  std::span<const CtxField> fields;  // ascending offsets, no overlap
  std::span<const AttachPoint> attach_points;
  PacketAccess packet = PacketAccess::none;
  std::span<const ReturnRange> returns = {};                    // r0 at exit; the first that fits; none: anything
  std::span<const bpf_attach_type> expected_attach_types = {};  // that may be given at load; empty: any number
  bpf_attach_type default_attach = bpf_attach_type(0);          // what an expected_attach_type of 0 stands for
  bool legacy_packet_loads = false;  // BPF_LD_ABS, BPF_LD_IND
  base::u16 ctx_stride = 0;          // bytes between contexts of a burst; 0: the type has no burst form
};

}  // namespace bpf
