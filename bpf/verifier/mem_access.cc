// SPDX-License-Identifier: Apache-2.0
// mem_access.cc — loads and stores: what the pointer may point to decides what is checked.
//
// Source    soundness: for every value of the pointer's variable part, [off + var, off + var + bytes) lies inside the
// object.
//           Both ends are checked with bounds below 2^29, so nothing wraps.
#include <cstring>

#include "bpf/abi/flags.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr u64 kVaryingMax = 1 << 29;  // Linux's BPF_MAX_VAR_OFF

std::string outside(const Reg& p, u32 r, s64 off, s64 bytes, s64 size) {
  const int o = static_cast<int>(off), n = static_cast<int>(bytes);
  switch (p.kind) {
    case Kind::map_value:
      return format("invalid access to map value, value_size=%lld off=%d size=%d\n", static_cast<long long>(size), o,
                    n);
    case Kind::map_key:
      return format("invalid access to map key, key_size=%lld off=%d size=%d\n", static_cast<long long>(size), o, n);
    case Kind::packet:
    case Kind::packet_meta:
      return format("invalid access to packet, off=%d size=%d, R%u(id=%u,off=%d,r=%d)\n", o, n, r, p.id, o, p.range);
    default:
      return format("invalid access to memory, mem_size=%lld off=%d size=%d\n", static_cast<long long>(size), o, n);
  }
}

}  // namespace

bool Walk::check_region_end(u32 r, const Reg& p, s64 off, s64 bytes, s64 size, bool zero_ok) {
  const bool size_ok = bytes > 0 || (bytes == 0 && zero_ok);
  if (off >= 0 && size_ok && off + bytes <= size) return true;
  return refuse(EACCES, outside(p, r, off, bytes, size));
}

bool Walk::check_region(u32 r, const Reg& p, s64 off, s64 bytes, s64 size, bool zero_ok) {
  if (p.var.smin < 0 && (p.var.smin == std::numeric_limits<s64>::min() ||
                         off + p.var.smin != s64{static_cast<s32>(off + p.var.smin)} || p.var.smin + off < 0))
    return refuse(EACCES,
                  format("R%u min value is negative, either use unsigned index or do a if (index >=0) check.\n", r),
                  "Check the index against 0 as well, or make it unsigned.");
  if (!check_region_end(r, p, p.var.smin + off, bytes, size, zero_ok)) {
    problem_.log += format("R%u min value is outside of the allowed memory range\n", r);
    return false;
  }
  if (p.var.umax >= kVaryingMax)
    return refuse(EACCES, format("R%u unbounded memory access, make sure to bounds check any such access\n", r),
                  "Compare the index with a constant, or mask it, before the access.");
  if (!check_region_end(r, p, static_cast<s64>(p.var.umax) + off, bytes, size, zero_ok)) {
    problem_.log += format("R%u max value is outside of the allowed memory range\n", r);
    problem_.advice = "Tighten the upper bound of the index.";
    return false;
  }
  return true;
}

// Lowering and engines want one kind of memory per instruction.
// `mixes`: Linux takes it beside other memory; what an engine could do with that we do not know.
bool Walk::note_mem(MemKind kind, bool mixes) {
  MemKind& seen = facts_[at_].mem;  // of mixed ones the first; run's owner reports `none` for them
  if (seen == MemKind::none) seen = kind;
  if (seen == kind) return true;
  const auto unlike = [](MemKind k) { return k == MemKind::ctx || k == MemKind::kernel; };
  if (mixes) return refuse_unsupported("one instruction for the kernel's memory and a program's is not known");
  if (unlike(seen) || unlike(kind)) return refuse(EINVAL, "same insn cannot be used with different pointers\n");
  mixed_memory_[at_] = true;
  return true;
}

