// SPDX-License-Identifier: Apache-2.0
// state.h — what is known at one instruction on one path: registers and stack of every active frame.
//
// Shape     State = frames; Frame = 11 registers + stack in slots of 8 bytes, slot i holds bytes fp-8*(i+1) … fp-8*i-1.
//           Slot::bytes[k] describes the byte at fp-8*(i+1)+k.
// Threads   plain values. Cost: a copy is about 1 KiB and 104 bytes per stack slot per frame.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "bpf/abi/insn.h"
#include "bpf/registry/prog_spec.h"
#include "bpf/verifier/scalar.h"

namespace bpf::verifier {

inline constexpr u32 kFramesMax = 8;  // Linux's MAX_CALL_FRAMES
inline constexpr u32 kStackSlots = MAX_BPF_STACK / 8;
inline constexpr s32 kPacketOffsetMax = 0xffff;  // a packet pointer may move this far from its base

enum class Kind : u8 {
  none,  // never written, or lost
  scalar,
  ctx,
  packet,
  packet_meta,
  packet_end,
  map_value,
  map_key,
  stack,
  map_ptr,
  mem,   // memory of known size: of a caller, a ring-buffer record, a dynptr's slice
  func,  // address of a subprogram, for a callback argument
  buf,   // memory a helper or hook bounds at run time
  socket,
  sock_common,
  tcp_sock,
  xdp_sock,
  flow_keys,
  tp_buffer,
  btf_id,  // a kernel or program-allocated struct, described by BTF
  arena,
  dynptr_ptr,  // a dynptr that a caller or helper handed in
};

// What else is true of a pointer: Linux's type flags. Bits of Reg::flags.
enum : u16 {
  kRdonly = 1 << 0,
  kRingbuf = 1 << 1,  // mem: a whole record of a ring buffer
  kUser = 1 << 2,
  kPercpu = 1 << 3,
  kRcu = 1 << 4,
  kUntrusted = 1 << 5,
  kTrusted = 1 << 6,
  kAlloc = 1 << 7,         // btf_id: of the program's own BTF
  kNonOwnRef = 1 << 8,     // good only inside the critical section of its collection
  kPacketSlice = 1 << 12,  // mem: of a packet's dynptr; stale when the packet moves
};

// Reg::btf of a btf_id: whose types they are.
inline constexpr u32 kKernelTypes = 0;
inline constexpr u32 kProgramTypes = 1;
inline constexpr u32 kMapTypes = 2;  // … + index of a map whose BTF is not the program's

// Packet::range values of a pointer that was found at or beyond the end.
inline constexpr s32 kAtPacketEnd = -1;
inline constexpr s32 kBeyondPacketEnd = -2;

struct Reg {
  Kind kind = Kind::none;
  bool maybe_null = false;
  u16 flags = 0;
  s32 off = 0;  // pointers: the fixed part of the offset. scalar with an id: see `linked`
  // scalar: registers with the same id (not 0) hold the same number. packet: same id = same variable offset from the
  // data. maybe_null: same id = null together.
  u32 id = 0;
  union {
    s32 range;    // packet, packet_meta: bytes from its base (off not counted) known to lie within
    u32 map;      // map_value, map_key, map_ptr: index into ProgSource::maps
    u32 frame;    // stack: whose
    u32 size;     // mem: bytes
    u32 subprog;  // func
    u32 type;     // btf_id: in the BTF that `btf` names
    u32 linked;   // scalar: 0: it is the number of its id; 64 or 32: that number plus off, in so many bits
    u32 extra = 0;
  };
  union {
    u32 node = 0;  // scalar: see precision.h
    u32 btf;       // btf_id: whose BTF
    u32 dynptr;    // mem: the dynptr it is a slice of, by its id; 0: none
    u32 map_uid;   // map_ptr, map_value of an inner map: the look-up it came from; 0: a map of the program
  };
  u32 ref = 0;  // pointers: the reference it holds or was derived from (State::refs), 0: none
  Scalar var;   // scalar: the number. pointers: the variable part of the offset

  static Reg scalar(const Scalar& s, u32 node = 0) {
    Reg r;
    r.kind = Kind::scalar;
    r.var = s;
    r.node = node;
    return r;
  }
  static Reg constant(u64 v) { return scalar(Scalar::constant(v)); }
  static Reg unknown() { return scalar(Scalar::unknown()); }
  static Reg pointer(Kind kind, u32 extra = 0) {
    Reg r;
    r.kind = kind;
    r.extra = extra;
    r.var = Scalar::constant(0);
    return r;
  }

