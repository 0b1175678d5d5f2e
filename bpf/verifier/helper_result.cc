// SPDX-License-Identifier: Apache-2.0
// helper_result.cc — what a helper gives back in r0 and what it took for good.
//
// Source    soundness: r0 points to what the prototype names and may be null unless the prototype rules that out. An
//           object that the helper acquired has a reference of its own; one derived from an argument shares that one's.
#include <algorithm>

#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

bool contains(std::span<const bpf_func_id> set, u32 id) {
  return std::ranges::find(set, static_cast<bpf_func_id>(id)) != set.end();
}

constexpr bpf_func_id kAcquire[] = {BPF_FUNC_sk_lookup_tcp, BPF_FUNC_sk_lookup_udp, BPF_FUNC_skc_lookup_tcp,
                                    BPF_FUNC_ringbuf_reserve, BPF_FUNC_kptr_xchg};
// r0 is the argument in another light: good as long as that.
constexpr bpf_func_id kCast[] = {BPF_FUNC_sk_fullsock,
                                 BPF_FUNC_tcp_sock,
                                 BPF_FUNC_skc_to_tcp6_sock,
                                 BPF_FUNC_skc_to_tcp_sock,
                                 BPF_FUNC_skc_to_tcp_timewait_sock,
                                 BPF_FUNC_skc_to_tcp_request_sock,
                                 BPF_FUNC_skc_to_udp6_sock,
                                 BPF_FUNC_skc_to_unix_sock,
                                 BPF_FUNC_skc_to_mptcp_sock};

bool is_socket_map(bpf_map_type type) {
  return type == BPF_MAP_TYPE_SOCKMAP || type == BPF_MAP_TYPE_SOCKHASH;
}

}  // namespace

bool Walk::release_argument(const Call& call) {
  if (call.release_reg == 0) return true;
  if (call.dynptr.ref != 0) {
    release_dynptr(call.dynptr.ref);
    return true;
  }
  const Reg& p = reg(static_cast<u32>(call.release_reg));
  const bool kept = call.kptr != nullptr && call.ref != 0;
  if (kept ? give_to_kptr(call.ref) : call.ref != 0 ? release_reference(call.ref) : p.is_zero()) return true;
  return refuse(EINVAL, format("func bpf_%s#%u reference has not been acquired before\n",
                               std::string(call.proto->name).c_str(), call.id));
}

bool Walk::put_map_value(const Call& call, bool or_null) {
  const u32 map = static_cast<u32>(call.map);
  Reg r = Reg::pointer(Kind::map_value, map);
  r.map_uid = call.map_uid;
  r.maybe_null = or_null;
  if (or_null || may_hold_lock(r)) r.id = new_id();
  reg(BPF_REG_0) = r;
  return true;
}

bool Walk::put_helper_result(const Call& call) {
  touched_regs_ |= 1;
  Reg& r0 = reg(BPF_REG_0);
  const auto socket = [&](Kind kind) {
    r0 = Reg::pointer(kind);
    r0.maybe_null = true;
  };
  switch (call.proto->ret) {
    case Ret::INTEGER:
      r0 = Reg::unknown();
      return true;
    case Ret::VOID:
      r0 = Reg();
      return true;
    case Ret::PTR_TO_MAP_VALUE:
      return put_map_value(call, false);
    case Ret::PTR_TO_MAP_VALUE_OR_NULL: {
      const MapFacts& map = map_facts(static_cast<u32>(call.map));
      if (!put_map_value(call, !(call.array_key && *call.array_key < map.max_entries))) return false;
      break;
    }
    case Ret::PTR_TO_SOCKET_OR_NULL:
      socket(Kind::socket);
      break;
    case Ret::PTR_TO_SOCK_COMMON_OR_NULL:
      socket(Kind::sock_common);
      break;
    case Ret::PTR_TO_TCP_SOCK_OR_NULL:
      socket(Kind::tcp_sock);
      break;
    case Ret::PTR_TO_RINGBUF_MEM_OR_NULL:
      r0 = Reg::pointer(Kind::mem, static_cast<u32>(call.alloc_bytes));
      r0.flags = kRingbuf;
      r0.maybe_null = true;
      break;
    case Ret::PTR_TO_DYNPTR_MEM_OR_NULL:
      r0 = Reg::pointer(Kind::mem, static_cast<u32>(call.alloc_bytes));
      r0.maybe_null = true;
      r0.ref = call.dynptr.ref;
      r0.dynptr = call.dynptr.id;
      break;
    case Ret::PTR_TO_MEM_OR_BTF_ID:
    case Ret::PTR_TO_MEM_OR_BTF_ID_OR_NULL:
      if (!put_cpu_part(call, call.proto->ret == Ret::PTR_TO_MEM_OR_BTF_ID_OR_NULL)) return false;
      break;
    case Ret::PTR_TO_BTF_ID_OR_NULL:
      if (call.kptr != nullptr) {
        put_kptr(call);
        break;
      }
      [[fallthrough]];
    case Ret::PTR_TO_BTF_ID:
    case Ret::PTR_TO_BTF_ID_TRUSTED:
      if (!put_btf_result(call)) return false;
      break;
    default:
      return refuse_unsupported("helper bpf_" + std::string(call.proto->name) +
                                " returns a kind of pointer that is not known yet");
  }
  return name_reference(call);
}

bool Walk::name_reference(const Call& call) {
  const bool from_map =
      call.id == BPF_FUNC_map_lookup_elem && is_socket_map(map_facts(static_cast<u32>(call.map)).type);
  if (from_map || contains(kAcquire, call.id)) {
    const u32 id = acquire_reference(Reference::Type::pointer);
    reg(BPF_REG_0).id = reg(BPF_REG_0).ref = id;
    return true;
  }
  Reg& r0 = reg(BPF_REG_0);
  if (r0.maybe_null && r0.id == 0) r0.id = new_id();
  if (contains(kCast, call.id)) r0.ref = call.ref;
  return true;
}

}  // namespace bpf::verifier
