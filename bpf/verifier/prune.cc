// SPDX-License-Identifier: Apache-2.0
// prune.cc — checkpoints: states remembered where paths join, so that a path is not walked twice.
//
// Source    soundness: a path is cut only when a remembered state S, all of whose paths were walked without complaint,
// admits
//           every machine state that this one admits, as far as the walk from S looked: registers live there, stack
//           slots read before written, numbers marked precise by value, other numbers by being numbers. The marks of S
//           are passed on to this path's checkpoints, for what S's proof rests on, theirs rests on now. A state with
//           open paths cuts nothing, with one exception: at may_goto, a state within it was seen one turn before and is
//           bounded at run time. Marks of checkpoints on such a loop are never final, so these compare whole states.
#include <algorithm>

#include "bpf/abi/flags.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

bool same_frames(const State& a, const State& b) {
  if (a.frames.size() != b.frames.size()) return false;
  for (std::size_t f = 0; f < a.frames.size(); ++f)
    if (a.frames[f].callsite != b.frames[f].callsite || a.frames[f].subprog != b.frames[f].subprog) return false;
  return true;
}

void mark_loop(Checkpoint* from) {
  for (Checkpoint* c = from; c != nullptr; c = c->parent) c->in_loop = true;
}

bool any_number(const Scalar& s) {
  return s == Scalar::unknown();
}

bool all_are(const Slot& s, Byte kind) {
  return std::all_of(s.bytes.begin(), s.bytes.end(), [kind](Byte b) { return b == kind; });
}

}  // namespace

u32 Walk::live_registers(const State& state, u32 frame) const {
  if (frame == state.depth()) return cfg_.live[at_];
  // After its turn a callback comes back to the call itself.
  if (state.frames[frame + 1].entered == Entered::as_callback) return cfg_.live[state.frames[frame + 1].callsite];
  constexpr u32 kCalleeSaved = 0x3c0;  // r6 … r9: the others are lost over the call
  return cfg_.live[state.frames[frame + 1].callsite + 1] & kCalleeSaved;
}

// Registers that shared an id in the old state must share one now; more sharing now is only more knowledge.
bool Walk::same_id(u32 old, u32 now) {
  if (old == 0) return true;
  for (const auto& [o, n] : id_map_)
    if (o == old) return n == now && now != 0;
  if (now == 0) {
    // Alone with its id, it shares with nobody; remember that nobody else may claim the old one.
    id_map_.emplace_back(old, 0);
    return true;
  }
  id_map_.emplace_back(old, now);
  return true;
}

// One reference each, and the same one wherever it is named.
bool Walk::same_reference(u32 old, u32 now) {
  return (old == 0) == (now == 0) && same_id(old, now);
}

// The same things must be given back, in the same order of taking.
bool Walk::includes_references(const State& old) {
  if (old.refs.size() != cur_.refs.size()) return false;
  for (std::size_t k = 0; k < old.refs.size(); ++k) {
    const Reference& a = old.refs[k];
    const Reference& b = cur_.refs[k];
    if (a.type != b.type || a.owner_is_object != b.owner_is_object) return false;
    const bool lock = a.is_lock();
    if (lock && !a.owner_is_object && a.owner != b.owner) return false;
    if (lock && a.owner_is_object && !same_reference(a.owner, b.owner)) return false;
    if (!same_reference(a.id, b.id)) return false;
  }
  return true;
}

bool Walk::includes_reg(const Reg& old, const Reg& now, Exact exact) {
  if (old.kind == Kind::none) return exact != Exact::yes || now.kind == Kind::none;
  if (old.kind != now.kind || old.maybe_null != now.maybe_null || old.flags != now.flags) return false;
  if (old.is_scalar() && masks_depend_on_numbers_) return old.var == now.var && same_id(old.id, now.id);
  if (old.is_scalar()) {
    const bool same_link = old.id == 0 || (old.linked == now.linked && old.off == now.off);
    if (exact == Exact::yes)
      return old.var == now.var && same_link && same_id(old.id, now.id) && (old.id != 0) == (now.id != 0);
    if (exact == Exact::no && !is_precise(old)) return true;
    return includes(old.var, now.var) && same_link && same_id(old.id, now.id);
  }
  if (old.off != now.off || !same_id(old.id, now.id) || !same_reference(old.ref, now.ref)) return false;
  if (old.kind == Kind::btf_id && old.btf != now.btf) return false;
  if (old.kind == Kind::mem && !same_reference(old.dynptr, now.dynptr)) return false;
  if (old.kind == Kind::map_ptr || old.kind == Kind::map_value) {
    // Two pointers to values with a lock, or from look-ups of inner maps, are one only if they were.
    if (!same_reference(old.map_uid, now.map_uid) || (old.id == 0) != (now.id == 0)) return false;
  }
  if (old.is_packet()) {
    if (exact == Exact::yes ? old.range != now.range : old.range > now.range) return false;
    if (old.range < 0 && old.range != now.range) return false;  // the mark of an end decides branches
  } else if (old.extra != now.extra) {
    return false;
  }
  if (exact == Exact::yes || old.kind == Kind::stack) return old.var == now.var;
  return includes(old.var, now.var);
}