bool Walk::check_alignment(const Reg& p, s32 off, int bytes) {
  const u32 wanted = source_.prog_flags & (BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT);
  const bool strict = strict_alignment_ || wanted == BPF_F_STRICT_ALIGNMENT || p.kind == Kind::stack;
  if (!strict || bytes == 1) return true;
  // Linux places a packet two bytes behind an aligned address (NET_IP_ALIGN) where alignment counts.
  const s64 base = p.is_packet() ? 2 : 0;
  const Tnum place = add(p.var.bits, Tnum::constant(static_cast<u64>(base + p.off + off)));
  if (is_aligned(place, static_cast<u64>(bytes))) return true;
  const char* what = p.kind == Kind::stack       ? "stack "
                     : p.kind == Kind::map_value ? "value "
                     : p.kind == Kind::ctx       ? "context "
                                                 : "";
  const std::string varying =
      p.var.is_const() ? format("%lld", static_cast<long long>(p.var.value())) : bits_text(p.var.bits);
  if (p.is_packet())
    return refuse(EACCES,
                  format("misaligned packet access off 2+%s+%d+%d size %d\n", varying.c_str(), p.off, off, bytes));
  return refuse(EACCES, format("misaligned %saccess off %s+%d+%d size %d\n", what, varying.c_str(), p.off, off, bytes));
}

bool Walk::check_map_cap(const Reg& p, Access how, s64 off, s64 bytes) {
  const MapFacts& map = map_facts(p.map);
  // Values of device maps are host objects: programs only read them.
  const bool device = map.type == BPF_MAP_TYPE_DEVMAP || map.type == BPF_MAP_TYPE_DEVMAP_HASH;
  const bool no_write = (map.map_flags & BPF_F_RDONLY_PROG) != 0 || device;
  const bool no_read = (map.map_flags & BPF_F_WRONLY_PROG) != 0;
  if (how == Access::write && no_write)
    return refuse(EACCES, format("write into map forbidden, value_size=%u off=%lld size=%lld\n", map.value_size,
                                 static_cast<long long>(off), static_cast<long long>(bytes)));
  if (how == Access::read && no_read)
    return refuse(EACCES, format("read from map forbidden, value_size=%u off=%lld size=%lld\n", map.value_size,
                                 static_cast<long long>(off), static_cast<long long>(bytes)));
  return true;
}

void Walk::put_loaded(int value, int bytes, bool sign_extend) {
  if (value < 0) return;
  const Scalar s = !sign_extend || bytes == 8 ? Scalar::of_bytes(bytes) : Scalar::unknown().sign_extended(bytes);
  set(static_cast<u32>(value), Reg::scalar(s));
}

bool Walk::access_map_value(u32 r, s64 off, int bytes, Access how, int value, bool sign_extend) {
  const Reg p = reg(r);
  const MapFacts& map = map_facts(p.map);
  if (!check_leak(how, value, "map") || !check_map_cap(p, how, off + p.off, bytes)) return false;
  if (!check_region(r, p, off + p.off, bytes, map.value_size, false)) return false;
  if (!check_value_fields(r, off + p.off, bytes, false)) return false;
  if (p.var.is_const()) {
    const btf::Field* field = map_fields(p.map).at(static_cast<u32>(off + p.off + static_cast<s64>(p.var.value())));
    if (field != nullptr) return access_kptr(r, *field, how, value);
  }
  if (how == Access::write || value < 0) return true;
  // A frozen map that programs cannot write holds constants.
  const bool constant = map.frozen && (map.map_flags & BPF_F_RDONLY_PROG) != 0 && p.var.is_const();
  const u64 at = static_cast<u64>(off + p.off) + (p.var.is_const() ? p.var.value() : 0);
  if (constant && at + static_cast<u64>(bytes) <= map.contents.size()) {
    u64 v = 0;
    std::memcpy(&v, map.contents.data() + at, static_cast<std::size_t>(bytes));
    Scalar s = Scalar::constant(v);
    if (sign_extend) s = s.sign_extended(bytes);
    set(static_cast<u32>(value), Reg::scalar(s));
    return true;
  }
  put_loaded(value, bytes, sign_extend);
  return true;
}

