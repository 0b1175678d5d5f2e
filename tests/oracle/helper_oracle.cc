// SPDX-License-Identifier: Apache-2.0
// Every helper from every program type: a call as its prototype wants it, and the same call with one argument replaced
// by something else. Our verdict and the host kernel's must agree, and so must the sentence of a refusal.
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/sanitized.h"
#include "bpf/abi/flags.h"
#include "bpf/btf/kernel_btf.h"
#include "bpf/registry/helper.h"
#include "bpf/verifier/verifier.h"
#include "tests/oracle/prog_types.h"
#include "tests/support/host_kernel.h"
#include "tests/support/kernel_types.h"
#include "tests/support/insn.h"
#include "tests/support/slice.h"

namespace {

using namespace support;  // NOLINT: instructions in words
using namespace oracle;   // NOLINT
using base::u32;
using bpf::Arg;

constexpr int kSkipped = 77, kShown = 60;
constexpr int kScratch = 64;  // bytes at fp - kScratch, all zero

// What a register may be given.
enum class Value { nothing, eight, zero, unknown, stack, ctx, packet, map };

struct Choice {
  Value value;
  u32 map = 0;
};

std::vector<bpf::MapFacts> make_maps() {
  const auto map = [](bpf::bpf_map_type type, u32 key, u32 value, u32 entries) {
    bpf::MapFacts m;
    m.type = type;
    m.key_size = key;
    m.value_size = value;
    m.max_entries = entries;
    return m;
  };
  return {map(bpf::BPF_MAP_TYPE_HASH, 4, 8, 4),          map(bpf::BPF_MAP_TYPE_ARRAY, 4, 8, 4),
          map(bpf::BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4),    map(bpf::BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4),
          map(bpf::BPF_MAP_TYPE_STACK_TRACE, 4, 128, 4), map(bpf::BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 4),
          map(bpf::BPF_MAP_TYPE_DEVMAP, 4, 4, 4),        map(bpf::BPF_MAP_TYPE_QUEUE, 0, 8, 4),
          map(bpf::BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4)};
}

struct Packet {
  int begin, end, size;  // context offsets of its two ends
};

const Packet* packet_of(bpf::bpf_prog_type type) {
  static const Packet skb{76, 80, bpf::BPF_W}, xdp{0, 4, bpf::BPF_W}, md{0, 8, bpf::BPF_DW};
  const auto spec = bpf::find_prog_spec(type);
  if (!spec || (*spec)->packet == bpf::PacketAccess::none || (*spec)->packet == bpf::PacketAccess::buffer)
    return nullptr;
  if ((*spec)->ctx_name == "__sk_buff") return &skb;
  return (*spec)->ctx_name == "xdp_md" ? &xdp : &md;
}

class Asker {
 public:
  explicit Asker(const std::vector<bpf::MapFacts>& maps) : maps_(maps) {}

  // With maps of its own: a prog array belongs to the type that first tail-calls through it. False: no maps.
  bool ask_all(const ProgCase& c) {
    bpf::ProgSource all;
    all.maps = maps_;
    auto fds = host_make_maps(all);
    if (!fds) {
      std::printf("maps: %s\n", fds.error().what().c_str());
      return false;
    }
    fds_ = std::move(*fds);
    for (u32 id = 1; id < bpf::__BPF_FUNC_MAX_ID; ++id)
      if ((id + first_) % kShare == 0 || all_) ask_helper(c, id);
    ++first_;  // another share of the helpers for the next type
    return true;
  }

  bool report() const {
    std::printf(
        "%u programs, host accepts %u, %u not known to us, %u accepted against the host, %u other errors, %u "
        "other sentences\n",
        asked_, accepted_, unknown_, unsound_, differ_ - unsound_, words_differ_);
    for (const auto& [what, n] : unknowns_) std::printf("  %6u  %s\n", n, what.c_str());
    constexpr unsigned kAskedMin = 60000 / kShare, kAcceptedMin = 5000 / kShare;
    return unsound_ == 0 && asked_ >= kAskedMin && accepted_ >= kAcceptedMin;
  }

