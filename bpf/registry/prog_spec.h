// SPDX-License-Identifier: Apache-2.0
// prog_spec.h — what is true of every program of one type: its context, return range, helpers, attach types.
//
// Shape     one constexpr ProgSpec per working row of types.def, defined in bpf/prog/<name>.cc.
// Threads   immutable.
#pragma once

#include <span>
#include <string_view>

#include "base/types.h"
#include "bpf/abi/func_id.h"
#include "bpf/abi/types.h"

namespace bpf {

// What a program finds when it loads a context field.
enum class CtxKind : base::u8 { scalar, packet, packet_meta, packet_end };

// One field of the user's context struct and the host field behind it.
struct CtxField {
  std::string_view name;
  base::u16 offset;        // user struct, bytes
  base::u16 size;          // user struct, bytes
  CtxKind kind;
  bool writable;
  bool narrow;             // narrower aligned loads are allowed
  base::u16 host_offset;   // host struct, bytes
  base::u16 host_size;     // 1, 2, 4 or 8; a wider host field is truncated, a narrower one zero-extended
  // Empty: any expected_attach_type may read it. Else only these (as egress_ifindex).
  std::span<const bpf_attach_type> attach_types = {};
};

struct ReturnRange {
  base::s32 min;
  base::s32 max;
};

struct AttachPoint {
  bpf_attach_type type;
  std::string_view section;  // libbpf's SEC() prefix
};

struct ProgSpec {
  std::string_view ctx_name;            // "xdp_md"
  base::u16 ctx_size;
  std::span<const CtxField> fields;     // ascending offsets, no overlap
  std::span<const bpf_func_id> helpers; // allowed for this type, beside the base set of all types
  std::span<const AttachPoint> attach_points;
  bool packet_read;                     // direct packet access
  bool packet_write;
  bool check_return;                    // r0 at exit must lie in `returns`
  ReturnRange returns;
  base::u16 ctx_stride;                 // bytes between contexts of a burst; 0: the type has no burst form
};

// Helpers that privileged programs of every networking type may call.
std::span<const bpf_func_id> base_helpers();
// In the base set or in the type's own.
bool helper_allowed(const ProgSpec& spec, base::u32 id);

}  // namespace bpf
