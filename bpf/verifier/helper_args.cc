// SPDX-License-Identifier: Apache-2.0
// helper_args.cc — arguments of helpers, one rule per Arg.
//
// Source    soundness: a helper reads or writes only memory that was proved to be there for the largest size it can be
// given,
//           and the walk forgets whatever a helper may have written.
#include <cstring>

#include "bpf/abi/flags.h"
#include "bpf/verifier/arg_types.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr u64 kSizeMax = 1 << 29;  // Linux's BPF_MAX_VAR_SIZ

Access access_of(Arg a) {
  return is_written_arg(a) ? Access::write : Access::read;
}

}  // namespace

bool Walk::check_call_args(Call& call) {
  for (u32 a = 0; a < 5; ++a) {
    const Arg type = call.proto->args[a];
    if (type == Arg::DONTCARE) break;
    if (is_size_arg(type)) {
      if (!check_packet_arg(call, a + 1) || !check_arg_kind(call, a + 1, type) ||
          !check_size_arg(call, a + 1, type, call.proto->args[a - 1]))
        return false;
    } else if (!check_arg(call, a + 1, type)) {
      return false;
    }
  }
  return true;
}

bool Walk::check_packet_arg(const Call& call, u32 r) {
  if (!check_readable(r)) return false;
  return !reg(r).is_packet() || packet_for_helper(call) ||
         refuse(EACCES, "helper access to the packet is not allowed\n");
}

bool Walk::check_arg_kind(Call& call, u32 r, Arg type) {
  if (!check_readable(r)) return false;
  const Reg& p = reg(r);
  const ArgRule& want = arg_rule(type);
  const bool to_kptr = type == Arg::RELEASE_BTF_ID_OR_NULL;  // which takes allocated objects as well
  Reg plain = p;
  if (to_kptr && (p.flags & kAlloc) != 0) plain.flags &= static_cast<u16>(~(kAlloc | kPercpu));
  if (takes(want, plain) && !(p.maybe_null && !want.or_null)) return !to_kptr || check_kptr_value(call, r);
  return refuse(EACCES, format("R%u type=%s expected=%s\n", r, kind_text(p).c_str(), expected_text(want).c_str()),
                p.maybe_null ? "Compare the pointer with NULL first." : "");
}

// Where inside its object may the pointer point? Memory is checked with its size; other objects begin where they begin.
bool Walk::check_arg_offset(u32 r, Arg type) {
  const Reg& p = reg(r);
  if (arg_rule(type).release && p.kind != Kind::stack) {
    if (p.off != 0)
      return refuse(EINVAL,
                    format("R%u must have zero offset when passed to release func or trusted arg to kfunc\n", r));
    return check_pointer_unmodified(p, r);
  }
  switch (p.kind) {
    case Kind::ctx:
    case Kind::map_ptr:
    case Kind::func:
    case Kind::socket:
    case Kind::sock_common:
    case Kind::tcp_sock:
    case Kind::xdp_sock:
    case Kind::dynptr_ptr:
      return check_pointer_unmodified(p, r);
    case Kind::btf_id:
      return check_btf_offset(r);
    default:
      return true;
  }
}

bool Walk::note_reference(Call& call, u32 r, Arg type) {
  const Reg& p = reg(r);
  const bool dynptr = type == Arg::RELEASE_DYNPTR_RINGBUF;
  if (arg_rule(type).release) {
    if (!dynptr && p.ref == 0 && !p.is_zero())
      return refuse(EINVAL, format("R%u must be referenced when passed to release function\n", r));
    call.release_reg = static_cast<int>(r);
  }
  if (dynptr || p.is_scalar() || p.ref == 0 || type == Arg::KPTR_XCHG_DEST) return true;
  if (call.ref != 0) return refuse(EACCES, format("more than one arg with ref_obj_id R%u %u %u\n", r, p.ref, call.ref));
  call.ref = p.ref;
  return true;
}

