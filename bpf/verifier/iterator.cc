// SPDX-License-Identifier: Apache-2.0
// iterator.cc — open-coded iterators: objects on the stack that a loop takes elements from until none is left.
//
// Shape     an iterator of n slots: every byte Byte::iter; Slot::spilled holds its type, the reference (lowest slot
//           only), flags (kRcu, kUntrusted), off: kActive or kDrained, id: how many turns the walk went.
// Source    soundness: a drained iterator returns null; an active one may do either, so both ways are walked. An
//           iterator ends at run time, so a turn that begins in a state within an earlier turn's adds nothing new.
#include "bpf/verifier/kfunc.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr s32 kActive = 1;
constexpr s32 kDrained = 2;

bool all_bytes(const Slot& slot, Byte kind) {
  for (const Byte b : slot.bytes)
    if (b != kind) return false;
  return true;
}

bool any_byte(const Slot& slot, Byte kind) {
  for (const Byte b : slot.bytes)
    if (b == kind) return true;
  return false;
}

}  // namespace

// The slot with the lowest address; refuses where the object cannot lie.
bool Walk::find_object_place(u32 r, u32 slots, const char* what, std::optional<u32>* first) {
  const Reg& p = reg(r);
  first->reset();
  if (!p.var.is_const()) return refuse(EINVAL, format("%s has to be at a constant offset\n", what));
  const s64 off = s64{p.off} + static_cast<s64>(p.var.value());
  if (off % 8 != 0)
    return refuse(EINVAL, format("cannot pass in %s at an offset=%lld\n", what, static_cast<long long>(off)));
  if ((-off - 1) / 8 + 1 < s64{slots})
    return refuse(EINVAL, format("cannot pass in %s at an offset=%lld\n", what, static_cast<long long>(off)));
  if (off >= 0 || off < -MAX_BPF_STACK) return true;  // nowhere
  *first = static_cast<u32>((-off - 1) / 8);
  return true;
}

bool Walk::is_initialized_iterator(const Frame& frame, u32 first, u32 slots, u32 type) const {
  for (u32 k = 0; k < slots; ++k) {
    if (first - k >= frame.stack.size()) return false;
    const Slot& slot = frame.stack[first - k];
    if (!all_bytes(slot, Byte::iter) || slot.spilled.type != type) return false;
    if ((k == 0) != (slot.spilled.ref != 0)) return false;
  }
  return true;
}

bool Walk::check_iterator_arg(KfuncCall& call, u32 r, const KfuncParam& param) {
  const btf::Btf& types = btf_.kernel->types();
  const std::string name(types.name(param.target).substr(4));  // without "bpf_"
  const Kfunc& k = *call.proto->row;
  if (reg(r).kind != Kind::stack)
    return refuse(EINVAL, format("arg#%u expected pointer to an iterator on stack\n", r - 1));
  const u32 slots = (types.type(param.target).size + 7) / 8;
  const u32 frame = reg(r).frame;
  std::optional<u32> first;
  const bool placed = find_object_place(r, slots, "iter", &first);
  const std::string place = placed ? "" : problem_.log;
  const std::string arg = format(" %s as arg #%u\n", name.c_str(), r - 1);
  if (k.has(kIterNew)) {
    if (first) {
      const Frame& f = cur_.frames[frame];
      for (u32 s = 0; s < slots; ++s)
        if (*first - s < f.stack.size() && any_byte(f.stack[*first - s], Byte::iter)) first.reset(), s = slots;
    }
    const s64 off = s64{reg(r).off} + static_cast<s64>(reg(r).var.value());
    const bool outside = placed && !first && (off >= 0 || off < -MAX_BPF_STACK || off + s64{slots} * 8 > 0);
    if (outside) {
      s64 low = 0, high = 0;
      for (u32 s = 0; s < slots; ++s)
        if (!check_stack_bounds(r, static_cast<s32>(s * 8), 8, Access::write, false, &low, &high)) return false;
    }
    if (!first) return refuse(EINVAL, place + "expected uninitialized" + arg);
    for (u32 s = 0; s < slots; ++s)
      if (*first - s < cur_.frames[frame].stack.size() && !overwrite_dynptr(frame, *first - s)) return false;
    call.iterator = IteratorPlace{frame, *first, slots, param.target};
    return true;
  }
  if (!first || !is_initialized_iterator(cur_.frames[frame], *first, slots, param.target))
    return refuse(EINVAL, place + "expected an initialized" + arg, "Call the iterator's _new function first.");
  const s64 low = -s64{*first + 1} * 8;
  note_stack_read(frame, low, low + s64{slots} * 8);
  const Reg& state = cur_.frames[frame].stack[*first].spilled;
  if ((state.flags & kUntrusted) != 0)
    return refuse(EINVAL, "expected an RCU CS when using " + std::string(call.proto->name) + "\n");
  call.iterator = IteratorPlace{frame, *first, slots, param.target};
  call.ref = state.ref;
  call.iterator_is_rcu = (state.flags & kRcu) != 0;
  return true;
}

