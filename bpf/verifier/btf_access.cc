// SPDX-License-Identifier: Apache-2.0
// btf_access.cc — loads and stores through a pointer to a struct that BTF describes, and what a loaded pointer may be
// trusted for.
//
// Source    soundness: an engine reads kernel objects with loads that survive a fault (Linux's PROBE_MEM), so a pointer
//           without trust may be read through; it is never handed to a function that relies on it. Trust comes from a
//           reference, an RCU section or the kernel's own lists (structs named <type>__safe_*).
#include "bpf/btf/fields.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/struct_walk.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr u16 kTrustFlags = kAlloc | kTrusted | kNonOwnRef;

// Is `field` of `owner`, pointing to `target`, on the kernel's list of that suffix?
bool listed(const btf::KernelBtf& kernel, const WalkedField& f, const char* suffix) {
  const btf::Btf& types = kernel.types();
  const auto list = kernel.find(std::string(types.name(f.owner)) + suffix, BTF_KIND_STRUCT);
  if (!list) return false;
  for (u32 k = 0; k < types.vlen(*list); ++k) {
    const btf::Member m = types.member(*list, k);
    if (types.string_at(m.name_off) != f.name) continue;
    const u32 pointer = types.skip_modifiers(m.type);
    return types.kind(pointer) == BTF_KIND_PTR && types.skip_modifiers(types.type(pointer).type) == f.target;
  }
  return false;
}

}  // namespace

const btf::Btf& Walk::types_at(u32 whose) const {
  if (whose == kKernelTypes) return btf_.kernel->types();
  return whose == kProgramTypes ? *btf_.types : *btf_.maps[whose - kMapTypes].types;
}

const btf::Btf& Walk::types_of(const Reg& r) const {
  return types_at(r.btf);
}

Reg Walk::btf_pointer(u32 type, u16 flags, u32 whose) {
  Reg r = Reg::pointer(Kind::btf_id, type);
  r.flags = flags;
  r.btf = whose;
  return r;
}

bool Walk::is_trusted(const Reg& r) const {
  if (r.ref != 0) return true;
  if (r.maybe_null) return false;
  if (r.kind == Kind::map_ptr || r.kind == Kind::socket || r.kind == Kind::sock_common || r.kind == Kind::tcp_sock)
    return r.flags == 0;
  return (r.flags & kTrustFlags) != 0 && (r.flags & ~kTrustFlags) == 0;
}

bool Walk::is_rcu(const Reg& r) const {
  return (r.flags & kRcu) != 0;
}

bool Walk::in_rcu_section() const {
  return cur_.rcu_locks != 0 || holds_lock() || !is_sleepable();
}

bool Walk::holds_lock() const {
  for (const Reference& r : cur_.refs)
    if (r.type != Reference::Type::pointer && r.type != Reference::Type::irq) return true;
  return false;
}

bool Walk::check_btf_place(u32 r, s64 off) {
  const Reg& p = reg(r);
  const std::string name = "ptr_" + std::string(types_of(p).name(p.type));
  if (off < 0)
    return refuse(
        EACCES, format("R%u is %s invalid negative access: off=%lld\n", r, name.c_str(), static_cast<long long>(off)));
  if (!p.var.is_zero())
    return refuse(EACCES, format("R%u is %s invalid variable offset: off=%lld, var_off=%s\n", r, name.c_str(),
                                 static_cast<long long>(off), bits_text(p.var.bits).c_str()));
  if ((p.flags & kUser) != 0)
    return refuse(EACCES,
                  format("R%u is %s access user memory: off=%lld\n", r, name.c_str(), static_cast<long long>(off)));
  if ((p.flags & kPercpu) != 0)
    return refuse(EACCES,
                  format("R%u is %s access percpu memory: off=%lld\n", r, name.c_str(), static_cast<long long>(off)));
  return true;
}

bool Walk::access_btf(u32 r, s32 insn_off, int bytes, Access how, int value, bool sign_extend) {
  const Reg p = reg(r);
  const s64 off = s64{insn_off} + p.off;
  const btf::Btf& types = types_of(p);
  const bool local = (p.flags & kAlloc) != 0;
  if (!source_.gpl_compatible && p.btf == kKernelTypes)
    return refuse(EINVAL, format("Cannot access kernel 'struct %s' from non-GPL compatible program\n",
                                 std::string(types.name(p.type)).c_str()));
  if (!check_btf_place(r, off)) return false;
  if (how == Access::write && !local) {
    const bool has_writable = source_.type == BPF_PROG_TYPE_XDP || source_.type == BPF_PROG_TYPE_SCHED_CLS ||
                              source_.type == BPF_PROG_TYPE_STRUCT_OPS;
    if (p.btf != kKernelTypes && has_writable) return refuse(EFAULT, "verifier bug: reg->btf must be kernel btf\n");
    if (source_.type != BPF_PROG_TYPE_STRUCT_OPS) return check_field_write(p, off, bytes);
    auto problem = check_member_write(btf_.target, *btf_.kernel, types.name(p.type), off, bytes);
    return !problem || refuse(problem->error, std::move(problem->log));
  }
  if (local && p.ref == 0 && (p.flags & (kNonOwnRef | kRcu)) == 0)
    return refuse(EFAULT, "verifier bug: ref_obj_id for allocated object must be non-zero\n",
                  "Nothing keeps the object any more: its RCU section ended.");
  if (local && !check_no_special_field(p, off, bytes)) return false;
  return load_field(p, off, bytes, how == Access::read ? value : -1, sign_extend);
}