// What a value argument is depends on the map: of a socket map it is a socket, a bloom filter's is only read.
bool Walk::resolve_value_arg(const Call& call, Arg* type) {
  if (call.map < 0) return true;
  const bpf_map_type map = map_facts(static_cast<u32>(call.map)).type;
  const bool value =
      *type == Arg::PTR_TO_MAP_VALUE || *type == Arg::PTR_TO_MAP_VALUE_OR_NULL || *type == Arg::PTR_TO_UNINIT_MAP_VALUE;
  if (!value) return true;
  if (map == BPF_MAP_TYPE_SOCKMAP || map == BPF_MAP_TYPE_SOCKHASH) {
    if (*type != Arg::PTR_TO_MAP_VALUE) return refuse(EINVAL, "invalid arg_type for sockmap/sockhash\n");
    *type = Arg::PTR_TO_BTF_ID_SOCK_COMMON;
  } else if (map == BPF_MAP_TYPE_BLOOM_FILTER && call.id == BPF_FUNC_map_peek_elem) {
    *type = Arg::PTR_TO_MAP_VALUE;
  }
  return true;
}

bool Walk::check_arg(Call& call, u32 r, Arg type) {
  if (!check_readable(r) || !resolve_value_arg(call, &type)) return false;
  const Reg& p = reg(r);
  if (type == Arg::ANYTHING) return !is_secret(p) || refuse(EACCES, format("R%u leaks addr into helper function\n", r));
  if (!check_packet_arg(call, r)) return false;
  if (p.is_zero() && arg_rule(type).or_null) {
    mark_precise(p);
    return note_reference(call, r, type);
  }
  if (!check_arg_kind(call, r, type) || !check_arg_offset(r, type) || !note_reference(call, r, type)) return false;
  if (p.kind == Kind::btf_id && takes_memory(type) && !arg_rule(type).rdonly_ok)
    return refuse(EACCES, format("bpf_%s() may write into memory pointed by R%u type=%s\n",
                                 std::string(call.proto->name).c_str(), r, kind_text(p).c_str()));
  if (const u32 bytes = arg_rule(type).fixed_bytes; bytes != 0) return check_memory_arg(call, r, bytes, type, false);
  switch (type) {
    case Arg::CONST_MAP_PTR:
      return check_map_arg(call, r);
    case Arg::PTR_TO_MAP_KEY: {
      if (call.map < 0) return refuse(EACCES, "invalid map_ptr to access map->key\n");
      const u32 map = static_cast<u32>(call.map);
      if (!check_memory_arg(call, r, map_facts(map).key_size, type, false)) return false;
      if (call.id == BPF_FUNC_map_lookup_elem) call.array_key = constant_array_key(reg(r), map);
      return true;
    }
    case Arg::PTR_TO_MAP_VALUE:
    case Arg::PTR_TO_MAP_VALUE_OR_NULL:
    case Arg::PTR_TO_UNINIT_MAP_VALUE:
      if (call.map < 0) return refuse(EACCES, "invalid map_ptr to access map->value\n");
      return check_memory_arg(call, r, map_facts(static_cast<u32>(call.map)).value_size, type, false);
    case Arg::PTR_TO_TIMER:
      return check_timer_arg(call, r);
    case Arg::PTR_TO_PERCPU_BTF_ID:
      call.percpu = reg(r);
      return check_pointer_unmodified(call.percpu, r);
    case Arg::KPTR_XCHG_DEST:
      return check_kptr_place(call, r);
    case Arg::RELEASE_BTF_ID_OR_NULL:
      return true;  // judged by its kind
    case Arg::PTR_TO_SPIN_LOCK:
      return check_spin_lock_arg(call, r);
    case Arg::CONST_ALLOC_SIZE_OR_ZERO:
      return check_constant_arg(call, r);
    case Arg::PTR_TO_DYNPTR:
    case Arg::UNINIT_DYNPTR_LOCAL:
    case Arg::UNINIT_DYNPTR_RINGBUF:
    case Arg::RELEASE_DYNPTR_RINGBUF:
      return check_helper_dynptr(call, r, type);
    case Arg::PTR_TO_CTX:
    case Arg::PTR_TO_CTX_OR_NULL:
    case Arg::PTR_TO_FUNC:
    case Arg::PTR_TO_STACK:  // of a callback, which accesses it by the stack's rules
    case Arg::PTR_TO_STACK_OR_NULL:
    case Arg::PTR_TO_MEM:  // memory is checked with the size that follows
    case Arg::PTR_TO_MEM_OR_NULL:
    case Arg::PTR_TO_UNINIT_MEM:
    case Arg::PTR_TO_UNINIT_MEM_OR_NULL:
    case Arg::PTR_TO_WRITE_MEM:
    case Arg::PTR_TO_SOCK_COMMON:
    case Arg::PTR_TO_SOCKET:
    case Arg::PTR_TO_SOCKET_OR_NULL:
    case Arg::RELEASE_RINGBUF_MEM:
      return true;
    case Arg::PTR_TO_BTF_ID_SOCK_COMMON:
    case Arg::PTR_TO_BTF_ID_SOCK_COMMON_OR_NULL:
    case Arg::RELEASE_BTF_ID_SOCK_COMMON:
    case Arg::PTR_TO_BTF_ID:
    case Arg::PTR_TO_BTF_ID_OR_NULL:
      return p.kind != Kind::btf_id || check_btf_arg(call, r, type);
    case Arg::PTR_TO_CONST_STR:
      if (call.id == BPF_FUNC_strncmp || call.id == BPF_FUNC_snprintf) return check_constant_string(r);
      [[fallthrough]];
    default:
      return refuse_unsupported(format("argument %u of this helper is of a kind that is not known yet", r));
  }
}

