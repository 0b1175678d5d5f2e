// SPDX-License-Identifier: Apache-2.0
// print.cc — states and instructions in the notation of Linux's verifier log.
#include "bpf/verifier/print.h"

#include <algorithm>

#include "bpf/abi/flags.h"
#include "bpf/verifier/opcodes.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

using ll = long long;
using ull = unsigned long long;

std::string signed_text(s64 v) {
  if (v >= -32768 && v <= 32767) return format("%lld", static_cast<ll>(v));
  return format("0x%llx", static_cast<ull>(v));
}
std::string unsigned_text(u64 v) {
  return v <= 65535 ? format("%llu", static_cast<ull>(v)) : format("0x%llx", static_cast<ull>(v));
}

struct Bound {
  const char* name;
  u64 value;
  bool is_signed;
  bool trivial;
};

}  // namespace

namespace {

struct Word {
  unsigned of;
  const char* text;
};

constexpr const char* kKindTexts[] = {"?",         "scalar",  "ctx",         "pkt",       "pkt_meta", "pkt_end",
                                      "map_value", "map_key", "fp",          "map_ptr",   "mem",      "func",
                                      "buf",       "sock",    "sock_common", "tcp_sock",  "xdp_sock", "flow_keys",
                                      "tp_buffer", "ptr_",    "arena",       "dynptr_ptr"};
static_assert(std::size(kKindTexts) == static_cast<std::size_t>(Kind::dynptr_ptr) + 1);

constexpr Word kFlagTexts[] = {{kRdonly, "rdonly_"},  {kRingbuf, "ringbuf_"}, {kUser, "user_"},
                               {kPercpu, "percpu_"},  {kRcu, "rcu_"},         {kUntrusted, "untrusted_"},
                               {kTrusted, "trusted_"}};

}  // namespace

const char* kind_text(Kind kind) {
  return kKindTexts[static_cast<std::size_t>(kind)];
}

const char* dynptr_name(DynptrType type) {
  constexpr const char* kNames[] = {"none", "local", "ringbuf", "skb", "xdp", "skb_meta"};
  return kNames[static_cast<std::size_t>(type)];
}

std::string kind_text(const Reg& r) {
  std::string out;
  for (const Word& w : kFlagTexts)
    if ((r.flags & w.of) != 0) out += w.text;
  out += kind_text(r.kind);
  if (r.maybe_null) out += r.kind == Kind::btf_id ? "or_null_" : "_or_null";
  return out;
}

std::string live_registers_text(const ProgSource& source, const Cfg& cfg) {
  std::string out = "Live regs before insn:\n";
  for (u32 i = 0; i < source.insns.size(); ++i) {
    if (cfg.second_slot[i]) continue;
    out += format("    %3u: ", i);
    for (u32 r = 0; r < BPF_REG_10; ++r) out += (cfg.live[i] >> r & 1) != 0 ? static_cast<char>('0' + r) : '.';
    const bpf_insn* next = insn_is_ld_imm64(source.insns[i]) ? &source.insns[i + 1] : nullptr;
    out += " " + disassemble(source.insns[i], next) + "\n";
  }
  return out;
}

std::string bits_text(Tnum t) {
  return format("(0x%llx; 0x%llx)", static_cast<ull>(t.value), static_cast<ull>(t.mask));
}