// Once all arguments are checked: the stack as the function leaves it.
bool Walk::apply_iterator(const KfuncCall& call) {
  const IteratorPlace& at = *call.iterator;
  const Kfunc& k = *call.proto->row;
  const s64 low = -s64{at.first + 1} * 8;
  if (k.has(kIterDestroy)) {
    release_reference(call.ref);
    for (u32 s = 0; s < at.slots; ++s) {
      cur_.frames[at.frame].stack[at.first - s] = Slot();
      note_stack_write(at.frame, low + s64{s} * 8, 8);
    }
    return true;
  }
  if (!k.has(kIterNew)) return true;
  grow_stack(at.frame, low);
  u16 flags = 0;
  if (k.has(kRcuProtected)) flags = in_rcu_section() ? kRcu : kUntrusted;
  const u32 ref = acquire_reference(Reference::Type::pointer);
  for (u32 s = 0; s < at.slots; ++s) {
    Slot& slot = cur_.frames[at.frame].stack[at.first - s];
    slot.bytes.fill(Byte::iter);
    slot.spilled = Reg();
    slot.spilled.type = at.type;
    slot.spilled.flags = flags;
    slot.spilled.off = kActive;
    slot.spilled.ref = s == 0 ? ref : 0;
    note_stack_write(at.frame, low + s64{s} * 8, 8);
  }
  return true;
}

// An element is there: walked later. None is: walked now.
bool Walk::fork_iterator(const KfuncCall& call) {
  const IteratorPlace& at = *call.iterator;
  const auto state_in = [&](State& s) -> Reg& { return s.frames[at.frame].stack[at.first].spilled; };
  if (state_in(cur_).off == kActive) {
    State more = cur_;
    ++state_in(more).id;
    widen(more, at_);
    Reg& element = more.frame().regs[BPF_REG_0];
    element.maybe_null = false;
    if (element.kind == Kind::btf_id) element.id = 0;
    push_branch(std::move(more), at_ + 1);
    if (!branches_within_limit()) return false;
  }
  state_in(cur_).off = kDrained;
  reg(BPF_REG_0) = Reg::constant(0);
  return true;
}

// Before a call of a _next function: is there an iterator in r1 that may have another element?
bool Walk::at_active_iterator() const {
  const Reg& r1 = cur_.frame().regs[BPF_REG_1];
  if (r1.kind != Kind::stack || !r1.var.is_const()) return false;
  const s64 off = s64{r1.off} + static_cast<s64>(r1.var.value());
  if (off >= 0 || off % 8 != 0) return false;
  const auto& stack = cur_.frames[r1.frame].stack;
  const u32 slot = static_cast<u32>((-off - 1) / 8);
  return slot < stack.size() && all_bytes(stack[slot], Byte::iter) && stack[slot].spilled.off == kActive;
}

// Has an active iterator gone on since?
bool Walk::iterators_turned(const State& old) const {
  for (u32 f = 0; f < old.frames.size() && f < cur_.frames.size(); ++f) {
    const auto& was = old.frames[f].stack;
    const auto& is = cur_.frames[f].stack;
    for (u32 s = 0; s < was.size() && s < is.size(); ++s)
      if (was[s].bytes[0] == Byte::iter && is[s].bytes[0] == Byte::iter && is[s].spilled.off == kActive &&
          was[s].spilled.id != is[s].spilled.id)
        return true;
  }
  return false;
}

// What an RCU section kept alive for iterators is not kept alive behind it.
void Walk::distrust_rcu_iterators() {
  for (Frame& f : cur_.frames)
    for (Slot& slot : f.stack)
      if (slot.bytes[0] == Byte::iter && (slot.spilled.flags & kRcu) != 0)
        slot.spilled.flags = static_cast<u16>((slot.spilled.flags & ~kRcu) | kUntrusted);
}

bool Walk::is_iterator_next(const bpf_insn& i) {
  if (!is_call(i) || i.src_reg != BPF_PSEUDO_KFUNC_CALL || btf_.kernel == nullptr) return false;
  std::string_view name;
  const KfuncProto* proto = find_kfunc_proto(static_cast<u32>(i.imm), &name);
  return proto != nullptr && proto->row->has(kIterNext);
}

}  // namespace bpf::verifier
