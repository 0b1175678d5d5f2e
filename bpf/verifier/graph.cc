// SPDX-License-Identifier: Apache-2.0
// graph.cc — lists and trees of allocated objects: bpf_list_*, bpf_rbtree_*.
//
// Source    soundness: a head or root is touched only under the lock beside it. What goes in is owned by the program
//           and is the collection's from then on; the program keeps a pointer that is good until the lock is given
//           back (kNonOwnRef). What comes out by a removal is the program's again, and may be null; what is only
//           looked at is not the program's.
#include "bpf/verifier/kfunc.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/struct_walk.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

using btf::Field;
using btf::FieldKind;

constexpr std::string_view kTreeAdd = "bpf_rbtree_add_impl";

std::string name_of(FieldKind kind) {
  return std::string(btf::field_name(kind));
}

bool is_owned_object(const Reg& p) {
  return p.kind == Kind::btf_id && p.flags == kAlloc && !p.maybe_null;
}

const Field* find_at(const btf::Fields* fields, s64 at, FieldKind kind) {
  const Field* field = fields == nullptr ? nullptr : fields->at(static_cast<u32>(at));
  return field != nullptr && field->kind == kind ? field : nullptr;
}

}  // namespace

bool allowed_under_lock(std::string_view kfunc) {
  return kfunc.starts_with("bpf_list_") || kfunc.starts_with("bpf_rbtree_") || kfunc == "bpf_refcount_acquire_impl" ||
         kfunc.starts_with("bpf_iter_num_") || kfunc.starts_with("bpf_res_spin_");
}

bool Walk::adds_to_tree(const bpf_insn& i) const {
  return is_call(i) && i.src_reg == BPF_PSEUDO_KFUNC_CALL && i.off == 0 && btf_.kernel != nullptr &&
         btf_.kernel->types().valid(static_cast<u32>(i.imm)) &&
         btf_.kernel->types().name(static_cast<u32>(i.imm)) == kTreeAdd;
}

// In the function that orders the elements of a tree?
bool Walk::in_tree_callback() const {
  const Frame& frame = cur_.frame();
  if (cur_.depth() == 0 || frame.entered != Entered::as_callback) return false;
  return adds_to_tree(source_.insns[frame.callsite]);
}

bool Walk::check_graph_root(KfuncCall& call, u32 r, FieldKind kind) {
  const Reg p = reg(r);
  const bool value = p.kind == Kind::map_value && !p.maybe_null;
  const bool object = is_owned_object(p);
  if (!value && !object)
    return refuse(EINVAL, format("arg#%u expected pointer to map value or allocated object\n", r - 1));
  if (object && p.ref == 0) return refuse(EINVAL, "allocated object must be referenced\n");
  const std::string name = name_of(kind);
  if (!p.var.is_const())
    return refuse(EINVAL,
                  format("R%u doesn't have constant offset. %s has to be at the constant offset\n", r, name.c_str()));
  const btf::Fields* fields = fields_of(p);
  const s64 at = s64{p.off} + static_cast<s64>(p.var.value());
  const Field* field = find_at(fields, at, kind);
  if (field == nullptr)
    return refuse(EINVAL, format("%s not found at offset=%u\n", name.c_str(), static_cast<u32>(at)));
  if (!holds_lock_of(p)) {
    const std::string other = holds_lock() ? "held lock and object are not in the same allocation\n" : "";
    const Field* lock = fields->find(FieldKind::spin_lock);
    const int lock_at = lock == nullptr ? -EINVAL : static_cast<int>(lock->offset);
    return refuse(EINVAL, other + format("bpf_spin_lock at off=%d must be held for %s\n", lock_at, name.c_str()));
  }
  call.root = field;
  call.root_types = owner_of_type(p, *field);
  return true;
}

bool Walk::check_graph_node(KfuncCall& call, u32 r, FieldKind kind) {
  const Reg p = reg(r);
  const std::string function(call.proto->name);
  const bool goes_in = kind == FieldKind::list_node || function == kTreeAdd;
  if (goes_in && !is_owned_object(p))
    return refuse(EINVAL, format("arg#%u expected pointer to allocated object\n", r - 1));
  if (goes_in && p.ref == 0) return refuse(EINVAL, "allocated object must be referenced\n");
  const bool lent = p.kind == Kind::btf_id && (p.flags & kAlloc) != 0 && (p.flags & kNonOwnRef) != 0;
  if (!goes_in && !lent && p.ref == 0)
    return refuse(EINVAL, function + " can only take non-owning or refcounted bpf_rb_node pointer\n");
  if (!goes_in && in_tree_callback()) return refuse(EINVAL, function + " not allowed in rbtree cb\n");
  if (!goes_in && (p.maybe_null || p.kind != Kind::btf_id || (p.flags & kAlloc) == 0))
    return refuse_unsupported("a tree's node that is no allocated object");
  const std::string name = name_of(kind);
  if (!p.var.is_const())
    return refuse(EINVAL,
                  format("R%u doesn't have constant offset. %s has to be at the constant offset\n", r, name.c_str()));
  const s64 at = s64{p.off} + static_cast<s64>(p.var.value());
  if (find_at(fields_of(p), at, kind) == nullptr)
    return refuse(EINVAL, format("%s not found at offset=%u\n", name.c_str(), static_cast<u32>(at)));
  if (call.root == nullptr) return refuse_unsupported("a node without a list or tree");
  const Field& root = *call.root;
  const btf::Btf& types = types_at(call.root_types);
  const std::string element(types.name(root.type));
  if (!struct_matches(types_of(p), p.type, 0, types, root.type, true))
    return refuse(EINVAL,
                  format("operation on %s expects arg#1 %s at offset=%u in struct %s, but arg is at offset=%u in "
                         "struct %s\n",
                         name_of(root.kind).c_str(), name.c_str(), root.node_offset, element.c_str(),
                         static_cast<u32>(at), std::string(types_of(p).name(p.type)).c_str()));
  if (at != root.node_offset)
    return refuse(EINVAL, format("arg#1 offset=%u, but expected %s at offset=%u in struct %s\n", static_cast<u32>(at),
                                 name.c_str(), root.node_offset, element.c_str()));
  return true;
}

// A pointer to the node inside an element of the collection.
Reg Walk::element_pointer(const KfuncCall& call) const {
  Reg node = btf_pointer(call.root->type, kAlloc, call.root_types);
  node.off = static_cast<s32>(call.root->node_offset);
  return node;
}

void Walk::set_non_owning(Reg& r) const {
  const btf::Fields* fields = fields_of(r);
  r.flags |= kNonOwnRef;
  if (fields != nullptr && fields->has(FieldKind::refcount)) r.flags |= kRcu;
}

// The object of argument 2 is the collection's from here on.
bool Walk::give_to_collection(const KfuncCall& call) {
  const std::string_view name = call.proto->name;
  if (!name.starts_with("bpf_list_push_") && name != kTreeAdd) return true;
  const u32 ref = reg(BPF_REG_2).ref;
  for_each_reg(cur_, [this, ref](Reg& r) {
    if (!r.is_pointer() || r.ref != ref) return;
    r.ref = 0;
    set_non_owning(r);
  });
  drop_reference(cur_, ref);
  return true;
}

bool Walk::push_tree_callback(const KfuncCall& call) {
  if (call.proto->name != kTreeAdd) return true;
  Callback less{.subprog = static_cast<u32>(call.callback)};
  less.args[0] = less.args[1] = element_pointer(call);
  set_non_owning(less.args[0]);
  set_non_owning(less.args[1]);
  return push_callback(less);
}

}  // namespace bpf::verifier
