// SPDX-License-Identifier: Apache-2.0
// ctx_access.cc — the context: fields of the type's ProgSpec, at constant offsets from an unmodified pointer.
#include <algorithm>

#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

const CtxField* find_field(const ProgSpec& spec, s32 off, int bytes) {
  for (const CtxField& f : spec.fields)
    if (off >= f.offset && off + bytes <= f.offset + f.size) return &f;
  return nullptr;
}

bool width_ok(const CtxField& f, s32 off, int bytes, Access how) {
  if (off % bytes != 0) return false;
  if (off == f.offset && bytes == f.size) return true;
  return how == Access::read && f.narrow;
}

Kind loaded_kind(CtxKind kind) {
  switch (kind) {
    case CtxKind::packet:
      return Kind::packet;
    case CtxKind::packet_meta:
      return Kind::packet_meta;
    case CtxKind::packet_end:
      return Kind::packet_end;
    default:
      return Kind::scalar;
  }
}

}  // namespace

bool Walk::check_pointer_unmodified(const Reg& p, u32 r) {
  const std::string type = kind_text(p);
  if (p.off < 0)
    return refuse(EACCES, format("negative offset %s ptr R%u off=%d disallowed\n", type.c_str(), r, p.off));
  if (p.off != 0)
    return refuse(EACCES, format("dereference of modified %s ptr R%u off=%d disallowed\n", type.c_str(), r, p.off));
  if (!p.var.is_zero())
    return refuse(EACCES,
                  format("variable %s access var_off=%s disallowed\n", type.c_str(), bits_text(p.var.bits).c_str()));
  return true;
}

bool Walk::access_ctx(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend) {
  if (!check_pointer_unmodified(reg(r), r)) return false;
  const CtxField* f = find_field(spec_, off, bytes);
  bool ok = f != nullptr && width_ok(*f, off, bytes, how) && (how == Access::read || f->writable);
  if (ok && !f->attach_types.empty())
    ok = std::find(f->attach_types.begin(), f->attach_types.end(), source_.expected_attach_type) !=
         f->attach_types.end();
  const Kind kind = ok ? loaded_kind(f->kind) : Kind::scalar;
  if (!ok || (sign_extend && kind != Kind::scalar))
    return refuse(EACCES, format("invalid bpf_context access off=%d size=%d\n", off, bytes),
                  format("Fields of struct %s are read whole.", std::string(spec_.ctx_name).c_str()));
  InsnFact& fact = facts_[at_];
  if (fact.ctx_offset >= 0 && fact.ctx_offset != off)
    return refuse(EINVAL, "same insn cannot be used with different pointers\n");
  fact.ctx_offset = off;
  if (how == Access::write || value < 0) return true;
  if (kind == Kind::scalar) {
    put_loaded(value, bytes, sign_extend);
  } else {
    set(static_cast<u32>(value), Reg::pointer(kind));
  }
  return true;
}

}  // namespace bpf::verifier
