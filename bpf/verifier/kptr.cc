// SPDX-License-Identifier: Apache-2.0
// kptr.cc — kernel pointers that a map value or an allocated object holds: loads, stores, bpf_kptr_xchg.
//
// Source    soundness: such a word changes under the program, so a load is trusted only where RCU keeps what it found,
//           and may be null. A reference goes in and out by bpf_kptr_xchg alone, which gives up the reference of what
//           goes in and hands out one for what comes out; both are of the field's own type.
#include "bpf/verifier/kptr_types.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/struct_walk.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

using btf::Field;
using btf::FieldKind;

std::string text(std::string_view s) {
  return std::string(s);
}

}  // namespace

// Whose type a field of a map value or of an allocated object names.
u32 Walk::owner_of_type(const Reg& holder, const Field& field) const {
  if (field.of_kernel) return kKernelTypes;
  if (holder.kind == Kind::btf_id) return holder.btf;
  return btf_.maps[holder.map].of_program ? kProgramTypes : kMapTypes + holder.map;
}

u16 Walk::flags_of_kptr(const Field& field, u32 whose) const {
  const bool of_kernel = whose == kKernelTypes;
  const bool percpu = field.kind == FieldKind::percpu_kptr;
  const bool kept =
      percpu || (field.kind == FieldKind::kptr && (!of_kernel || kept_by_rcu(btf_.kernel->types().name(field.type))));
  if (!kept || !in_rcu_section()) return kUntrusted;
  return static_cast<u16>(kRcu | (percpu ? kPercpu : of_kernel ? 0 : kAlloc));
}

bool Walk::access_kptr(u32 r, const Field& field, Access how, int value) {
  const Reg holder = reg(r);
  if (insn_mode(insn().code) != BPF_MEM)
    return refuse(EACCES, "kptr in map can only be accessed using BPF_MEM instruction mode\n");
  const u8 insn_kind = insn_class(insn().code);
  if (how == Access::write && (field.kind == FieldKind::kptr || field.kind == FieldKind::percpu_kptr))
    return refuse(EACCES, "store to referenced kptr disallowed\n", "Use bpf_kptr_xchg.");
  if (how == Access::write && field.kind == FieldKind::uptr) return refuse(EACCES, "store to uptr disallowed\n");
  if (field.kind == FieldKind::uptr) return refuse_unsupported("memory that user space shares is not known yet");
  const u32 whose = owner_of_type(holder, field);
  if (how == Access::read) {
    if (value < 0) return true;
    Reg loaded = btf_pointer(field.type, flags_of_kptr(field, whose), whose);
    loaded.maybe_null = true;
    loaded.id = new_id();
    set(static_cast<u32>(value), loaded);
    return true;
  }
  if (insn_kind == BPF_ST)
    return insn().imm == 0 ||
           refuse(EACCES, format("BPF_ST imm must be 0 when storing to kptr at off=%u\n", field.offset));
  return reg(static_cast<u32>(value)).is_zero() || check_kptr_match(field, whose, static_cast<u32>(value));
}

// May what is in register `r` go into the field?
bool Walk::check_kptr_match(const Field& field, u32 whose, u32 r) {
  const Reg& v = reg(r);
  const bool loose = field.kind == FieldKind::kptr_untrusted;
  const btf::Btf& wanted = types_at(whose);
  const std::string target = text(wanted.name(field.type));
  std::string given;
  bool ok = v.kind == Kind::btf_id;
  if (ok) {
    const u16 allowed = v.btf == kKernelTypes ? (loose ? kTrusted | kRcu | kUntrusted : kTrusted | kRcu)
                        : field.kind == FieldKind::percpu_kptr ? kAlloc | kPercpu
                                                               : kAlloc;
    ok = (v.flags & ~allowed) == 0;
  }
  if (ok) {
    given = text(types_of(v).name(v.type));
    if (!check_pointer_fixed(r)) return false;
    ok = struct_matches(types_of(v), v.type, static_cast<u32>(v.off), wanted, field.type, !loose);
  }
  if (ok) return true;
  std::string log = format("invalid kptr access, R%u type=%s%s expected=ptr_%s", r, kind_text(v).c_str(), given.c_str(),
                           target.c_str());
  if (loose) log += " or untrusted_ptr_" + target;
  return refuse(EACCES, log + "\n");
}