  // Is no longer known to be related to another register.
  void unlink() {
    id = 0;
    off = 0;
    linked = 0;
  }

  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_pointer() const { return kind > Kind::scalar; }
  bool is_packet() const { return kind == Kind::packet || kind == Kind::packet_meta; }
  bool is_const() const { return kind == Kind::scalar && var.is_const(); }
  bool is_zero() const { return is_const() && var.value() == 0; }
};

// dynptr, iter, irq_flag: all eight bytes; Slot::spilled says which object, and only its own helpers touch it.
enum class Byte : u8 { invalid, misc, zero, spill, dynptr, iter, irq_flag };

// What the memory of a dynptr is. Its two slots hold in Slot::spilled: extra: the type; id; ref: of a ring buffer's
// record; off: 1 in the slot with the lower address. A Kind::dynptr_ptr has the type in `extra`, too.
enum class DynptrType : u8 { none, local, ringbuf, skb, xdp, skb_meta };

struct Slot {
  std::array<Byte, 8> bytes{};
  Reg spilled;  // when bytes[0] is spill: its low bytes, as many as are marked

  bool is_spill() const { return bytes[0] == Byte::spill; }
  bool is_object() const { return bytes[0] >= Byte::dynptr; }
  int spill_bytes() const {
    int n = 0;
    while (n < 8 && bytes[static_cast<unsigned>(n)] == Byte::spill) ++n;
    return n;
  }
};

// A callback returns to the call that runs it, which may run it again; an asynchronous one is nobody's callee.
enum class Entered : u8 { by_call, as_callback, asynchronously };

struct Frame {
  std::array<Reg, MAX_BPF_REG> regs{};
  std::vector<Slot> stack;  // as many slots as were touched
  u32 callsite = 0;         // the call in the caller's code
  u32 subprog = 0;
  Entered entered = Entered::by_call;
  ReturnRange callback_returns{};  // of a callback: what it may return
  u32 callback_turns = 0;          // of the callback that this frame's call in hand has run so far
};

struct Checkpoint;

// Something the program must give back before it ends.
struct Reference {
  enum class Type : u8 { pointer, irq, lock, res_lock, res_lock_irq };
  Type type = Type::pointer;
  u32 id = 0;
  u32 insn = 0;   // where it was taken
  u32 owner = 0;  // locks: the map (index + 1) or, with owner_is_object, the allocated object's id
  bool owner_is_object = false;
  bool is_lock() const { return type != Type::pointer && type != Type::irq; }
  bool operator==(const Reference&) const = default;
};

struct State {
  std::vector<Frame> frames;
  std::vector<Reference> refs;            // in the order they were taken
  Checkpoint* parent = nullptr;           // the last checkpoint this path came through
  std::array<u64, kFramesMax> written{};  // per frame: slots wholly written since then
  bool speculative = false;               // where a mispredicting processor goes, no execution does (speculation.cc)
  u32 may_goto_depth = 0;
  u32 callback_depth = 0;  // callbacks entered on this path
  u32 rcu_locks = 0;       // explicit RCU sections open
  u32 preempt_locks = 0;   // preemption switched off, so many times
  bool sleepable = false;  // the program, or the callback that runs by itself, may sleep
  u32 irq_id = 0;          // reference of the innermost section without interrupts

  Frame& frame() { return frames.back(); }
  const Frame& frame() const { return frames.back(); }
  u32 depth() const { return static_cast<u32>(frames.size() - 1); }
};

// A remembered state, and what the paths from it turned out to need.
struct Checkpoint {
  std::unique_ptr<State> state;  // null: dropped because it never helped
  Checkpoint* parent = nullptr;
  u32 insn = 0;
  std::array<u64, kFramesMax> written{};  // State::written when it was taken
  std::array<u64, kFramesMax> read{};     // slots that a path from here read before writing them
  u32 branches = 1;                       // paths from here still open
  bool in_loop = false;                   // a path from here was closed on an open checkpoint: its marks are not final
  u32 hits = 0;
  u32 misses = 0;
};

}  // namespace bpf::verifier
