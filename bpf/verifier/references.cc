// SPDX-License-Identifier: Apache-2.0
// references.cc — what a program took and must give back: acquired objects, sections in which it must not end.
//
// Source    soundness: every register that holds or was derived from an acquired object names its reference; releasing
//           it makes numbers of all of them, so no path uses an object it gave away. A path may end, or tail-call, only
//           when State::refs is empty and no section is open.
#include <algorithm>

#include "bpf/verifier/walk.h"

namespace bpf::verifier {

u32 Walk::acquire_reference(Reference::Type type) {
  Reference r;
  r.type = type;
  r.id = new_id();
  r.insn = at_;
  cur_.refs.push_back(r);
  return r.id;
}

bool Walk::drop_reference(State& state, u32 id) {
  const auto it = std::ranges::find_if(state.refs, [id](const Reference& r) { return r.id == id && !r.is_lock(); });
  if (it == state.refs.end()) return false;
  state.refs.erase(it);
  return true;
}

// Whatever names the reference is lost with it; a program that may know addresses keeps a number.
bool Walk::release_reference(u32 id) {
  if (!drop_reference(cur_, id)) return false;
  for_each_reg(cur_, [this, id](Reg& r) {
    if (r.is_pointer() && r.ref == id) r = source_.caps.perfmon ? Reg::unknown() : Reg();
  });
  return true;
}

// `who` ends the program, or this stay in it.
bool Walk::check_nothing_held(const std::string& who, bool sections) {
  bool lingering = false;
  std::string log;
  for (const Reference& r : cur_.refs) {
    if (r.type != Reference::Type::pointer) continue;
    log += format("Unreleased reference id=%u alloc_insn=%u\n", r.id, r.insn);
    lingering = true;
  }
  if (lingering)
    return refuse(EINVAL, log + who + " would lead to reference leak\n", "Release what was acquired on every path.");
  if (!sections) return true;
  if (holds_lock()) return refuse(EINVAL, who + " cannot be used inside bpf_spin_lock-ed region\n");
  const auto inside = [&](const char* section) {
    return refuse(EINVAL, who + " cannot be used inside " + section + "-ed region\n");
  };
  if (cur_.irq_id != 0) return inside("bpf_local_irq_save");
  if (cur_.rcu_locks != 0) return inside("bpf_rcu_read_lock");
  if (cur_.preempt_locks != 0) return inside("bpf_preempt_disable");
  return true;
}

}  // namespace bpf::verifier
