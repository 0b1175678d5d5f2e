// SPDX-License-Identifier: Apache-2.0
// dynptr.cc — dynptrs: two slots of the stack that describe memory whose size is known at run time.
//
// Shape     a dynptr: 16 bytes of Byte::dynptr; Slot::spilled as state.h says. A slice is a Kind::mem with the id of
//           its dynptr.
// Source    soundness: only helpers that know dynptrs touch the slots; any other write makes plain bytes of both and
//           numbers of the slices. One that holds a record cannot be overwritten: who submits the record, by whichever
//           clone, loses all clones and all slices.
#include "bpf/abi/flags.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr u32 kSlots = 2;

bool is_packet(DynptrType type) {
  return type == DynptrType::skb || type == DynptrType::skb_meta;
}

bool is_dynptr(const Slot& slot) {
  return slot.bytes[0] == Byte::dynptr;
}

bool is_first(const Slot& slot) {
  return slot.spilled.off == 1;
}

}  // namespace

// `clone_of_ref`: the record's, when it is another name of one that is held already.
bool Walk::make_dynptr(u32 r, DynptrType type, u32 clone_of_ref) {
  constexpr const char* kTaken = "Dynptr has to be an uninitialized dynptr\n";
  if (reg(r).kind != Kind::stack) return refuse(EINVAL, kTaken);
  std::optional<u32> place;
  if (!find_object_place(r, kSlots, "dynptr", &place)) return refuse(EINVAL, problem_.log + kTaken);
  for (s32 off = 0; off < s32{kSlots} * 8; off += 8)
    if (!access_stack(r, off, 8, Access::write, -2, false)) return false;
  const u32 frame = reg(r).frame;
  const u32 id = new_id();
  u32 ref = clone_of_ref;
  if (type == DynptrType::ringbuf && ref == 0) ref = acquire_reference(Reference::Type::pointer);
  for (u32 k = 0; k < kSlots; ++k) {
    Slot& slot = cur_.frames[frame].stack[*place - k];
    slot.bytes.fill(Byte::dynptr);
    slot.spilled = Reg();
    slot.spilled.extra = static_cast<u32>(type);
    slot.spilled.id = id;
    slot.spilled.ref = ref;
    slot.spilled.off = k == 0 ? 1 : 0;
  }
  return true;
}

// The dynptr behind the register. A refusal says where it could not lie.
bool Walk::find_dynptr(u32 r, DynptrUse* use) {
  const Reg& p = reg(r);
  if (p.kind == Kind::dynptr_ptr) {
    // A global function's argument may be any dynptr of its caller's.
    *use = {static_cast<DynptrType>(p.extra), p.id, p.ref, walked_subprog_ != 0};
    return true;
  }
  std::optional<u32> place;
  if (!find_object_place(r, kSlots, "dynptr", &place)) return false;
  problem_.log.clear();
  const auto& stack = cur_.frames[p.frame].stack;
  if (!place || *place >= stack.size()) return false;
  const Slot& first = stack[*place];
  if (!is_dynptr(first) || !is_first(first)) return false;
  note_stack_read(p.frame, -s64{*place + 1} * 8, -s64{*place - 1} * 8);
  const auto type = static_cast<DynptrType>(first.spilled.extra);
  *use = {type, first.spilled.id, first.spilled.ref, is_packet(type)};
  return true;
}

bool Walk::check_dynptr(u32 r, DynptrUse* use) {
  const Reg& p = reg(r);
  if (p.kind != Kind::stack && p.kind != Kind::dynptr_ptr)
    return refuse(EINVAL, format("arg#%u expected pointer to stack or const struct bpf_dynptr\n", r - 1));
  if (find_dynptr(r, use)) return true;
  return refuse(EINVAL, problem_.log + format("Expected an initialized dynptr as arg #%u\n", r - 1),
                "Fill the dynptr with one of the functions that make dynptrs.");
}

bool Walk::check_helper_dynptr(Call& call, u32 r, Arg type) {
  switch (type) {
    case Arg::UNINIT_DYNPTR_LOCAL:
      return make_dynptr(r, DynptrType::local, 0);
    case Arg::UNINIT_DYNPTR_RINGBUF:
      return make_dynptr(r, DynptrType::ringbuf, 0);
    case Arg::RELEASE_DYNPTR_RINGBUF:
      return check_dynptr_release(r) && check_dynptr(r, &call.dynptr);
    default:
      return check_dynptr(r, &call.dynptr);
  }
}

bool Walk::check_dynptr_release(u32 r) {
  if (reg(r).kind != Kind::stack) return refuse(EINVAL, "cannot release unowned const bpf_dynptr\n");
  DynptrUse use;
  const bool found = find_dynptr(r, &use);
  if (found && use.ref != 0) return true;
  return refuse(EINVAL, (found ? "" : problem_.log) + format("arg %u is an unacquired reference\n", r));
}

// Every clone of the record's dynptr goes, and every slice of them.
void Walk::release_dynptr(u32 ref) {
  release_reference(ref);
  for (u32 f = 0; f < cur_.frames.size(); ++f) {
    const auto& stack = cur_.frames[f].stack;
    for (u32 s = 0; s < stack.size(); ++s)
      if (is_dynptr(stack[s]) && is_first(stack[s]) && stack[s].spilled.ref == ref) forget_dynptr(f, s);
  }
}

// Something else is about to be written into the slot.
bool Walk::overwrite_dynptr(u32 frame, u32 slot) {
  const Slot& s = cur_.frames[frame].stack[slot];
  if (!is_dynptr(s)) return true;
  if (s.spilled.ref != 0)
    return refuse(EINVAL, "cannot overwrite referenced dynptr\n", "Submit or discard its record first.");
  forget_dynptr(frame, is_first(s) ? slot : slot + 1);
  return true;
}

void Walk::forget_dynptr(u32 frame, u32 first) {
  auto& stack = cur_.frames[frame].stack;
  const u32 id = stack[first].spilled.id;
  note_stack_read(frame, -s64{first + 1} * 8, -s64{first - 1} * 8);
  for (u32 k = 0; k < kSlots; ++k) stack[first - k] = Slot();
  for_each_reg(cur_, [this, id](Reg& r) {
    if (r.kind == Kind::mem && r.dynptr == id) r = source_.caps.perfmon ? Reg::unknown() : Reg();
  });
}

}  // namespace bpf::verifier
