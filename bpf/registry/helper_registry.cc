// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <span>

#include "bpf/registry/helper.h"

namespace bpf {
namespace {

using namespace prog_mask;  // NOLINT: the words of the table
using enum Arg;

enum : unsigned {
  kGplOnly = 1,
  kPacketAccess = 2,
  kChangesPacket = 4,
  kMoreArgs = 8,
  kMightSleep = 16,
  kNotInProbe = 32
};

constexpr HelperProto row(std::string_view name, Ret ret, std::array<Arg, 5> args, unsigned flags, ProgMask types,
                          bool runnable) {
  if ((types & kTracing) != 0) types |= kLsm;  // what traces a function may be called from a hook as well
  return {.name = name,
          .ret = ret,
          .args = {args[0], args[1], args[2], args[3], args[4]},
          .gpl_only = (flags & kGplOnly) != 0,
          .packet_access = (flags & kPacketAccess) != 0,
          .changes_packet = (flags & kChangesPacket) != 0,
          .might_sleep = (flags & kMightSleep) != 0,
          .more_args = (flags & kMoreArgs) != 0,
          .not_in_probe = (flags & kNotInProbe) != 0,
          .runnable = runnable,
          .types = types};
}

#define UNWRAP(...) __VA_ARGS__

constexpr auto kHelpers = [] {
  std::array<HelperProto, __BPF_FUNC_MAX_ID> t{};
  t[0].name = "unspec";
#define BPF_HELPER(id, name, ret, args, flags, types) t[id] = row(#name, Ret::ret, {UNWRAP args}, flags, types, true);
#define BPF_HELPER_VERIFIED(id, name, ret, args, flags, types) \
  t[id] = row(#name, Ret::ret, {UNWRAP args}, flags, types, false);
#include "bpf/registry/helpers.def"
  return t;
}();

// A variant without a body of its own runs the helper's.
constexpr bool has_body(base::u32 id) {
  return kHelpers[id].runnable;
}

struct Variant {
  base::u32 id;
  HelperProto proto;
};
constexpr Variant kVariants[] = {
#define BPF_HELPER_VARIANT(id, name, ret, args, flags, types) \
  {id, row(#name, Ret::ret, {UNWRAP args}, flags, types, has_body(id))},
#define BPF_HELPER_VARIANT_BODY(id, name, ret, args, flags, types) \
  {id, row(#name, Ret::ret, {UNWRAP args}, flags, types, true)},
#include "bpf/registry/helpers.def"
};
#undef UNWRAP

consteval bool rows_complete() {
  int seen[__BPF_FUNC_MAX_ID] = {1};
#define BPF_HELPER(id, ...) ++seen[id];
#define BPF_HELPER_VERIFIED(id, ...) ++seen[id];
#include "bpf/registry/helpers.def"
  for (int n : seen)
    if (n != 1) return false;
  return true;
}
static_assert(rows_complete(), "helpers.def: every helper number has exactly one row");

// Helpers that a type may call only from some of its attach points.
struct AttachRule {
  bpf_func_id helper;
  ProgMask types;
  bpf_attach_type attach[8];
  base::u32 count;
};
constexpr AttachRule kAttachRules[] = {
    {BPF_FUNC_bind, kCgroupSockAddr, {BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT}, 2},
    {BPF_FUNC_setsockopt, kCgroupSockopt, {BPF_CGROUP_SETSOCKOPT}, 1},
    {BPF_FUNC_getsockopt, kCgroupSockopt, {BPF_CGROUP_SETSOCKOPT}, 1},
    {BPF_FUNC_get_retval,
     kCgroupSockAddr,
     {BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND, BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT,
      BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, BPF_CGROUP_UNIX_CONNECT, BPF_CGROUP_UNIX_SENDMSG},
     8},
    {BPF_FUNC_set_retval,
     kCgroupSockAddr,
     {BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND, BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT,
      BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, BPF_CGROUP_UNIX_CONNECT, BPF_CGROUP_UNIX_SENDMSG},
     8},
    {BPF_FUNC_seq_printf, kTracing | kLsm, {BPF_TRACE_ITER}, 1},
    {BPF_FUNC_seq_write, kTracing | kLsm, {BPF_TRACE_ITER}, 1},
    {BPF_FUNC_seq_printf_btf, kTracing | kLsm, {BPF_TRACE_ITER}, 1},
    // What a trampoline keeps.
    {BPF_FUNC_get_func_arg, kTracing | kLsm, {BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN, BPF_LSM_MAC}, 4},
    {BPF_FUNC_get_func_ret, kTracing | kLsm, {BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN, BPF_LSM_MAC}, 4},
    {BPF_FUNC_get_func_arg_cnt,
     kTracing | kLsm,
     {BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN, BPF_LSM_MAC},
     4},
    {BPF_FUNC_get_attach_cookie,
     kTracing | kLsm,
     {BPF_TRACE_RAW_TP, BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN, BPF_LSM_MAC},
     5},
};

// Helpers that Linux gives only to programs loaded with CAP_BPF, or with CAP_PERFMON, whatever the type.
constexpr base::u8 kNeedBpf[] = {17,  37,  80,  93,  94,  118, 123, 153, 154, 156, 157, 164, 169, 170,
                                 171, 172, 181, 194, 197, 198, 199, 200, 201, 202, 203, 209, 210, 211};
constexpr base::u8 kNeedPerfmon[] = {6,   16,  22,  35,  55,  109, 112, 113, 114, 115, 117, 136, 137, 138, 139,
                                     140, 141, 148, 149, 158, 165, 166, 175, 176, 177, 178, 180, 191, 196};

// These seven the syscall type has without it.
constexpr base::u8 kSyscallNeedsNoPerfmon[] = {136, 137, 138, 139, 140, 178, 196};

// Alone among the types this one has not even what every other has: maps, time, random numbers, printing, tail calls,
// and its own three.
constexpr base::u8 kLircHelpers[] = {1, 2, 3, 5, 6, 7, 12, 77, 78, 87, 88, 89, 92, 125};

bool among(std::span<const base::u8> ids, base::u32 id) {
  return std::ranges::find(ids, id) != ids.end();
}

}  // namespace

const HelperProto& get_helper(base::u32 id) {
  return kHelpers[id];
}

const HelperProto* find_helper(base::u32 id) {
  return id > 0 && id < kHelpers.size() ? &kHelpers[id] : nullptr;
}

const HelperProto* find_helper(base::u32 id, bpf_prog_type type) {
  for (const Variant& v : kVariants)
    if (v.id == id && (v.proto.types & prog_bit(type)) != 0) return &v.proto;
  return find_helper(id);
}

bool helper_allowed(base::u32 id, bpf_prog_type type, bpf_attach_type attach) {
  const HelperProto* helper = find_helper(id);
  if (helper == nullptr || (helper->types & prog_bit(type)) == 0) return false;
  if (type == BPF_PROG_TYPE_LIRC_MODE2) return among(kLircHelpers, id);
  for (const AttachRule& rule : kAttachRules) {
    if (rule.helper != id || (rule.types & prog_bit(type)) == 0) continue;
    return std::find(rule.attach, rule.attach + rule.count, attach) != rule.attach + rule.count;
  }
  return true;
}

HelperNeeds helper_needs(base::u32 id, bpf_prog_type type) {
  const bool exempt = type == BPF_PROG_TYPE_SYSCALL && among(kSyscallNeedsNoPerfmon, id);
  return {.bpf = among(kNeedBpf, id), .perfmon = among(kNeedPerfmon, id) && !exempt};
}

}  // namespace bpf