bool Walk::packet_for_helper(const Call& call) const {
  if (spec_.packet == PacketAccess::none || spec_.packet == PacketAccess::buffer)
    return spec_.packet == PacketAccess::buffer;
  return call.proto->packet_access;
}

bool Walk::check_constant_arg(Call& call, u32 r) {
  const Reg& size = reg(r);
  if (!size.is_const())
    return refuse(EACCES, format("R%u is not a known constant'\n", r), "The size must be the same on every run.");
  mark_precise(size);
  call.alloc_bytes = size.var.value();
  return true;
}

bool Walk::check_map_arg(Call& call, u32 r) {
  const Reg& p = reg(r);
  if (p.off != 0 || !p.var.is_zero()) return check_pointer_unmodified(p, r);
  if (call.object_map >= 0 && (call.object_map != static_cast<int>(p.map) || call.map_uid != p.map_uid))
    return refuse(EINVAL, format("timer pointer in R1 map_uid=%u doesn't match map pointer in R2 map_uid=%u\n",
                                 call.map_uid, p.map_uid));
  call.map = static_cast<int>(p.map);
  call.map_uid = p.map_uid;
  return true;
}

// The number stored as the key of a look-up, when it is known: an array look-up below max_entries does not miss. As in
// Linux it must have been stored with the key's own size.
std::optional<u64> Walk::constant_array_key(const Reg& key, u32 map) {
  const MapFacts& facts = map_facts(map);
  if (facts.type != BPF_MAP_TYPE_ARRAY && facts.type != BPF_MAP_TYPE_PERCPU_ARRAY) return std::nullopt;
  if (key.kind != Kind::stack || !key.var.is_const() || facts.key_size != 4) return std::nullopt;
  const s64 off = s64{key.off} + static_cast<s64>(key.var.value());
  const u32 slot_index = static_cast<u32>((-off - 1) / 8), first = static_cast<u32>(off & 7);
  const Slot& slot = stack_frame(key).stack[slot_index];
  if (first <= 4) {
    bool zero = true;
    for (u32 k = first; k < first + 4; ++k) zero &= slot.bytes[k] == Byte::zero;
    if (zero) return 0;
  }
  if (first != 0 || slot.spill_bytes() != 4 || !slot.spilled.is_const()) return std::nullopt;
  mark_precise(slot.spilled);
  return slot.spilled.var.value() & 0xffffffff;
}

