// SPDX-License-Identifier: Apache-2.0
// alloc_object.cc — objects that the program allocates: bpf_obj_new and its like, what is given back, per-CPU parts.
//
// Source    soundness: an allocated object is of one struct of the program's types, zeroed, and owned by one reference
//           until it is dropped, put into a field or a collection. Its memory is numbers; its special fields belong to
//           their functions (btf_access.cc).
#include <algorithm>

#include "bpf/verifier/kfunc.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/struct_walk.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr u32 kPercpuBytesMax = 512;  // Linux's BPF_GLOBAL_PERCPU_MA_MAX_SIZE

}  // namespace

bool Walk::put_new_object(const KfuncCall& call) {
  const bool percpu = call.proto->name == "bpf_percpu_obj_new_impl";
  if (call.constant > 0xffffffff) return refuse(EINVAL, "local type ID argument must be in range [0, U32_MAX]\n");
  const u32 id = static_cast<u32>(call.constant);
  if (!btf_.types) return refuse(EINVAL, "bpf_obj_new/bpf_percpu_obj_new requires prog BTF\n");
  const btf::Btf& types = *btf_.types;
  if (!types.valid(id) || types.kind(id) != BTF_KIND_STRUCT)
    return refuse(EINVAL, "bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct\n");
  if (percpu && types.type(id).size > kPercpuBytesMax)
    return refuse(
        EINVAL, format("bpf_percpu_obj_new type size (%u) is greater than %u\n", types.type(id).size, kPercpuBytesMax));
  Reg object = btf_pointer(id, kAlloc, kProgramTypes);
  if (percpu && !is_number_struct(types, id))
    return refuse(EINVAL, "bpf_percpu_obj_new type ID argument must be of a struct of scalars\n");
  if (percpu && fields_of(object) != nullptr)
    return refuse(EINVAL, "bpf_percpu_obj_new type ID argument must not contain special fields\n");
  if (percpu) object.flags |= kPercpu;
  reg(BPF_REG_0) = object;
  return true;
}

// bpf_obj_drop, bpf_percpu_obj_drop.
bool Walk::check_allocated_arg(KfuncCall& call, u32 r) {
  const Reg p = reg(r);
  const bool percpu = p.flags == (kAlloc | kPercpu);
  if (!is_trusted(p)) return refuse(EINVAL, format("R%u must be referenced or trusted\n", r));
  if (!check_special_offset(call, r)) return false;
  if (p.kind != Kind::btf_id || (p.flags != kAlloc && !percpu))
    return refuse(EINVAL, format("arg#%u expected pointer to allocated object\n", r - 1));
  const char* drop = percpu ? "bpf_percpu_obj_drop_impl" : "bpf_obj_drop_impl";
  if (call.proto->name != drop) return refuse(EINVAL, format("arg#%u expected for %s()\n", r - 1, drop));
  return p.ref != 0 || refuse(EINVAL, "allocated object must be referenced\n");
}

bool Walk::check_refcounted_arg(KfuncCall& call, u32 r) {
  const Reg p = reg(r);
  if (p.kind != Kind::btf_id || (p.flags & kAlloc) == 0)
    return refuse(EINVAL, format("arg#%u is neither owning or non-owning ref\n", r - 1));
  if ((p.flags & kUntrusted) != 0) return refuse_unsupported("a count of an object that nobody vouches for");
  const btf::Fields* fields = fields_of(p);
  if (fields == nullptr) return refuse(EFAULT, "verifier bug: Couldn't find btf_record\n");
  if (!fields->has(btf::FieldKind::refcount))
    return refuse(EINVAL, format("arg#%u doesn't point to a type with bpf_refcount field\n", r - 1));
  call.owning = (p.flags & kNonOwnRef) == 0;
  call.object = p;
  return true;
}

void Walk::put_counted_object(const KfuncCall& call) {
  reg(BPF_REG_0) = btf_pointer(call.object.type, kAlloc, call.object.btf);
}

// Pointers to structs may point into them, others only to their begin.
bool Walk::check_btf_offset(u32 r) {
  const Reg& p = reg(r);
  constexpr u16 kInto[] = {0, kTrusted, kRcu, kAlloc, kAlloc | kNonOwnRef, kAlloc | kNonOwnRef | kRcu};
  const bool into = !p.maybe_null && std::ranges::find(kInto, p.flags) != std::end(kInto);
  return into ? check_pointer_fixed(r) : check_pointer_unmodified(p, r);
}

// Where may a pointer to an object with rules of its own point into it?
bool Walk::check_special_offset(const KfuncCall& call, u32 r) {
  const Reg& p = reg(r);
  if (call.proto->row->has(kRelease) && p.ref != 0 && p.off != 0)
    return refuse(EINVAL, format("R%u must have zero offset when passed to release func or trusted arg to kfunc\n", r));
  switch (p.kind) {
    case Kind::btf_id:
      return check_btf_offset(r);
    case Kind::scalar:
    case Kind::stack:
    case Kind::packet:
    case Kind::packet_meta:
    case Kind::map_key:
    case Kind::map_value:
    case Kind::mem:
    case Kind::buf:
      return true;
    default:
      return check_pointer_unmodified(p, r);
  }
}

// bpf_this_cpu_ptr, bpf_per_cpu_ptr: the part of one CPU.
bool Walk::put_cpu_part(const Call& call, bool or_null) {
  const Reg whole = call.percpu;
  const btf::Btf& types = types_of(whole);
  const u32 type = types.skip_modifiers(whole.type);
  Reg part;
  if (!is_struct(types, type)) {
    const auto bytes = types.size_of(type);
    if (!bytes) return refuse_unsupported("a per-CPU variable without a size");
    part = Reg::pointer(Kind::mem, static_cast<u32>(*bytes));
    part.flags = kRdonly;
  } else if ((whole.flags & kRcu) != 0) {
    reg(BPF_REG_0) = btf_pointer(type, kAlloc | kRcu, whole.btf);
    return true;
  } else {
    part = btf_pointer(type, 0, whole.btf);
  }
  part.maybe_null = or_null;
  reg(BPF_REG_0) = part;
  return true;
}

}  // namespace bpf::verifier