// The same object in the same condition. How many turns an iterator went does not matter: it ends at run time.
bool Walk::includes_object(const Slot& old, const Slot& now) {
  const Reg& a = old.spilled;
  const Reg& b = now.spilled;
  const bool counts_turns = old.bytes[0] == Byte::iter;
  return old.bytes == now.bytes && a.kind == b.kind && a.extra == b.extra && a.flags == b.flags && a.off == b.off &&
         (counts_turns || same_id(a.id, b.id)) && same_reference(a.ref, b.ref);
}

bool Walk::includes_slot(const Slot& old, const Slot* now, Exact exact) {
  static const Slot kUntouched{};
  if (now == nullptr) now = &kUntouched;
  if (old.is_object()) return includes_object(old, *now);
  if (exact == Exact::yes) {
    if (old.bytes != now->bytes) return false;
    return !old.is_spill() || includes_reg(old.spilled, now->spilled, exact);
  }
  // Bytes that were any number before may be anything now: a program that may know addresses reads what it finds.
  const bool reads_anything = source_.caps.perfmon;
  const bool old_any = std::none_of(old.bytes.begin(), old.bytes.end(), [&](Byte b) {
    return b == Byte::zero || b == Byte::spill || (b == Byte::misc && !reads_anything);
  });
  if (old_any) return true;
  if (!reads_anything && all_are(old, Byte::misc) && now->is_spill() && now->spill_bytes() == 8)
    return now->spilled.is_scalar();
  // Bytes of any value are a number linked to no other: they stand for an old number only if it was alone as well.
  if (old.is_spill() && old.spill_bytes() == 8 && old.spilled.is_scalar() && all_are(*now, Byte::misc)) {
    if (exact == Exact::no && !is_precise(old.spilled)) return true;
    return any_number(old.spilled.var) && same_id(old.spilled.id, 0);
  }
  for (unsigned k = 0; k < 8; ++k) {
    if (old.bytes[k] == Byte::invalid || (old.bytes[k] == Byte::misc && reads_anything)) continue;
    if (old.bytes[k] == Byte::misc && now->bytes[k] == Byte::zero) continue;
    if (old.bytes[k] != now->bytes[k]) return false;
  }
  // A narrow old spill is read back as wide as it is: the new one must be as wide.
  if (!old.is_spill()) return true;
  return old.spill_bytes() == now->spill_bytes() && includes_reg(old.spilled, now->spilled, exact);
}

bool Walk::includes_frame(const Frame& old, const Frame& now, u32 live, u64 slots, Exact exact) {
  if (old.callback_turns > now.callback_turns) return false;  // now may run a callback where old had come to its limit
  for (u32 r = 0; r < BPF_REG_10; ++r)
    if ((live >> r & 1) != 0 && !includes_reg(old.regs[r], now.regs[r], exact)) return false;
  for (u32 s = 0; s < old.stack.size(); ++s) {
    if ((slots >> s & 1) == 0) continue;
    if (!includes_slot(old.stack[s], s < now.stack.size() ? &now.stack[s] : nullptr, exact)) return false;
  }
  if (exact == Exact::yes)
    for (u32 s = static_cast<u32>(old.stack.size()); s < now.stack.size(); ++s)
      if (!all_are(now.stack[s], Byte::invalid)) return false;
  return true;
}

bool Walk::includes_state(const Checkpoint& old, Exact exact) {
  if (!same_frames(*old.state, cur_)) return false;
  if (old.state->speculative && !cur_.speculative) return false;  // its paths may have ended where one cannot be
  if (old.state->rcu_locks != cur_.rcu_locks || old.state->preempt_locks != cur_.preempt_locks) return false;
  if (old.state->sleepable != cur_.sleepable) return false;
  id_map_.clear();
  if (!same_reference(old.state->irq_id, cur_.irq_id)) return false;
  for (u32 f = 0; f < cur_.frames.size(); ++f) {
    const u64 slots = exact == Exact::no ? old.read[f] : ~u64{0};
    if (!includes_frame(old.state->frames[f], cur_.frames[f], live_registers(cur_, f), slots, exact)) return false;
  }
  return includes_references(*old.state);
}

void Walk::inherit_marks(Checkpoint& old) {
  for (u32 f = 0; f < cur_.frames.size(); ++f) {
    const Frame& was = old.state->frames[f];
    const Frame& is = cur_.frames[f];
    const u32 live = live_registers(cur_, f);
    for (u32 r = 0; r < BPF_REG_10; ++r)
      if ((live >> r & 1) != 0 && was.regs[r].is_scalar() && precision_.marked(was.regs[r].node))
        mark_precise(is.regs[r]);
    for (u32 s = 0; s < kStackSlots; ++s) {
      if ((old.read[f] >> s & 1) == 0) continue;
      mark_slot_read(f, s);
      if (s >= was.stack.size() || s >= is.stack.size() || !was.stack[s].is_spill() || !is.stack[s].is_spill())
        continue;
      if (was.stack[s].spilled.is_scalar() && precision_.marked(was.stack[s].spilled.node))
        mark_precise(is.stack[s].spilled);
    }
  }
}