 private:
  static constexpr u32 kShare = base::kSanitized ? 16 : 4;  // of all calls, enough for every day
  const bool all_ = support::slice_length(1) > 1;
  base::u64 first_ = support::slice_seed();

  static Value wanted(Arg a) {
    switch (a) {
      case Arg::DONTCARE:
        return Value::nothing;
      case Arg::ANYTHING:
      case Arg::CONST_SIZE:
      case Arg::CONST_SIZE_OR_ZERO:
      case Arg::CONST_ALLOC_SIZE_OR_ZERO:
        return Value::eight;
      case Arg::CONST_MAP_PTR:
        return Value::map;
      case Arg::PTR_TO_CTX:
      case Arg::PTR_TO_CTX_OR_NULL:
        return Value::ctx;
      default:
        return Value::stack;
    }
  }

  void ask_helper(const ProgCase& c, u32 id) {
    const bpf::HelperProto* proto = bpf::find_helper(id, c.type);
    std::vector<Choice> call;
    bool has_map = false;
    for (const Arg a : proto->args) {
      call.push_back({wanted(a)});
      has_map |= call.back().value == Value::map;
    }
    ask(c, id, {}, true);
    ask(c, id, call, false);
    if (!bpf::helper_allowed(id, c.type, c.attach)) {
      ask(c, id, call, true);
      return;
    }
    for (u32 m = 0; m < (has_map ? maps_.size() : 1); ++m) {
      for (Choice& choice : call) choice.map = m;
      ask(c, id, call, true);
      for (std::size_t a = 0; a < call.size() && call[a].value != Value::nothing; ++a)
        for (const Value other : {Value::nothing, Value::eight, Value::zero, Value::unknown, Value::stack, Value::ctx,
                                  Value::packet, Value::map}) {
          auto changed = call;
          changed[a].value = other;
          ask(c, id, changed, true);
        }
    }
  }

  void ask(const ProgCase& c, u32 id, const std::vector<Choice>& args, bool gpl) {
    const Packet* packet = packet_of(c.type);
    std::vector<bpf::bpf_insn> program;
    const auto add = [&program](std::initializer_list<Op> ops) {
      const auto more = code(ops);
      program.insert(program.end(), more.begin(), more.end());
    };
    add({mov64_reg(R6, R1)});
    for (int off = -kScratch; off < 0; off += 8) add({st(bpf::BPF_DW, R10, off, 0)});
    add({call_helper(bpf::BPF_FUNC_get_prandom_u32), mov64_reg(R8, R0), mov64_imm(R7, 0)});
    std::size_t branch = 0;
    if (packet != nullptr) {
      add({ldx(packet->size, R7, R6, packet->begin), ldx(packet->size, R9, R6, packet->end), mov64_reg(R2, R7),
           add64_imm(R2, kScratch)});
      branch = program.size();
      add({jmp_reg(bpf::BPF_JGT, R2, R9, 0), mov64_reg(R0, R7), call_helper(bpf::BPF_FUNC_ktime_get_ns)});
    }
    for (std::size_t a = 0; a < args.size(); ++a) {
      const Reg r = static_cast<Reg>(R1 + a);
      switch (args[a].value) {
        case Value::nothing:
          break;
        case Value::eight:
          add({mov64_imm(r, 8)});
          break;
        case Value::zero:
          add({mov64_imm(r, 0)});
          break;
        case Value::unknown:
          add({mov64_reg(r, R8)});
          break;
        case Value::stack:
          add({mov64_reg(r, R10), add64_imm(r, -kScratch)});
          break;
        case Value::ctx:
          add({mov64_reg(r, R6)});
          break;
        case Value::packet:
          if (packet == nullptr) return;
          add({mov64_reg(r, R7)});
          break;
        case Value::map:
          add({ld_map(r, args[a].map)});
          break;
      }
    }
    add({call_helper(static_cast<int>(id))});
    if (branch != 0) program[branch].off = static_cast<base::s16>(program.size() - branch - 1);
    add({mov64_imm(R0, kGoodReturn), exit_insn()});
    auto source = make_source(c, std::move(program));
    source.gpl_compatible = gpl;
    judge(c, id, source, args);
  }

