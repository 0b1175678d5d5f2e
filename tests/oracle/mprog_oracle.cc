// SPDX-License-Identifier: Apache-2.0
// mprog_oracle — the order of programs on a tcx hook: random attachments, with links and without, on the host kernel
// and on our door. Every answer must be the same number, and after each command both must have the same programs in the
// same order under the same revision. `mprog_oracle [--steps N] [--seed N]`; exit 77 is a loud skip.
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

#include "bpf/abi/attr.h"
#include "bpf/abi/flags.h"
#include "bpf/abi/info.h"
#include "bpf/abi/insn.h"
#include "bpf/abi/types.h"
#include "tests/oracle/abi_worlds.h"
#include "tests/support/attr.h"
#include "tests/support/host_kernel.h"

namespace abi_oracle {
namespace {

using bpf::bpf_attr;
using support::address;
using support::zero_attr;

constexpr int kSkipped = 77;
constexpr u32 kPrograms = 6, kLinks = 4, kOtherType = kPrograms;  // the last program is an XDP one
constexpr u32 kNoLink = 0x7fffffff;                               // an id that nobody has

// What is on a hook, in words that mean the same in both worlds.
struct Order {
  long answer = 0;
  u64 revision = 0;
  std::vector<int> programs, links;
  bool operator==(const Order&) const = default;
};

// One command as both worlds are asked it: objects by number.
struct Step {
  enum class Kind { attach, detach, create, update, let_go, drop, query } kind;
  u32 program, other;  // which
  u32 link;
  u32 flags;
  u32 attach_type;
  enum class Relative { none, program, other_type, link, nonsense } relative;
  u32 relative_index;
  int revision;  // 0 none, 1 the present one, 2 another
  u32 room;      // of a query
};

class Side {
 public:
  explicit Side(std::unique_ptr<World> world) : world_(std::move(world)) { links_.fill(-1); }
  ~Side() {
    for (const int fd : links_)
      if (fd >= 0) close(fd);
    for (const int fd : programs_) close(fd);
  }

  bool make() {
    for (u32 i = 0; i <= kPrograms; ++i) {
      static const bpf::bpf_insn insns[] = {{bpf::BPF_ALU64 | bpf::BPF_MOV, 0, 0, 0, 0},
                                            {bpf::BPF_JMP | bpf::BPF_EXIT, 0, 0, 0, 0}};
      static const char license[] = "GPL";
      bpf_attr attr = zero_attr();
      attr.prog_type = i == kOtherType ? bpf::BPF_PROG_TYPE_XDP : bpf::BPF_PROG_TYPE_SCHED_CLS;
      attr.insns = address(insns);
      attr.insn_cnt = 2;
      attr.license = address(license);
      programs_[i] = int(world_->call(bpf::BPF_PROG_LOAD, &attr, sizeof attr));
      if (programs_[i] < 0) return false;
      program_ids_[i] = id_of(programs_[i]);
    }
    return true;
  }

  long run(const Step& step, u64 revision) {
    bpf_attr attr = zero_attr();
    switch (step.kind) {
      case Step::Kind::attach:
      case Step::Kind::detach:
        attr.target_ifindex = ifindex();
        attr.attach_bpf_fd = u32(programs_[step.program]);
        if (step.kind == Step::Kind::detach && step.other == 0) attr.attach_bpf_fd = 0;
        attr.attach_type = step.attach_type;
        attr.attach_flags = step.flags;
        if (step.kind == Step::Kind::attach && (step.flags & bpf::BPF_F_REPLACE))
          attr.replace_bpf_fd = u32(programs_[step.other]);
        attr.relative_fd = relative(step);
        attr.expected_revision = expected(step, revision);
        return call(step.kind == Step::Kind::attach ? bpf::BPF_PROG_ATTACH : bpf::BPF_PROG_DETACH, attr);
      case Step::Kind::create:
        return create(step, revision);
      case Step::Kind::update:
        attr.link_update.link_fd = link(step.link);
        attr.link_update.new_prog_fd = u32(programs_[step.program]);
        attr.link_update.flags = step.flags & bpf::BPF_F_REPLACE;
        if (attr.link_update.flags) attr.link_update.old_prog_fd = u32(programs_[step.other]);
        return call(bpf::BPF_LINK_UPDATE, attr);
      case Step::Kind::let_go:
        attr.link_detach.link_fd = link(step.link);
        return call(bpf::BPF_LINK_DETACH, attr);
      case Step::Kind::drop:
        if (links_[step.link] >= 0) close(links_[step.link]);
        links_[step.link] = -1;
        link_ids_[step.link] = 0;
        return 0;
      case Step::Kind::query:
        return long(order(step.attach_type, step.room).answer);
    }
    return 0;
  }

