// SPDX-License-Identifier: Apache-2.0
// irq_flag.cc — the word on the stack in which interrupts were saved: restored once, and in the order of saving.
#include "bpf/verifier/kfunc.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {

bool Walk::check_irq_flag_arg(KfuncCall& call, u32 r) {
  const std::string_view name = call.proto->name;
  if (reg(r).kind != Kind::stack)
    return refuse(EINVAL, format("arg#%u doesn't point to an irq flag on stack\n", r - 1));
  const bool saves = name.ends_with("save");
  const bool of_lock = name.starts_with("bpf_res_spin_");
  const u32 frame = reg(r).frame;
  std::optional<u32> slot;
  const bool placed = find_object_place(r, 1, "irq_flag", &slot);
  const std::string place = placed ? "" : problem_.log;
  const auto& stack = cur_.frames[frame].stack;
  const bool is_flag = slot && *slot < stack.size() && stack[*slot].bytes[0] == Byte::irq_flag;
  if (saves) {
    if (!slot || is_flag) return refuse(EINVAL, place + format("expected uninitialized irq flag as arg#%u\n", r - 1));
    if (*slot < stack.size() && !overwrite_dynptr(frame, *slot)) return false;
  } else {
    if (!is_flag) return refuse(EINVAL, place + format("expected an initialized irq flag as arg#%u\n", r - 1));
    note_stack_read(frame, -s64{*slot + 1} * 8, -s64{*slot} * 8);
    const bool was_of_lock = stack[*slot].spilled.extra != 0;
    if (was_of_lock != of_lock)
      return refuse(EINVAL, format("irq flag acquired by %s kfuncs cannot be restored with %s kfuncs\n",
                                   was_of_lock ? "lock" : "native", of_lock ? "lock" : "native"));
    const u32 id = stack[*slot].spilled.ref;
    if (id != cur_.irq_id) {
      u32 at = 0;
      for (const Reference& held : cur_.refs)
        if (held.id == cur_.irq_id) at = held.insn;
      return refuse(EACCES, format("cannot restore irq state out of order, expected id=%u acquired at insn_idx=%u\n",
                                   cur_.irq_id, at));
    }
  }
  call.irq = IrqPlace{frame, *slot, saves, of_lock};
  return true;
}

bool Walk::apply_irq_flag(const KfuncCall& call) {
  const IrqPlace& at = *call.irq;
  const s64 off = -s64{at.slot + 1} * 8;
  grow_stack(at.frame, off);
  if (at.saves) {
    const u32 id = acquire_reference(Reference::Type::irq);
    Slot& slot = cur_.frames[at.frame].stack[at.slot];
    slot.bytes.fill(Byte::irq_flag);
    slot.spilled = Reg();
    slot.spilled.ref = id;
    slot.spilled.extra = at.of_lock ? 1 : 0;
    cur_.irq_id = id;
  } else {
    drop_reference(cur_, cur_.irq_id);
    cur_.irq_id = 0;
    for (const Reference& held : cur_.refs)
      if (held.type == Reference::Type::irq) cur_.irq_id = held.id;
    cur_.frames[at.frame].stack[at.slot] = Slot();
  }
  note_stack_write(at.frame, off, 8);
  return true;
}

}  // namespace bpf::verifier