// Bounds of equal value are written together: smax=umax=255.
std::string scalar_fields(const Scalar& s) {
  using L64 = std::numeric_limits<s64>;
  using L32 = std::numeric_limits<s32>;
  Bound bounds[] = {
      {"smin", static_cast<u64>(s.smin), true, s.smin == L64::min()},
      {"smax", static_cast<u64>(s.smax), true, s.smax == L64::max()},
      {"umin", s.umin, false, s.umin == 0},
      {"umax", s.umax, false, s.umax == std::numeric_limits<u64>::max()},
      {"smin32", static_cast<u64>(s64{s.s32_min}), true, s.s32_min == L32::min()},
      {"smax32", static_cast<u64>(s64{s.s32_max}), true, s.s32_max == L32::max()},
      {"umin32", s.u32_min, false, s.u32_min == 0},
      {"umax32", s.u32_max, false, s.u32_max == std::numeric_limits<u32>::max()},
  };
  std::string out;
  for (Bound& b : bounds) {
    if (b.trivial) continue;
    out += out.empty() ? "" : ",";
    out += b.name;
    for (Bound* c = &b + 1; c != std::end(bounds); ++c) {
      if ((c - &b) % 2 != 0) continue;  // lower bounds with lower ones
      if (c->trivial || c->value != b.value) continue;
      c->trivial = true;
      out += std::string("=") + c->name;
    }
    out += "=" + (b.is_signed ? signed_text(static_cast<s64>(b.value)) : unsigned_text(b.value));
  }
  if (!(s.bits == Tnum::unknown())) out += (out.empty() ? "var_off=" : ",var_off=") + bits_text(s.bits);
  return out;
}

std::string Walk::print_reg(const Reg& r) const {
  const auto join = [](std::string& to, const std::string& part) {
    if (!part.empty()) to += (to.empty() ? "" : ",") + part;
  };
  if (r.is_scalar()) {
    const std::string mark = is_precise(r) ? "P" : "";
    if (r.var.is_const()) return mark + signed_text(static_cast<s64>(r.var.value()));
    std::string fields;
    if (r.id != 0) fields = r.linked != 0 ? format("id=%u%+d", r.id, r.off) : format("id=%u", r.id);
    join(fields, scalar_fields(r.var));
    return mark + "scalar(" + fields + ")";
  }
  if (r.kind == Kind::arena) return "arena";
  if (r.kind == Kind::stack) {
    const std::string owner = r.frame != cur_.depth() ? format("[%u]", r.frame) : "";
    if (r.var.is_const())
      return "fp" + owner + format("%lld", static_cast<ll>(r.off + static_cast<s64>(r.var.value())));
  }
  std::string fields;
  if (r.id != 0) fields = format("id=%u", r.id);
  if (r.ref != 0) join(fields, format("ref_obj_id=%u", r.ref));
  const std::string off = r.off != 0 ? format("off=%d", r.off) : "";
  const bool of_map = r.kind == Kind::map_ptr || r.kind == Kind::map_value || r.kind == Kind::map_key;
  if (!of_map) join(fields, off);
  if (r.is_packet())
    join(fields, r.range >= 0 ? format("r=%d", r.range) : format("r=0x%llx", static_cast<ull>(s64{r.range})));
  if (of_map) {
    const MapFacts& map = map_facts(r.map);
    if (!map.name.empty()) join(fields, "map=" + map.name);
    join(fields, format("ks=%u,vs=%u", map.key_size, map.value_size));
    join(fields, off);
  }
  if (r.kind == Kind::mem) join(fields, format("sz=%u", r.size));
  if (!r.var.is_const() || r.var.value() != 0) {
    join(fields, r.var.is_const() ? format("imm=%llx", static_cast<ull>(r.var.value())) : scalar_fields(r.var));
  }
  const std::string type = r.kind == Kind::btf_id ? std::string(types_of(r).name(r.type)) : std::string();
  return kind_text(r) + type + "(" + fields + ")";
}

// The two slots as one, told by the one with the lower address.
std::string Walk::print_dynptr(const Slot& first) const {
  const Reg& d = first.spilled;
  std::string out = format("dynptr_%s(id=%u", dynptr_name(static_cast<DynptrType>(d.extra)), d.id);
  if (d.ref != 0) out += format(",ref_id=%u", d.ref);
  return out + format(",dynptr_id=%u)", d.id);
}

