// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bpf/registry/helper.h"

namespace bpf {
namespace {

enum : unsigned { kGplOnly = 1, kPacketAccess = 2, kChangesPacket = 4, kMoreArgs = 8 };

constexpr auto kHelpers = [] {
  std::array<HelperProto, __BPF_FUNC_MAX_ID> t{};
  t[0].name = "unspec";
#define BPF_HELPER(id, n, r, a1, a2, a3, a4, a5, flags)                                                 \
  t[id] = {#n, true, Ret::r, {Arg::a1, Arg::a2, Arg::a3, Arg::a4, Arg::a5}, ((flags) & kGplOnly) != 0, \
           ((flags) & kPacketAccess) != 0, ((flags) & kChangesPacket) != 0, ((flags) & kMoreArgs) != 0};
#define BPF_HELPER_PLANNED(id, n) t[id].name = #n;
#include "bpf/registry/helpers.def"
  return t;
}();

consteval bool rows_complete() {
  int seen[__BPF_FUNC_MAX_ID] = {1};
#define BPF_HELPER(id, ...) ++seen[id];
#define BPF_HELPER_PLANNED(id, ...) ++seen[id];
#include "bpf/registry/helpers.def"
  for (int n : seen)
    if (n != 1) return false;
  return true;
}
static_assert(rows_complete(), "helpers.def: every helper number has exactly one row");

}  // namespace

const HelperProto& get_helper(base::u32 id) { return kHelpers[id]; }

const HelperProto* find_helper(base::u32 id) {
  return id > 0 && id < kHelpers.size() ? &kHelpers[id] : nullptr;
}

}  // namespace bpf
