// SPDX-License-Identifier: Apache-2.0
// attach.h — what an attach type stands for: the type of its programs, its place, its link. Expanded from attach.def.
//
// Shape     a constexpr table indexed by ABI number. Errors: find_ misses beyond the last number.
#pragma once

#include <array>

#include "base/types.h"
#include "bpf/abi/types.h"

namespace bpf {

enum class AttachPlace : base::u8 {
  none,
  other,
  cgroup,
  lsm_mac,
  lsm_cgroup,
  sockmap,
  flow_dissector,
  sk_lookup,
  tcx,
  netkit,
};

struct AttachRow {
  bpf_prog_type prog_type = BPF_PROG_TYPE_UNSPEC;
  AttachPlace place = AttachPlace::none;
  bpf_link_type link_type = BPF_LINK_TYPE_UNSPEC;
};

inline constexpr auto kAttachTypes = [] {
  std::array<AttachRow, __MAX_BPF_ATTACH_TYPE> t{};
#define BPF_ATTACH_TYPE(id, prog, where, link) t[id] = {prog, AttachPlace::where, link};
#include "bpf/registry/attach.def"
  return t;
}();

consteval bool attach_rows_complete() {
  int seen[__MAX_BPF_ATTACH_TYPE] = {};
#define BPF_ATTACH_TYPE(id, ...) ++seen[id];
#include "bpf/registry/attach.def"
  for (int n : seen)
    if (n != 1) return false;
  return true;
}
static_assert(attach_rows_complete(), "attach.def: every ABI number has exactly one row");

// Null: no such attach type.
constexpr const AttachRow* find_attach_row(base::u32 attach_type) {
  return attach_type < kAttachTypes.size() ? &kAttachTypes[attach_type] : nullptr;
}

}  // namespace bpf