  static std::string last_sentence(const std::string& log) {
    std::string out;
    for (std::size_t at = 0; at < log.size();) {
      const std::size_t end = std::min(log.find('\n', at), log.size());
      std::string line = log.substr(at, end - at);
      at = end + 1;
      // The host's sentence for a wrong tail call has no line end of its own.
      if (const auto tail = line.find("processed "); tail != std::string::npos) line.resize(tail);
      if (line.starts_with("refused at") || line.starts_with("advice:") || line.starts_with("verification time"))
        continue;
      if (line.starts_with("stack depth ")) continue;
      if (!line.empty()) out = line;
    }
    return out;
  }

  void judge(const ProgCase& c, u32 id, bpf::ProgSource& source, const std::vector<Choice>& args) {
    source.maps = used_maps(source);
    const auto ours = bpf::verifier::verify(source, {.kernel = support::kernel_types});
    source.maps.clear();
    for (bpf::bpf_insn& insn : source.insns)
      if (bpf::insn_is_ld_imm64(insn) && insn.src_reg == bpf::BPF_PSEUDO_MAP_FD)
        insn.imm = static_cast<base::s32>(map_used_);
    const auto host = host_load(source, fds_);
    ++asked_;
    accepted_ += host.accepted();
    if (ours.unsupported) {
      ++unknown_;
      ++unknowns_[ours.reason];
      return;
    }
    const bool same = ours.error == host.error;
    unsound_ += ours.accepted() && !host.accepted();
    differ_ += !same;
    if (same && host.accepted()) return;
    const auto told = host_load(source, fds_, bpf::BPF_LOG_LEVEL1);
    const std::string theirs = last_sentence(told.log), mine = last_sentence(ours.log);
    if (same && theirs == mine) return;
    words_differ_ += same;
    auto& shown = shown_[(same ? "words " : "verdict ") + std::to_string(id) + (same ? theirs.substr(0, 12) : mine)];
    const bool unsound = ours.accepted();
    if (shown++ != 0 || (!unsound && shown_total_++ > kShown)) return;
    std::printf("%s attach %u, bpf_%s(", bpf::kProgTypes[c.type].name.data(), static_cast<unsigned>(c.attach),
                bpf::find_helper(id)->name.data());
    for (const Choice& a : args)
      std::printf("%s ", std::array{"-", "8", "0", "?", "stack", "ctx", "packet", "map"}[static_cast<int>(a.value)]);
    std::printf(") map %u: ours %d '%s', host %d '%s'\n", args.empty() ? 0 : args[0].map, ours.error, mine.c_str(),
                host.error, theirs.c_str());
  }

  // One map at most is in the program: our verifier gets it alone, as number 0.
  std::vector<bpf::MapFacts> used_maps(bpf::ProgSource& source) {
    std::vector<bpf::MapFacts> out;
    for (bpf::bpf_insn& insn : source.insns) {
      if (!bpf::insn_is_ld_imm64(insn) || insn.src_reg != bpf::BPF_PSEUDO_MAP_FD) continue;
      map_used_ = static_cast<u32>(insn.imm);
      insn.imm = 0;
      if (out.empty()) out.push_back(maps_[map_used_]);
    }
    return out;
  }

  const std::vector<bpf::MapFacts>& maps_;
  std::vector<Fd> fds_;
  u32 map_used_ = 0;
  unsigned asked_ = 0, accepted_ = 0, unknown_ = 0, differ_ = 0, unsound_ = 0, words_differ_ = 0;
  int shown_total_ = 0;
  std::map<std::string, unsigned> unknowns_;
  std::map<std::string, unsigned> shown_;
};

}  // namespace

int main() {
  if (const auto& why = host_kernel_unusable()) {
    std::printf("SKIPPED: host kernel is no oracle here: %s\n", why->c_str());
    return kSkipped;
  }
  const auto maps = make_maps();
  Asker asker(maps);
  for (const ProgCase& c : prog_cases())
    if (!asker.ask_all(c)) return 1;
  return asker.report() ? 0 : 1;
}