// `value`: the register loaded into, -1: none, the place is checked alone.
bool Walk::load_field(const Reg& p, s64 off, int bytes, int value, bool sign_extend) {
  const bool local = (p.flags & kAlloc) != 0;
  const WalkedField f = walk_struct(types_of(p), p.type, static_cast<u32>(off), static_cast<u32>(bytes));
  if (f.is == WalkedField::Is::fault) return refuse(f.error, f.log);
  if (value < 0) return true;
  // Memory that a program allocated holds numbers: nobody vouches for a pointer in it.
  if (f.is == WalkedField::Is::number || local) {
    put_loaded(value, bytes, sign_extend);
    return true;
  }
  if (f.is == WalkedField::Is::memory) {
    Reg memory = Reg::pointer(Kind::mem);
    memory.flags = kRdonly | kUntrusted;
    set(static_cast<u32>(value), memory);
    return true;
  }
  Reg loaded = btf_pointer(f.target, flags_of_loaded(p, f), p.btf);
  loaded.maybe_null = (loaded.flags & kLoadedMayBeNull) != 0;
  loaded.flags &= static_cast<u16>(~kLoadedMayBeNull);
  if (loaded.maybe_null) loaded.id = new_id();
  set(static_cast<u32>(value), loaded);
  return true;
}

// Fields of kernel structs that programs of this type may set.
bool Walk::check_field_write(const Reg& p, s64 off, int bytes) {
  struct Writable {
    bpf_prog_type type;
    std::string_view owner, field;
    u32 reaches;  // bytes from the field's begin that may be written; 0: its own size
  };
  static constexpr Writable kWritable[] = {
      {BPF_PROG_TYPE_XDP, "nf_conn", "mark", 0},
      {BPF_PROG_TYPE_XDP, "nf_conn___init", "mark", 0},
      {BPF_PROG_TYPE_SCHED_CLS, "nf_conn", "mark", 0},
      {BPF_PROG_TYPE_SCHED_CLS, "nf_conn___init", "mark", 0},
  };
  const btf::Btf& types = types_of(p);
  const std::string name(types.name(p.type));
  bool known = false;
  for (const Writable& w : kWritable) {
    if (w.type != source_.type || w.owner != name) continue;
    known = true;
    // nf_conn___init has nothing of its own: it is a nf_conn that is not in the table yet.
    const auto owner = btf_.kernel->find(name.substr(0, name.find("___")), BTF_KIND_STRUCT);
    if (!owner) continue;
    for (u32 k = 0; k < types.vlen(*owner); ++k) {
      const btf::Member m = types.member(*owner, k);
      if (types.string_at(m.name_off) != w.field || m.bit_offset / 8 != off) continue;
      const s64 end = off + static_cast<s64>(types.size_of(m.type).value_or(0));
      if (off + bytes <= end) return true;
      return refuse(EACCES, format("write access at off %lld with size %d beyond the member of nf_conn ended at %lld\n",
                                   static_cast<long long>(off), bytes, static_cast<long long>(end)));
    }
  }
  if (known) return refuse(EACCES, format("no write support to nf_conn at off %lld\n", static_cast<long long>(off)));
  return refuse(EACCES, "only read is supported\n");
}

// Locks, heads, nodes and the like in memory that the program allocated belong to their functions.
bool Walk::check_no_special_field(const Reg& p, s64 off, int bytes) {
  const btf::Fields* fields = fields_of(p);
  const btf::Field* f =
      fields == nullptr ? nullptr : fields->within(static_cast<u32>(off), static_cast<u32>(off + bytes));
  if (f == nullptr) return true;
  const std::string name(f->kind == btf::FieldKind::kptr_untrusted ? "kptr" : btf::field_name(f->kind));
  return refuse(EACCES, "direct access to " + name + " is disallowed\n");
}

// What a pointer loaded from a field of what `p` points to is trusted for.
u16 Walk::flags_of_loaded(const Reg& p, const WalkedField& f) const {
  if (((p.flags | f.flags) & kUntrusted) != 0) return static_cast<u16>((f.flags & ~kRcu) | kUntrusted);
  const btf::KernelBtf& kernel = *btf_.kernel;
  const u16 plain = static_cast<u16>(f.flags & ~(kRcu | kTrusted));
  if (!is_trusted(p) && !is_rcu(p)) return plain;
  if (listed(kernel, f, "__safe_trusted")) return static_cast<u16>(f.flags | kTrusted);
  if (listed(kernel, f, "__safe_trusted_or_null")) return static_cast<u16>(f.flags | kTrusted | kLoadedMayBeNull);
  if (!in_rcu_section() || p.maybe_null) return plain;
  if (listed(kernel, f, "__safe_rcu")) return static_cast<u16>(f.flags | kRcu);
  if ((f.flags & kRcu) != 0 || listed(kernel, f, "__safe_rcu_or_null"))
    return static_cast<u16>(f.flags | kRcu | kLoadedMayBeNull);
  return plain;
}

}  // namespace bpf::verifier