  Order order(u32 attach_type, u32 room) {
    std::array<u32, 64> ids, links, flags;
    ids.fill(~0u), links.fill(~0u), flags.fill(~0u);
    bpf_attr attr = zero_attr();
    attr.query.target_ifindex = ifindex();
    attr.query.attach_type = attach_type;
    attr.query.count = room;
    attr.query.prog_ids = address(ids.data());
    attr.query.link_ids = address(links.data());
    attr.query.prog_attach_flags = address(flags.data());
    Order order;
    order.answer = call(bpf::BPF_PROG_QUERY, attr);
    order.revision = attr.query.revision << 32 | attr.query.count;
    for (u32 i = 0; i < ids.size(); ++i) {
      order.programs.push_back(index_of(program_ids_, ids[i]));
      order.links.push_back(index_of(link_ids_, links[i]) + int(flags[i]) * 100);
    }
    return order;
  }
  u64 revision(u32 attach_type) { return order(attach_type, 0).revision >> 32; }

 private:
  static u32 ifindex() { return if_nametoindex("sluice_a"); }
  long call(u32 cmd, bpf_attr& attr) { return world_->call(cmd, &attr, sizeof attr); }

  template <std::size_t n>
  static int index_of(const std::array<u32, n>& known, u32 id) {
    if (id == 0) return -1;
    for (std::size_t i = 0; i < n; ++i)
      if (known[i] == id) return int(i);
    return id == ~0u ? -2 : -3;
  }

  u32 id_of(int fd) {
    u32 info[8] = {};
    bpf_attr attr = zero_attr();
    attr.info.bpf_fd = u32(fd);
    attr.info.info = address(info);
    attr.info.info_len = sizeof info;
    return call(bpf::BPF_OBJ_GET_INFO_BY_FD, attr) == 0 ? info[1] : 0;
  }

  u32 link(u32 index) const { return links_[index] >= 0 ? u32(links_[index]) : 987; }

  u32 relative(const Step& step) const {
    const bool by_id = step.flags & bpf::BPF_F_ID;
    switch (step.relative) {
      case Step::Relative::none:
        return 0;
      case Step::Relative::program: {
        const u32 i = step.relative_index % kPrograms;
        return by_id ? program_ids_[i] : u32(programs_[i]);
      }
      case Step::Relative::other_type:
        return by_id ? program_ids_[kOtherType] : u32(programs_[kOtherType]);
      case Step::Relative::link: {
        const u32 i = step.relative_index % kLinks;
        return !by_id ? link(i) : link_ids_[i] ? link_ids_[i] : kNoLink;
      }
      case Step::Relative::nonsense:
        return by_id ? kNoLink : 987;
    }
    return 0;
  }

  static u64 expected(const Step& step, u64 revision) {
    return step.revision == 0 ? 0 : step.revision == 1 ? revision : revision + 1;
  }

  long create(const Step& step, u64 revision) {
    if (links_[step.link] >= 0) return 0;
    bpf_attr attr = zero_attr();
    attr.link_create.prog_fd = u32(programs_[step.program]);
    attr.link_create.target_ifindex = ifindex();
    attr.link_create.attach_type = step.attach_type;
    attr.link_create.flags = step.flags;
    attr.link_create.tcx.relative_fd = relative(step);
    attr.link_create.tcx.expected_revision = expected(step, revision);
    const long fd = call(bpf::BPF_LINK_CREATE, attr);
    if (fd < 0) return fd;
    links_[step.link] = int(fd);
    link_ids_[step.link] = id_of(int(fd));
    return 0;
  }

  std::unique_ptr<World> world_;
  std::array<int, kPrograms + 1> programs_{};
  std::array<u32, kPrograms + 1> program_ids_{};
  std::array<int, kLinks> links_;
  std::array<u32, kLinks> link_ids_{};
};

class Dice {
 public:
  explicit Dice(u64 seed) : engine_(seed) {}
  u32 below(u32 end) { return u32(engine_() % end); }
  bool one_in(u32 n) { return below(n) == 0; }