bool Walk::refuse_endless(const State& before) {
  refuse(EINVAL,
         format("infinite loop detected at insn %u\n", at_) + "cur state:" + print_frame(cur_, cur_.depth(), true) +
             "\nold state:" + print_frame(before, before.depth(), true) + "\n",
         "Let something that ends the loop change in each turn.");
  problem_.reason = format("infinite loop detected at insn %u", at_);
  return false;
}

void Walk::visit(bool* refused, bool* pruned) {
  const bool callback = runs_callback(insn()) || adds_to_tree(insn());
  const bool next_element = is_iterator_next(insn());
  const bool loop_head = callback || next_element || is_may_goto(insn());
  bool add = loop_head || (source_.prog_flags & BPF_F_TEST_STATE_FREQ) != 0 ||
             (jumps_ - jumps_at_checkpoint_ >= 2 && processed_ - processed_at_checkpoint_ >= 8);
  auto& list = explored_[at_];
  // The newest first: it is the likeliest to match, and the others then count no miss.
  for (std::size_t k = list.size(); k-- > 0;) {
    Checkpoint& old = *list[k];
    if (old.branches != 0) {
      const bool turned = callback || (next_element ? at_active_iterator()
                                                    : loop_head && old.state->may_goto_depth != cur_.may_goto_depth);
      if (turned && includes_state(old, Exact::range_within)) {
        inherit_marks(old);
        mark_loop(cur_.parent);
        *pruned = true;
        return;
      }
      if (!callback && !next_element && old.state->may_goto_depth == cur_.may_goto_depth &&
          old.state->callback_depth == cur_.callback_depth && !iterators_turned(*old.state) &&
          includes_state(old, Exact::yes)) {
        *refused = !refuse_endless(*old.state);
        return;
      }
      // Inside a loop that is still turning, new checkpoints are taken rarely.
      if (!loop_head && same_frames(*old.state, cur_) && jumps_ - jumps_at_checkpoint_ < 20 &&
          processed_ - processed_at_checkpoint_ < 100)
        add = false;
    } else if (includes_state(old, old.in_loop ? Exact::range_within : Exact::no)) {
      ++old.hits;
      inherit_marks(old);
      if (old.in_loop) mark_loop(cur_.parent);
      *pruned = true;
      return;
    }
    // A state that keeps missing is dropped, as long as no path needs it to tell an endless loop.
    if (add && ++old.misses > old.hits * 3 + (loop_head ? 64 : 3)) {
      old.state.reset();
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(k));
      --states_now_;
    }
  }
  if (add) take_checkpoint();
}

// A number that changed since the loop head was last passed, and on which no proof rests so far, may be any number: the
// loop then looks the same from turn to turn.
void Walk::widen(State& state, u32 head) const {
  const Checkpoint* last = cur_.parent;
  if (last != nullptr && head == at_ && last->insn == head) last = last->parent;  // the one taken in this very visit
  while (last != nullptr && !(last->insn == head && last->state && same_frames(*last->state, state)))
    last = last->parent;
  if (last == nullptr) return;
  const auto widen_reg = [this](const Reg& before, Reg& now) {
    if (!before.is_scalar() || !now.is_scalar()) return;
    if (precision_.marked(before.node) || precision_.marked(now.node) || before.var == now.var) return;
    now = Reg::unknown();
  };
  for (u32 f = 0; f < state.frames.size(); ++f) {
    const Frame& before = last->state->frames[f];
    Frame& now = state.frames[f];
    for (u32 r = 0; r < BPF_REG_10; ++r) widen_reg(before.regs[r], now.regs[r]);
    for (u32 s = 0; s < std::min(before.stack.size(), now.stack.size()); ++s)
      if (before.stack[s].is_spill() && now.stack[s].spill_bytes() == 8)
        widen_reg(before.stack[s].spilled, now.stack[s].spilled);
  }
}

void Walk::take_checkpoint() {
  for_each_reg(cur_, [this](Reg& r) {
    if (r.is_scalar()) r.node = precision_.checkpoint(r.node);
  });
  Checkpoint& c = checkpoints_.emplace_back();
  c.insn = at_;
  c.parent = cur_.parent;
  c.written = cur_.written;
  c.state = std::make_unique<State>(cur_);
  cur_.parent = &c;
  cur_.written = {};
  auto& list = explored_[at_];
  list.push_back(&c);
  states_per_insn_max_ = std::max(states_per_insn_max_, static_cast<u32>(list.size()));
  ++states_total_;
  states_peak_ = std::max(states_peak_, ++states_now_);
  jumps_at_checkpoint_ = jumps_;
  processed_at_checkpoint_ = processed_;
}

}  // namespace bpf::verifier
