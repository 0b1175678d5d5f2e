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

bool part_ok(const CtxField& f, Parts parts, s32 off, int bytes) {
  if (off % bytes != 0) return false;
  const bool whole = off == f.offset && bytes == f.size;
  switch (parts) {
    case Parts::none:
      return false;
    case Parts::whole:
      return whole;
    case Parts::any:
      return true;
    case Parts::begin:
      return off == f.offset;
    case Parts::halves:
      return bytes >= 2;
    case Parts::words:
      return bytes >= 4;
    case Parts::longs:
      return bytes == 8;
    case Parts::tail:
      return whole || off != f.offset;
    case Parts::low_half:
      return whole || off + bytes <= f.offset + f.size / 2;
  }
  return false;
}

bool listed(std::span<const bpf_attach_type> types, bpf_attach_type type) {
  return types.empty() || std::find(types.begin(), types.end(), type) != types.end();
}

struct Loaded {
  CtxKind field;
  Kind kind;
  bool maybe_null = false;
};
constexpr Loaded kLoaded[] = {
    {CtxKind::packet, Kind::packet},
    {CtxKind::packet_meta, Kind::packet_meta},
    {CtxKind::packet_end, Kind::packet_end},
    {CtxKind::socket, Kind::socket},
    {CtxKind::socket_or_null, Kind::socket, true},
    {CtxKind::sock_common_or_null, Kind::sock_common, true},
    {CtxKind::flow_keys, Kind::flow_keys},
    {CtxKind::tp_buffer, Kind::tp_buffer},
};

// Fields that point to structs of the kernel's.
struct LoadedStruct {
  CtxKind field;
  const char* name;
};
constexpr LoadedStruct kLoadedStructs[] = {{CtxKind::nf_hook_state, "nf_hook_state"}, {CtxKind::sk_buff, "sk_buff"}};

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

const CtxField* Walk::find_ctx_access(s32 off, int bytes, Access how) const {
  const CtxField* f = find_field(spec_, off, bytes);
  if (f == nullptr || !part_ok(*f, how == Access::read ? f->read : f->write, off, bytes)) return nullptr;
  if (!listed(f->attach_types, attach_)) return nullptr;
  const Access guarded = f->write == Parts::none ? Access::read : Access::write;
  if (f->needs_bpf && !source_.caps.bpf && how == guarded) return nullptr;
  return how == Access::read || listed(f->write_attach_types, attach_) ? f : nullptr;
}

bool Walk::access_ctx(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend) {
  if (!check_pointer_unmodified(reg(r), r)) return false;
  if (has_attach_target(source_.type)) return access_argument(off, bytes, how, value, sign_extend);
  const CtxField* f = find_ctx_access(off, bytes, how);
  if (f == nullptr || (sign_extend && f->kind != CtxKind::scalar && bytes == f->size))
    return refuse(EACCES, format("invalid bpf_context access off=%d size=%d\n", off, bytes),
                  f == nullptr ? format("See which parts of struct %s programs of this type may access.",
                                        std::string(spec_.ctx_name).c_str())
                               : std::string());
  InsnFact& fact = facts_[at_];
  if (fact.ctx_offset >= 0 && fact.ctx_offset != off)
    return refuse(EINVAL, "same insn cannot be used with different pointers\n");
  fact.ctx_offset = off;
  if (how == Access::write || value < 0) return true;
  if (f->kind == CtxKind::scalar || bytes != f->size) {
    put_loaded(value, bytes, sign_extend);
    return true;
  }
  for (const Loaded& l : kLoaded) {
    if (l.field != f->kind) continue;
    Reg loaded = Reg::pointer(l.kind);
    loaded.maybe_null = l.maybe_null;
    if (l.maybe_null) loaded.id = new_id();
    set(static_cast<u32>(value), loaded);
    return true;
  }
  for (const LoadedStruct& l : kLoadedStructs) {
    if (l.field != f->kind || !btf_.kernel) continue;
    const auto type = btf_.kernel->find(l.name, BTF_KIND_STRUCT);
    if (!type) continue;
    set(static_cast<u32>(value), btf_pointer(*type, kTrusted, kKernelTypes));
    return true;
  }
  return refuse_unsupported("the pointer in context field '" + std::string(f->name) + "' is not known yet");
}

}  // namespace bpf::verifier