// First argument of bpf_kptr_xchg.
bool Walk::check_kptr_place(Call& call, u32 r) {
  const Reg& p = reg(r);
  if (p.kind == Kind::map_value && !btf_.maps[p.map].types)
    return refuse(EINVAL,
                  format("map '%s' has to have BTF in order to use bpf_kptr_xchg\n", map_facts(p.map).name.c_str()));
  if (!p.var.is_const())
    return refuse(EINVAL, format("R%u doesn't have constant offset. kptr has to be at the constant offset\n", r));
  constexpr u32 kPointers = btf::field_bit(FieldKind::kptr_untrusted) | btf::field_bit(FieldKind::kptr) |
                            btf::field_bit(FieldKind::percpu_kptr);
  const btf::Fields* fields = fields_of(p);
  if (fields == nullptr || !fields->has(kPointers)) return refuse(EINVAL, format("R%u has no valid kptr\n", r));
  const s64 at = s64{p.off} + static_cast<s64>(p.var.value());
  const Field* field = fields->at(static_cast<u32>(at));
  if (field == nullptr || !is_kptr(field->kind))
    return refuse(EACCES, format("off=%d doesn't point to kptr\n", static_cast<int>(at)));
  if (field->kind == FieldKind::kptr_untrusted)
    return refuse(EACCES, format("off=%d kptr isn't referenced kptr\n", static_cast<int>(at)));
  call.kptr = field;
  call.kptr_types = owner_of_type(p, *field);
  return true;
}

// What goes in: null, or a pointer of the field's type.
bool Walk::check_kptr_value(const Call& call, u32 r) {
  const Reg& v = reg(r);
  if (v.maybe_null) {
    if ((v.flags & kAlloc) != 0) return refuse(EFAULT, "invalid PTR_TO_BTF_ID register for type match\n");
    return refuse(EACCES, format("Possibly NULL pointer passed to helper arg%u\n", r),
                  "Compare the pointer with NULL first.");
  }
  return check_kptr_match(*call.kptr, call.kptr_types, r);
}

// The reference goes with the pointer. A per-CPU object stays readable until the RCU section ends.
bool Walk::give_to_kptr(u32 ref) {
  if (!drop_reference(cur_, ref)) return false;
  const bool kept = in_rcu_section();
  for_each_reg(cur_, [&](Reg& r) {
    if (!r.is_pointer() || r.ref != ref) return;
    if (kept && (r.flags & kAlloc) != 0 && (r.flags & kPercpu) != 0) {
      r.ref = 0;
      r.flags = static_cast<u16>((r.flags & ~kAlloc) | kRcu);
    } else {
      r = source_.caps.perfmon ? Reg::unknown() : Reg();
    }
  });
  return true;
}

void Walk::put_kptr(const Call& call) {
  u16 flags = 0;
  if (call.kptr_types != kKernelTypes) flags = call.kptr->kind == FieldKind::percpu_kptr ? kAlloc | kPercpu : kAlloc;
  Reg& r0 = reg(BPF_REG_0);
  r0 = btf_pointer(call.kptr->type, flags, call.kptr_types);
  r0.maybe_null = true;
}

// The special fields of what `r` points into; null: none.
const btf::Fields* Walk::fields_of(const Reg& r) const {
  if (r.kind == Kind::map_value) return &map_fields(r.map);
  if (r.kind != Kind::btf_id || (r.flags & kAlloc) == 0) return nullptr;
  const auto key = std::pair(r.btf, r.type);
  const auto known = struct_fields_.find(key);
  if (known != struct_fields_.end()) return known->second.get();
  std::unique_ptr<btf::Fields> fields;
  // One that does not hold together was refused with the BTF.
  if (auto found = btf::find_struct_fields(types_of(r), r.type); found && !found->empty()) {
    fields = std::make_unique<btf::Fields>(std::move(*found));
    if (!find_pointed_types(*fields, types_of(r), [this] { return btf_.kernel.get(); })) fields.reset();
  }
  return struct_fields_.emplace(key, std::move(fields)).first->second.get();
}

}  // namespace bpf::verifier
