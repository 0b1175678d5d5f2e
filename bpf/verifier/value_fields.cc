// SPDX-License-Identifier: Apache-2.0
// value_fields.cc — locks, timers and kernel pointers inside map values: only their own helpers touch them.
//
// Source    soundness: a load, a store or a helper's memory that may touch a byte of such a field is refused; kernel
//           pointers are the exception, and those are accessed whole, at a constant offset.
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

using btf::Field;
using btf::FieldKind;

// The word in Linux's sentences about an access.
std::string access_word(FieldKind kind) {
  return kind == FieldKind::kptr_untrusted ? "kptr" : std::string(field_name(kind));
}

}  // namespace

bool Walk::check_value_fields(u32 r, s64 off, int bytes, bool by_helper) {
  const Reg& p = reg(r);
  for (const Field& f : map_fields(p.map).all()) {
    const s64 begin = f.offset, end = begin + f.size;
    if (!(p.var.smin + off < end && begin < static_cast<s64>(p.var.umax) + off + bytes)) continue;
    const std::string word = access_word(f.kind);
    if (!is_kptr(f.kind)) return refuse(EACCES, word + " cannot be accessed directly by load/store\n");
    if (by_helper) return refuse(EACCES, word + " cannot be accessed indirectly by helper\n");
    if (!p.var.is_const()) return refuse(EACCES, word + " access cannot have variable offset\n");
    const s64 at = off + static_cast<s64>(p.var.value());
    if (at != begin)
      return refuse(EACCES,
                    word + format(" access misaligned expected=%u off=%lld\n", f.offset, static_cast<long long>(at)));
    if (bytes != 8) return refuse(EACCES, word + " access size must be BPF_DW\n");
  }
  return true;
}

// A field of the map value behind `r`, that the helper works on. `name`: "bpf_timer".
const Field* Walk::check_field_arg(Call& call, u32 r, FieldKind kind) {
  const Reg& p = reg(r);
  const std::string name(field_name(kind));
  if (!p.var.is_const()) {
    refuse(EINVAL, format("R%u doesn't have constant offset. %s has to be at the constant offset\n", r, name.c_str()));
    return nullptr;
  }
  const MapFacts& map = map_facts(p.map);
  if (!btf_.maps[p.map].types) {
    refuse(EINVAL, format("map '%s' has to have BTF in order to use %s\n", map.name.c_str(), name.c_str()));
    return nullptr;
  }
  const Field* field = map_fields(p.map).find(kind);
  if (field == nullptr) {
    refuse(EINVAL, format("map '%s' has no valid %s\n", map.name.c_str(), name.c_str()));
    return nullptr;
  }
  const s64 at = static_cast<s64>(p.var.value()) + p.off;
  if (at != field->offset) {
    refuse(EINVAL, format("off %lld doesn't point to 'struct %s' that is at %u\n", static_cast<long long>(at),
                          name.c_str(), field->offset));
    return nullptr;
  }
  call.object_map = static_cast<int>(p.map);
  call.map_uid = p.map_uid;
  return field;
}

// The object of a kernel function lies in a map value, too.
bool Walk::check_kfunc_field(KfuncCall& call, u32 r, FieldKind kind) {
  if (reg(r).kind != Kind::map_value || reg(r).maybe_null)
    return refuse(EINVAL, format("arg#%u doesn't point to a map value\n", r - 1));
  Call place;
  if (check_field_arg(place, r, kind) == nullptr) return false;
  call.object_map = place.object_map;
  call.map_uid = place.map_uid;
  return true;
}

bool Walk::check_kfunc_map(KfuncCall& call, u32 r) {
  const Reg& p = reg(r);
  if (p.kind != Kind::map_ptr) return refuse(EINVAL, format("pointer in R%u isn't map pointer\n", r));
  if (call.object_map >= 0 && (call.object_map != static_cast<int>(p.map) || call.map_uid != p.map_uid)) {
    const bool task_work = map_fields(static_cast<u32>(call.object_map)).has(FieldKind::task_work);
    return refuse(EINVAL, format("%s pointer in R%u map_uid=%u doesn't match map pointer in R%u map_uid=%u\n",
                                 task_work ? "bpf_task_work" : "workqueue", r - 1, call.map_uid, r, p.map_uid));
  }
  call.map = static_cast<int>(p.map);
  call.map_uid = p.map_uid;
  return true;
}

bool Walk::check_timer_arg(Call& call, u32 r) {
  return check_field_arg(call, r, FieldKind::timer) != nullptr;
}

}  // namespace bpf::verifier