  Step step() {
    constexpr u32 kPlaces[] = {0, 0, bpf::BPF_F_BEFORE, bpf::BPF_F_AFTER, bpf::BPF_F_BEFORE | bpf::BPF_F_AFTER};
    Step step{};
    constexpr Step::Kind kKinds[] = {Step::Kind::attach, Step::Kind::attach, Step::Kind::attach, Step::Kind::detach,
                                     Step::Kind::detach, Step::Kind::create, Step::Kind::create, Step::Kind::update,
                                     Step::Kind::let_go, Step::Kind::drop,   Step::Kind::query};
    step.kind = kKinds[below(std::size(kKinds))];
    step.program = one_in(20) ? kOtherType : below(kPrograms);
    step.other = one_in(30) ? kOtherType : below(kPrograms);
    step.link = below(kLinks);
    step.attach_type = one_in(4) ? bpf::BPF_TCX_EGRESS : bpf::BPF_TCX_INGRESS;
    step.flags = kPlaces[below(std::size(kPlaces))];
    if (one_in(5)) step.flags |= bpf::BPF_F_REPLACE;
    if (one_in(3)) step.flags |= bpf::BPF_F_ID;
    if (one_in(40)) step.flags |= 1u << below(32);
    const u32 kind = below(20);
    step.relative = kind < 8    ? Step::Relative::none
                    : kind < 14 ? Step::Relative::program
                    : kind < 18 ? Step::Relative::link
                    : kind < 19 ? Step::Relative::other_type
                                : Step::Relative::nonsense;
    if (step.relative == Step::Relative::link ? !one_in(10) : one_in(30)) step.flags |= bpf::BPF_F_LINK;
    step.relative_index = below(12);
    step.revision = one_in(4) ? 1 : one_in(10) ? 2 : 0;
    step.room = below(8);
    return step;
  }

 private:
  std::mt19937_64 engine_;
};

std::string text(const Step& step) {
  constexpr const char* kKinds[] = {"PROG_ATTACH", "PROG_DETACH", "LINK_CREATE", "LINK_UPDATE",
                                    "LINK_DETACH", "close",       "PROG_QUERY"};
  constexpr const char* kRelatives[] = {"nothing", "program", "program of another type", "link", "nonsense"};
  char line[200];
  std::snprintf(line, sizeof line,
                "%s type %u program %u other %u link %u flags %#x relative %s %u revision %d room %u",
                kKinds[int(step.kind)], step.attach_type, step.program, step.other, step.link, step.flags,
                kRelatives[int(step.relative)], step.relative_index, step.revision, step.room);
  return line;
}

std::string text(const Order& order) {
  std::string line = "answer " + std::to_string(order.answer) + " revision " + std::to_string(order.revision >> 32) +
                     " count " + std::to_string(u32(order.revision)) + " programs";
  for (std::size_t i = 0; i < order.programs.size() && order.programs[i] != -2; ++i)
    line += " " + std::to_string(order.programs[i]) + "/" + std::to_string(order.links[i]);
  return line;
}

int run(u64 seed, u64 steps) {
  Side host(make_host_world()), ours(make_our_world());
  if (!host.make() || !ours.make()) {
    std::printf("programs do not load\n");
    return 1;
  }
  Dice dice(seed);
  std::map<long, u64> answers;
  for (u64 i = 0; i < steps; ++i) {
    const Step step = dice.step();
    const u64 revision = host.revision(step.attach_type);
    const long theirs = host.run(step, revision), mine = ours.run(step, revision);
    ++answers[theirs];
    const Order their_order = host.order(step.attach_type, 64), my_order = ours.order(step.attach_type, 64);
    if (theirs == mine && their_order == my_order) continue;
    std::printf("FAILED at step %llu of seed %llu: %s\n  host: %ld, then %s\n  ours: %ld, then %s\n",
                static_cast<unsigned long long>(i), static_cast<unsigned long long>(seed), text(step).c_str(), theirs,
                text(their_order).c_str(), mine, text(my_order).c_str());
    return 1;
  }
  for (const auto& [answer, count] : answers)
    std::printf("%8llu x %s\n", static_cast<unsigned long long>(count),
                answer == 0 ? "ok" : strerrorname_np(int(-answer)));
  std::printf("%llu commands of seed %llu: every answer and every order is the host's\n",
              static_cast<unsigned long long>(steps), static_cast<unsigned long long>(seed));
  return 0;
}

}  // namespace
}  // namespace abi_oracle

int main(int argc, char** argv) {
  abi_oracle::u64 steps = 20000, seed = std::random_device()();
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--steps") == 0) steps = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--seed") == 0) seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  if (const auto& why = support::host_kernel_unusable()) {
    std::printf("SKIPPED: host kernel is no oracle here: %s\n", why->c_str());
    return abi_oracle::kSkipped;
  }
  if (!abi_oracle::enter_network()) {
    std::printf("SKIPPED: no network namespace with two devices can be made here\n");
    return abi_oracle::kSkipped;
  }
  return abi_oracle::run(seed, steps);
}
