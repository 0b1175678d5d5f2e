// SPDX-License-Identifier: Apache-2.0
// step_memory.cc — loads, stores and atomics. Nothing is checked: the verifier proved every access.
#include <cstring>

#include "bpf/interp/machine.h"

namespace bpf::interp {
namespace {

u64 address(const Machine& m, u32 reg, s16 off) {
  return m.r[reg] + u64(base::s64(off));
}

// Accesses may be unaligned; a fixed-size memcpy is one machine access.
template <class T>
void step_load(Machine& m, const Inst& i) {
  T v;
  std::memcpy(&v, reinterpret_cast<const void*>(address(m, i.low.insn.src_reg, i.low.insn.off)), sizeof v);
  m.r[i.low.insn.dst_reg] = u64(base::s64(v));
  ++m.pc;
}

template <class T>
void store(Machine& m, const Inst& i, T v) {
  std::memcpy(reinterpret_cast<void*>(address(m, i.low.insn.dst_reg, i.low.insn.off)), &v, sizeof v);
  ++m.pc;
}

template <class T>
void step_store_reg(Machine& m, const Inst& i) {
  store(m, i, T(m.r[i.low.insn.src_reg]));
}

template <class T>
void step_store_imm(Machine& m, const Inst& i) {
  store(m, i, T(base::s64(i.low.insn.imm)));
}

// One Step per size, in the order B, H, W, DW.
struct BySize {
  Step b, h, w, dw;
  Step of(u8 code) const {
    switch (insn_size(code)) {
      case BPF_B:
        return b;
      case BPF_H:
        return h;
      case BPF_W:
        return w;
      default:
        return dw;
    }
  }
};

constexpr BySize kLoad = {step_load<u8>, step_load<u16>, step_load<u32>, step_load<u64>};
constexpr BySize kLoadSigned = {step_load<base::s8>, step_load<s16>, step_load<s32>, nullptr};
constexpr BySize kStoreReg = {step_store_reg<u8>, step_store_reg<u16>, step_store_reg<u32>, step_store_reg<u64>};
constexpr BySize kStoreImm = {step_store_imm<u8>, step_store_imm<u16>, step_store_imm<u32>, step_store_imm<u64>};

template <class T>
T* place(const Machine& m, const Inst& i) {
  return reinterpret_cast<T*>(address(m, i.low.insn.dst_reg, i.low.insn.off));
}

// Every read-modify-write goes through one compare-and-swap loop: this engine is for meaning, not for speed.
template <class T, T (*kCombine)(T, T), bool kFetch>
void step_modify(Machine& m, const Inst& i) {
  T* const p = place<T>(m, i);
  u64& src = m.r[i.low.insn.src_reg];
  T old = __atomic_load_n(p, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(p, &old, kCombine(old, T(src)), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
  }
  if (kFetch) src = old;
  ++m.pc;
}

template <class T>
T combine_add(T a, T b) {
  return a + b;
}
template <class T>
T combine_or(T a, T b) {
  return a | b;
}
template <class T>
T combine_and(T a, T b) {
  return a & b;
}
template <class T>
T combine_xor(T a, T b) {
  return a ^ b;
}
template <class T>
T combine_second(T, T b) {
  return b;
}

template <class T>
void step_compare_exchange(Machine& m, const Inst& i) {
  T expected = T(m.r[0]);
  __atomic_compare_exchange_n(place<T>(m, i), &expected, T(m.r[i.low.insn.src_reg]), false, __ATOMIC_SEQ_CST,
                              __ATOMIC_SEQ_CST);
  m.r[0] = expected;
  ++m.pc;
}

template <class T>
void step_load_acquire(Machine& m, const Inst& i) {
  const T* p = reinterpret_cast<const T*>(address(m, i.low.insn.src_reg, i.low.insn.off));
  m.r[i.low.insn.dst_reg] = __atomic_load_n(p, __ATOMIC_ACQUIRE);
  ++m.pc;
}

template <class T>
void step_store_release(Machine& m, const Inst& i) {
  __atomic_store_n(place<T>(m, i), T(m.r[i.low.insn.src_reg]), __ATOMIC_RELEASE);
  ++m.pc;
}

struct AtomicRow {
  s32 imm;
  BySize steps;  // b and h only where the operation exists for them
};

#define READ_MODIFY_WRITE(op, combine)                                                                         \
  AtomicRow{s32(op),                                                                                           \
            {nullptr, nullptr, step_modify<u32, combine<u32>, false>, step_modify<u64, combine<u64>, false>}}, \
      AtomicRow {                                                                                              \
    s32(op) | s32(BPF_FETCH), {                                                                                \
      nullptr, nullptr, step_modify<u32, combine<u32>, true>, step_modify<u64, combine<u64>, true>             \
    }                                                                                                          \
  }

constexpr AtomicRow kAtomics[] = {
    READ_MODIFY_WRITE(BPF_ADD, combine_add),
    READ_MODIFY_WRITE(BPF_OR, combine_or),
    READ_MODIFY_WRITE(BPF_AND, combine_and),
    READ_MODIFY_WRITE(BPF_XOR, combine_xor),
    {BPF_XCHG,
     {nullptr, nullptr, step_modify<u32, combine_second<u32>, true>, step_modify<u64, combine_second<u64>, true>}},
    {BPF_CMPXCHG, {nullptr, nullptr, step_compare_exchange<u32>, step_compare_exchange<u64>}},
    {BPF_LOAD_ACQ, {step_load_acquire<u8>, step_load_acquire<u16>, step_load_acquire<u32>, step_load_acquire<u64>}},
    {BPF_STORE_REL,
     {step_store_release<u8>, step_store_release<u16>, step_store_release<u32>, step_store_release<u64>}},
};
#undef READ_MODIFY_WRITE

Step find_atomic_step(const bpf_insn& insn) {
  for (const AtomicRow& row : kAtomics)
    if (row.imm == insn.imm) return row.steps.of(insn.code);
  return nullptr;
}

}  // namespace

Step find_memory_step(const bpf_insn& insn) {
  const u8 cls = insn_class(insn.code), mode = insn_mode(insn.code);
  if (cls == BPF_STX && mode == BPF_ATOMIC) return find_atomic_step(insn);
  if (cls == BPF_LDX && mode == BPF_MEMSX) return kLoadSigned.of(insn.code);
  if (mode != BPF_MEM) return nullptr;
  if (cls == BPF_LDX) return kLoad.of(insn.code);
  return cls == BPF_STX ? kStoreReg.of(insn.code) : kStoreImm.of(insn.code);
}

void step_load_value(Machine& m, const Inst& i) {
  m.r[i.low.insn.dst_reg] = i.value;
  ++m.pc;
}

void step_load_env(Machine& m, const Inst& i) {
  u64 v = 0;  // little-endian: the low bytes are the number
  const auto* env = reinterpret_cast<const std::byte*>(m.env);
  std::memcpy(&v, env + i.low.insn.off, std::size_t(insn_access_bytes(i.low.insn.code)));
  m.r[i.low.insn.dst_reg] = v;
  ++m.pc;
}

}  // namespace bpf::interp
