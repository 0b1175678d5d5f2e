// SPDX-License-Identifier: Apache-2.0
// lock.cc — spin locks in map values and allocated objects: bpf_spin_lock, and bpf_res_spin_lock which may fail.
//
// Source    soundness: a lock is told by what it lies in (the map or the BTF of its object) and by the id of the
//           pointer to that, which every look-up and allocation makes anew; only the same pair unlocks. Pointers that
//           are good inside the section alone become numbers where it ends.
#include "bpf/verifier/kfunc.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

using btf::FieldKind;

constexpr u32 kObject = 1U << 31;  // Reference::owner: whose types the allocated object's are

u32 owner_of(const Reg& p) {
  return p.kind == Kind::map_value ? p.map + 1 : kObject | p.btf;
}

}  // namespace

// `word`: "bpf_spin" or "bpf_res_spin".
bool Walk::check_lock_place(u32 r, FieldKind kind, const char* word) {
  const Reg& p = reg(r);
  const bool value = p.kind == Kind::map_value;
  const std::string name = value ? map_facts(p.map).name : "kptr";
  if (!p.var.is_const())
    return refuse(EINVAL,
                  format("R%u doesn't have constant offset. %s_lock has to be at the constant offset\n", r, word));
  if (value && !btf_.maps[p.map].types)
    return refuse(EINVAL, format("map '%s' has to have BTF in order to use %s_lock\n", name.c_str(), word));
  const btf::Fields* fields = fields_of(p);
  const btf::Field* lock = fields == nullptr ? nullptr : fields->find(kind);
  if (lock == nullptr)
    return refuse(EINVAL, format("%s '%s' has no valid %s_lock\n", value ? "map" : "local", name.c_str(), word));
  const s64 at = static_cast<s64>(p.var.value()) + p.off;
  if (at == lock->offset) return true;
  return refuse(EINVAL, format("off %lld doesn't point to 'struct %s_lock' that is at %u\n", static_cast<long long>(at),
                               word, lock->offset));
}

void Walk::take_lock(const Reg& p, Reference::Type type) {
  Reference lock;
  lock.type = type;
  lock.id = p.id;
  lock.insn = at_;
  lock.owner = owner_of(p);
  cur_.refs.push_back(lock);
}

bool Walk::holds_lock_of(const Reg& p) const {
  for (const Reference& held : cur_.refs)
    if (held.is_lock() && held.id == p.id && held.owner == owner_of(p)) return true;
  return false;
}

bool Walk::drop_lock(const Reg& p, Reference::Type type, const char* word) {
  if (!holds_lock()) return refuse(EINVAL, format("%s_unlock without taking a lock\n", word));
  std::size_t found = cur_.refs.size(), last = found;
  for (std::size_t k = 0; k < cur_.refs.size(); ++k) {
    const Reference& held = cur_.refs[k];
    if (!held.is_lock()) continue;
    last = k;
    if (held.type == type && held.id == p.id && held.owner == owner_of(p)) found = k;
  }
  if (found == cur_.refs.size()) return refuse(EINVAL, format("%s_unlock of different lock\n", word));
  if (found != last) return refuse(EINVAL, format("%s_unlock cannot be out of order\n", word));
  cur_.refs.erase(cur_.refs.begin() + static_cast<std::ptrdiff_t>(found));
  for_each_reg(cur_, [this](Reg& r) {
    if (r.is_pointer() && (r.flags & kNonOwnRef) != 0) r = source_.caps.perfmon ? Reg::unknown() : Reg();
  });
  return true;
}

bool Walk::check_spin_lock_arg(Call& call, u32 r) {
  constexpr const char* kWord = "bpf_spin";
  if (in_tree_callback()) return refuse(EACCES, "can't spin_{lock,unlock} in rbtree cb\n");
  if (!check_lock_place(r, FieldKind::spin_lock, kWord)) return false;
  const Reg p = reg(r);
  if (call.id == BPF_FUNC_spin_unlock) return drop_lock(p, Reference::Type::lock, kWord);
  for (const Reference& held : cur_.refs)
    if (held.type == Reference::Type::lock) return refuse(EINVAL, "Locking two bpf_spin_locks are not allowed\n");
  take_lock(p, Reference::Type::lock);
  return true;
}

bool Walk::check_res_lock_arg(KfuncCall& call, u32 r) {
  constexpr const char* kWord = "bpf_res_spin";
  const Reg p = reg(r);
  const bool object = p.kind == Kind::btf_id && p.flags == kAlloc;
  if (p.maybe_null || (p.kind != Kind::map_value && !object))
    return refuse(EINVAL, format("arg#%u doesn't point to map value or allocated object\n", r - 1));
  if (!check_lock_place(r, FieldKind::res_spin_lock, kWord)) return false;
  const std::string_view name = call.proto->name;
  const Reference::Type type = name.ends_with("irqsave") || name.ends_with("irqrestore") ? Reference::Type::res_lock_irq
                                                                                         : Reference::Type::res_lock;
  if (name.starts_with("bpf_res_spin_unlock")) return drop_lock(p, type, kWord);
  for (const Reference& held : cur_.refs)
    if (held.is_lock() && held.type != Reference::Type::lock && held.id == p.id && held.owner == owner_of(p))
      return refuse(EINVAL, "Acquiring the same lock again, AA deadlock detected\n");
  take_lock(p, type);
  return true;
}

// A lock that may fail: the walk goes on with an error and without it as well. `before`: the state of the call.
bool Walk::push_failed_lock(State before) {
  std::swap(cur_, before);
  clobber_caller_saved();
  Scalar error = Scalar::unknown();
  error.smin = error.s32_min = -kErrnoMax;
  error.smax = error.s32_max = -1;
  error.sync();
  reg(BPF_REG_0) = Reg::scalar(error);
  std::swap(cur_, before);
  push_branch(std::move(before), at_ + 1);
  return branches_within_limit();
}

bool Walk::may_hold_lock(const Reg& r) const {
  constexpr u32 kLocks = btf::field_bit(FieldKind::spin_lock) | btf::field_bit(FieldKind::res_spin_lock);
  const btf::Fields* fields = fields_of(r);
  return fields != nullptr && fields->has(kLocks);
}

}  // namespace bpf::verifier