bool Walk::access(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend) {
  const Reg p = reg(r);
  if (p.is_pointer() && p.kind != Kind::arena && !p.maybe_null && !check_alignment(p, off, bytes)) return false;
  if (!p.maybe_null) {
    switch (p.kind) {
      case Kind::ctx:
        return note_mem(MemKind::ctx) && check_leak(how, value, "ctx") &&
               access_ctx(r, off, bytes, how, value, sign_extend);
      case Kind::stack:
        return note_mem(MemKind::stack) && access_stack(r, off, bytes, how, value, sign_extend);
      case Kind::packet:
      case Kind::packet_meta:
        if (!note_mem(MemKind::packet) || !access_packet(r, off, bytes, how, value)) return false;
        if (how == Access::read) put_loaded(value, bytes, sign_extend);
        return true;
      case Kind::map_value:
        return note_mem(MemKind::map_value) && access_map_value(r, off, bytes, how, value, sign_extend);
      case Kind::map_key:
        if (how == Access::write) return refuse(EACCES, format("write to change key R%u not allowed\n", r));
        if (!note_mem(MemKind::map_key) ||
            !check_region(r, p, s64{off} + p.off, bytes, map_facts(p.map).key_size, false))
          return false;
        put_loaded(value, bytes, sign_extend);
        return true;
      case Kind::btf_id:
        return note_mem(MemKind::kernel) && check_may_see_struct(types_of(p).name(p.type)) &&
               access_btf(r, off, bytes, how, value, sign_extend);
      case Kind::mem:
        if (how == Access::write && (p.flags & kRdonly) != 0)
          return refuse(EACCES, format("R%u cannot write into %s\n", r, kind_text(p).c_str()));
        if (!check_leak(how, value, "mem")) return false;
        if ((p.flags & kUntrusted) != 0) {  // read with loads that survive a fault
          put_loaded(value, bytes, sign_extend);
          return note_mem(MemKind::kernel, true);
        }
        if (!note_mem(MemKind::mem) || !check_region(r, p, s64{off} + p.off, bytes, p.size, false)) return false;
        if (how == Access::read) put_loaded(value, bytes, sign_extend);
        return true;
      case Kind::arena:
        return note_mem(MemKind::kernel) && access_arena(bytes, how, value, sign_extend);
      case Kind::flow_keys:
        return note_mem(MemKind::host) && check_leak(how, value, "flow keys") &&
               access_flow_keys(r, off, bytes, how, value, sign_extend);
      case Kind::tp_buffer:
      case Kind::buf:
        return note_mem(MemKind::host) && access_buffer(r, off, bytes, how, value, sign_extend);
      case Kind::socket:
      case Kind::sock_common:
      case Kind::tcp_sock:
      case Kind::xdp_sock:
        return note_mem(MemKind::host) && access_socket(r, off, bytes, how, value, sign_extend);
      case Kind::map_ptr:
        return note_mem(MemKind::kernel, true) && check_may_see_struct("bpf_map") &&
               access_map_ptr(r, off, bytes, how, value, sign_extend);
      default:
        break;
    }
  }
  return refuse(EACCES, format("R%u invalid mem access '%s'\n", r, kind_text(p).c_str()),
                p.maybe_null ? "Compare the pointer with NULL first." : "");
}

bool Walk::step_load(const bpf_insn& i) {
  const bool sign_extend = insn_mode(i.code) == BPF_MEMSX;
  if (!check_readable(i.src_reg) || !check_writable(i.dst_reg)) return false;
  return access(i.src_reg, i.off, insn_access_bytes(i.code), Access::read, i.dst_reg, sign_extend);
}

bool Walk::step_store(const bpf_insn& i) {
  if (insn_class(i.code) == BPF_STX) {
    if (insn_mode(i.code) != BPF_MEM || i.imm != 0) return refuse(EINVAL, "BPF_STX uses reserved fields\n");
    if (!check_readable(i.src_reg) || !check_readable(i.dst_reg)) return false;
    return access(i.dst_reg, i.off, insn_access_bytes(i.code), Access::write, i.src_reg);
  }
  if (insn_mode(i.code) != BPF_MEM || i.src_reg != 0) return refuse(EINVAL, "BPF_ST uses reserved fields\n");
  if (!check_readable(i.dst_reg)) return false;
  return access(i.dst_reg, i.off, insn_access_bytes(i.code), Access::write, -1);
}

}  // namespace bpf::verifier