bool Walk::check_memory_arg(Call& call, u32 r, s64 bytes, Arg type, bool zero_ok, bool all) {
  const Access how = access_of(type);
  const bool reads_too = type == Arg::PTR_TO_WRITE_MEM || type == Arg::PTR_TO_WRITE_FIXED_SIZE_MEM_4;
  const bool stack = reg(r).kind == Kind::stack;
  if (reads_too && stack && !check_helper_memory(call, r, bytes, Access::read, zero_ok)) return false;
  if (!check_helper_memory(call, r, bytes, how, zero_ok)) return false;
  // What the helper does not fill for certain is read by the program afterwards.
  if (how == Access::write && !all && stack && !check_stack_readable(r, 0, bytes)) return false;
  if (how == Access::write) {
    call.raw_reg = static_cast<int>(r);
    call.raw_bytes = bytes;
  }
  return true;
}

bool Walk::check_helper_memory(Call&, u32 r, s64 bytes, Access how, bool zero_ok) {
  const Reg& p = reg(r);
  switch (p.kind) {
    case Kind::packet:
    case Kind::packet_meta:
      return check_packet(r, p.off, bytes, zero_ok);
    case Kind::map_key:
      if (how == Access::write) return refuse(EACCES, format("R%u cannot write into %s\n", r, kind_text(p).c_str()));
      return check_region(r, p, p.off, bytes, map_facts(p.map).key_size, zero_ok);
    case Kind::map_value:
      return check_map_cap(p, how, p.off, bytes) &&
             check_region(r, p, p.off, bytes, map_facts(p.map).value_size, zero_ok) &&
             check_value_fields(r, p.off, static_cast<int>(bytes), true);
    case Kind::mem:
      if (how == Access::write && (p.flags & kRdonly) != 0)
        return refuse(EACCES, format("R%u cannot write into %s\n", r, kind_text(p).c_str()));
      return check_region(r, p, p.off, bytes, p.size, zero_ok);
    case Kind::buf:
      if (how == Access::write && (p.flags & kRdonly) != 0)
        return refuse(EACCES, format("R%u cannot write into %s\n", r, kind_text(p).c_str()));
      return check_buffer(r, p.off, bytes);
    case Kind::stack:
      return check_helper_stack(r, bytes, how, zero_ok);
    case Kind::btf_id:
      return access_btf(r, 0, static_cast<int>(bytes), how, -1, false);
    default:
      return refuse(EACCES, format("R%u type=%s expected=fp\n", r, kind_text(p).c_str()));
  }
}

bool Walk::check_helper_stack(u32 r, s64 bytes, Access how, bool zero_ok) {
  if (bytes == 0 && !zero_ok) return refuse(EACCES, "invalid zero-sized read\n");
  s64 low = 0, high = 0;
  if (!check_stack_bounds(r, 0, bytes, how, true, &low, &high)) return false;
  if (how == Access::write) return check_no_dynptr(r, low, high + bytes);
  note_stack_read(reg(r).frame, low, high + bytes);
  return check_stack_readable(r, 0, bytes);
}

bool Walk::check_size_arg(Call& call, u32 r, Arg type, Arg mem_type) {
  const Reg& size = reg(r);
  const bool zero_ok = type == Arg::CONST_SIZE_OR_ZERO;
  if (size.var.smin < 0)
    return refuse(EACCES, format("R%u min value is negative, either use unsigned or 'var &= const'\n", r));
  if (size.var.umin == 0 && !zero_ok)
    return refuse(EACCES, format("R%u invalid zero-sized read: u64=[%lld,%lld]\n", r,
                                 static_cast<long long>(size.var.umin), static_cast<long long>(size.var.umax)));
  if (size.var.umax >= kSizeMax)
    return refuse(EACCES, format("R%u unbounded memory access, use 'var &= const' or 'if (var < const)'\n", r));
  const Reg& memory = reg(r - 1);
  if (memory.is_zero()) {
    // No memory: only no bytes of it can be used.
    mark_precise(size);
    if (size.var.umax == 0 && zero_ok) return true;
    return refuse(EACCES, format("R%u type=scalar expected=fp\n", r - 1), "A size other than 0 needs memory.");
  }
  if (memory.maybe_null)
    return refuse(EACCES, format("R%u type=%s expected=fp\n", r - 1, kind_text(memory).c_str()),
                  "Compare the pointer with NULL first.");
  mark_precise(size);
  return check_memory_arg(call, r - 1, static_cast<s64>(size.var.umax), mem_type, zero_ok, size.is_const());
}

}  // namespace bpf::verifier