// Eight marks, the byte with the highest address first; a spilled register stands for its bytes.
std::string Walk::print_slot(const Slot& slot) const {
  std::string out;
  for (unsigned k = 8; k-- > 0;) {
    switch (slot.bytes[k]) {
      case Byte::invalid:
        out += '?';
        break;
      case Byte::misc:
        out += 'm';
        break;
      case Byte::zero:
        out += '0';
        break;
      case Byte::spill:
        return out + print_reg(slot.spilled);
      case Byte::dynptr:
        out += 'd';
        break;
      case Byte::iter:
        out += 'i';
        break;
      case Byte::irq_flag:
        out += 'f';
        break;
    }
  }
  return out;
}

std::string Walk::print_frame(const State& state, u32 frame, bool all) const {
  const Frame& f = state.frames[frame];
  std::string out;
  if (frame != 0) out += format(" frame%u:", frame);
  for (u32 r = 0; r < MAX_BPF_REG; ++r) {
    if (f.regs[r].kind == Kind::none || (!all && (touched_regs_ >> r & 1) == 0)) continue;
    out += format(" R%u=", r) + print_reg(f.regs[r]);
  }
  for (u32 s = 0; s < f.stack.size(); ++s) {
    if (!all && (touched_slots_ >> s & 1) == 0) continue;
    const bool untouched =
        std::all_of(f.stack[s].bytes.begin(), f.stack[s].bytes.end(), [](Byte b) { return b == Byte::invalid; });
    const Slot* first = s + 1 < f.stack.size() ? &f.stack[s + 1] : nullptr;
    if (f.stack[s].bytes[0] == Byte::dynptr && first != nullptr) {
      out += format(" fp-%u=", (s + 2) * 8) + print_dynptr(*first);
      ++s;
      continue;
    }
    if (!untouched) out += format(" fp-%u=", (s + 1) * 8) + print_slot(f.stack[s]);
  }
  return out;
}

void Walk::log_pruned() {
  if (log_level_ & BPF_LOG_LEVEL2)
    log_ += came_from_ || returned_ ? format("\nfrom %u to %u%s: safe\n", prev_, at_, speculative_text())
                                    : format("%u: safe\n", at_);
  print_whole_ = came_from_ = returned_ = false;
}

void Walk::log_frames(const char* first_name, u32 first, const char* newest_name) {
  if (print_level() == 0) return;
  log_ +=
      first_name + print_frame(cur_, first, true) + "\n" + newest_name + print_frame(cur_, cur_.depth(), true) + "\n";
}

void Walk::log_instruction() {
  if (print_level() == 0) return;
  if (returned_) {
    print_whole_ = false;
    if (log_level_ & BPF_LOG_LEVEL2)
      log_ +=
          format("\nfrom %u to %u%s:", prev_, at_, speculative_text()) + print_frame(cur_, cur_.depth(), true) + "\n";
    returned_ = false;
  }
  if (print_whole_) {
    const std::string state = print_frame(cur_, cur_.depth(), true);
    if (came_from_ && (log_level_ & BPF_LOG_LEVEL2))
      log_ += format("\nfrom %u to %u%s:", prev_, at_, speculative_text()) + state + "\n";
    log_ += format("%u:", at_) + state + "\n";
  }
  print_whole_ = came_from_ = false;
  touched_regs_ = 0;
  touched_slots_ = 0;
  log_ += btf_.source_line(source_, at_, &last_line_);
  const bpf_insn* next = insn_is_ld_imm64(insn()) ? &source_.insns[at_ + 1] : nullptr;
  log_ += format("%u: ", at_) + disassemble(insn(), next) + "\n";
}

// What the instruction touched, behind it in column 40 or a multiple of eight beyond.
void Walk::log_effects() {
  if (print_level() == 0 || print_whole_) return;
  const std::string effects = print_frame(cur_, cur_.depth(), false);
  if (effects.empty() || is_exit(insn())) return;
  const std::size_t line = log_.rfind('\n', log_.size() - 2) + 1;
  const std::size_t width = log_.size() - line;
  const std::size_t column = (std::max<std::size_t>(width + 4, 40) + 7) / 8 * 8;
  log_.pop_back();
  log_ += std::string(column - width - 1, ' ') + ";" + effects + "\n";
}

}  // namespace bpf::verifier
