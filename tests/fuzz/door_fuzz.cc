// SPDX-License-Identifier: Apache-2.0
// Random sequences of bpf(2) commands through a socket to our door: nothing crashes, nothing is left over when the
// client is gone, and no program gets near a port or a test run that the verifier has not accepted.
//
// Shape     attrs come from abi_cases: a command that could succeed, with some fields exchanged for live objects, for
//           values of their kind, or for anything. A round is one client's life of some hundred commands; some pin.
// Usage     door_fuzz [--seed S] [--seconds T]; round k of a run has seed S + k. Exit 1 with the round's seed.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <thread>

#include "base/percpu.h"
#include "base/reclaim.h"
#include "bpf/abi/insn.h"
#include "bpf/load/client.h"
#include "control/door_server.h"
#include "tests/oracle/abi_cases.h"
#include "tests/support/slice.h"
#include "tests/unit/control/fake_ports.h"

namespace {

using abi_oracle::Command;
using abi_oracle::Field;
using abi_oracle::Kind;
using base::u32;
using base::u64;
using base::u8;
using bpf::bpf_attr;
using bpf::bpf_insn;

constexpr u32 kCommandsPerRound = 400;
constexpr std::size_t kHeldMax = 48;
constexpr std::size_t kProgramInsns = 64;

[[noreturn]] void fail(u64 seed, const std::string& what) {
  std::printf("FAILED: %s; again with --seed %llu\n", what.c_str(), static_cast<unsigned long long>(seed));
  std::exit(1);
}

// What tells two programs apart here: their operations, which loading does not change.
std::string operations(std::span<const bpf_insn> insns) {
  std::string all;
  for (const bpf_insn& insn : insns) all.push_back(char(insn.code));
  return all;
}

// Ports that take verified programs only. The set is filled by the builder's own verdicts.
class StrictPorts final : public control::PortHooks {
 public:
  StrictPorts(control_test::FakePorts& ports, const std::set<std::string>& verified)
      : ports_(ports), verified_(verified) {}
  base::Status set_xdp(u32 ifindex, const std::shared_ptr<control::Program>& program) override {
    if (program && !verified_.contains(operations(program->info().xlated))) unverified = true;
    return ports_.set_xdp(ifindex, program);
  }
  base::Status set_tc(u32 ifindex, control::TcHook hook,
                      const std::vector<std::shared_ptr<control::Program>>& programs) override {
    for (const auto& program : programs)
      if (!verified_.contains(operations(program->info().xlated))) unverified = true;
    return ports_.set_tc(ifindex, hook, programs);
  }
  void want_run_time(bool on) override { ports_.want_run_time(on); }
  std::vector<control::PortState> states() const override { return ports_.states(); }
  bool unverified = false;

 private:
  control_test::FakePorts& ports_;
  const std::set<std::string>& verified_;
};

// Where answers go: far from everything else, so that an address with a few bits changed is nobody's memory.
u8* arena() {
  constexpr u64 kPlace = u64{3} << 44;  // not in AddressSanitizer's shadow
  constexpr std::size_t kBytes = 1 << 16;
  static auto* const begin = mmap(reinterpret_cast<void*>(kPlace), kBytes, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (begin == MAP_FAILED) std::abort();
  return static_cast<u8*>(begin);
}

// A door and one client on it.
class Round {
 public:
  explicit Round(u64 seed) : seed_(seed), random_(seed) {
    auto ends = bpf::load::make_channel_pair();
    server_end_ = bpf::load::Channel(std::move(ends->first));
    client_end_ = bpf::load::Channel(std::move(ends->second));
    client_ = std::make_unique<bpf::load::DoorClient>(client_end_, base::possible_cpu_count());
    thread_ = std::thread([this] {
      for (;;) {
        auto message = server_end_.receive(60'000);
        if (!message || !server_->serve(server_end_, *message)) return;
      }
    });
    held_.push_back({open("/dev/null", O_RDWR | O_CLOEXEC), bpf::__MAX_BPF_CMD});
  }

  void run() {
    for (u32 i = 0; i < kCommandsPerRound; ++i) step();
    for (const Held& held : held_) close(held.fd);
    client_end_ = bpf::load::Channel();
    thread_.join();
    server_.reset();
    for (const char* name : kPaths) (void)door_->unpin(name);
    base::Reclaim::process().synchronize();
    if (ports_.unverified) fail(seed_, "a port got a program that was not verified");
    for (const auto& program : door_->programs())
      if (!verified_.contains(operations(program->info().xlated))) fail(seed_, "a program lives unverified");
    if (!door_->links().empty() || !fakes_.programs.empty()) fail(seed_, "a link outlived its client");
    if (!door_->programs().empty()) fail(seed_, "a program outlived its client");
    if (!door_->maps().empty()) fail(seed_, "a map outlived its client");
    if (!door_->btfs().empty()) fail(seed_, "BTF outlived its client");
    if (fakes_.timed) fail(seed_, "run time is still taken");
  }

  u64 commands = 0, succeeded = 0;

 private:
  static constexpr const char* kPaths[] = {"/sys/fs/bpf/fuzz_a", "/sys/fs/bpf/fuzz_b"};

  control::DoorConfig config() {
    control::DoorConfig config = fakes_.config();
    config.ports = &ports_;
    config.limits.maps_memory_bytes_max = u64{64} << 20;
    config.build = [this](const bpf::builder::BuildRequest& request) -> base::Result<bpf::builder::BuildReply> {
      auto reply = bpf::builder::build(request);
      if (reply.verdict.accepted()) verified_.insert(operations(request.source.insns));
      return reply;
    };
    return config;
  }

  u64 below(u64 bound) { return random_() % bound; }
  bool one_in(u64 n) { return below(n) == 0; }
  int any_fd() { return held_[below(held_.size())].fd; }

  void step() {
    const auto& all = abi_oracle::commands();
    const Command& command = all[below(all.size())];
    alignas(8) u8 attr[512] = {};
    for (const Field& field : command.fields) put(attr, field, value_of(field));
    for (u64 n = one_in(2) ? below(4) : 0; n > 0; --n) {
      const Field& field = command.fields[below(command.fields.size())];
      put(attr, field, any_value(field));
    }
    for (u64 n = one_in(8) ? below(4) : 0; n > 0; --n) attr[below(sizeof(bpf_attr))] ^= u8(1U << below(8));
    const u32 size = one_in(16) ? u32(below(sizeof attr)) : u32(sizeof(bpf_attr));
    bpf_attr seen;
    std::memcpy(&seen, attr, sizeof seen);
    if (abi_oracle::too_large(command.cmd, seen)) return;
    const long rc = client_->call(command.cmd, attr, size);
    ++commands;
    succeeded += rc >= 0;
    if (rc > 2 && command.gives_fd) hold(int(rc), command.cmd);
  }

  static void put(u8* attr, const Field& field, u64 value) { std::memcpy(attr + field.offset, &value, field.bytes); }

  void hold(int fd, u32 maker) {
    if (held_.size() < kHeldMax) return held_.push_back({fd, maker});
    Held& place = held_[1 + below(kHeldMax - 1)];
    close(place.fd);
    place = {fd, maker};
  }

  // What the command would like to have, or something of the kind.
  u64 value_of(const Field& field) {
    using abi_oracle::Sym;
    if (field.kind == Kind::pointer) return pointer(field);
    switch (field.base.sym) {
      case Sym::number:
        return field.base.number;
      case Sym::port:
      case Sym::held_port:
        return control_test::FakePorts::kFirst + below(3);
      case Sym::map_id:
      case Sym::prog_id:
      case Sym::btf_id:
      case Sym::link_id:
        return below(8);
      default:
        return u64(fd_of(field.base.sym));
    }
  }
  // Those that came from the command that makes such objects; any where there are none.
  int fd_of(abi_oracle::Sym sym) {
    using abi_oracle::Sym;
    const u32 maker = sym == Sym::map                              ? bpf::BPF_MAP_CREATE
                      : sym == Sym::prog || sym == Sym::other_prog ? bpf::BPF_PROG_LOAD
                      : sym == Sym::btf                            ? bpf::BPF_BTF_LOAD
                      : sym == Sym::link                           ? bpf::BPF_LINK_CREATE
                                                                   : bpf::__MAX_BPF_CMD;
    for (int tries = 0; tries < 24; ++tries)
      if (const Held& held = held_[below(held_.size())]; held.maker == maker) return held.fd;
    return any_fd();
  }
  u64 any_value(const Field& field) {
    const auto values = abi_oracle::values_of(field);
    const auto& value = values[below(values.size())];
    if (value.sym == abi_oracle::Sym::number) return value.number;
    return field.kind == Kind::pointer ? pointer(field) : u64(any_fd());
  }

  u64 pointer(const Field& field) {
    using abi_oracle::Sym;
    switch (field.base.sym) {
      case Sym::program:
        return address(make_program());
      case Sym::types:
        return types();
      case Sym::license:
        return address("GPL");
      case Sym::pinned:
      case Sym::new_path:
        return address(kPaths[below(std::size(kPaths))]);
      case Sym::number:
        return one_in(4) ? address(room_) : 0;
      default:
        break;
    }
    for (std::size_t i = 0; i < 16; ++i) room_[i] = one_in(3) ? u8(below(256)) : 0;
    // A value may name an object.
    if (const int fd = any_fd(); one_in(2)) std::memcpy(room_, &fd, sizeof fd);
    return address(room_);
  }
  template <class T>
  static u64 address(const T* p) {
    return reinterpret_cast<u64>(p);
  }

  // Right ones, nearly right ones and heaps of instructions.
  const bpf_insn* make_program() {
    std::memset(program_, 0, sizeof program_);
    std::size_t n = 0;
    const auto put = [&](bpf_insn insn) { program_[n++] = insn; };
    if (one_in(3)) {  // a map's address
      put({bpf::BPF_LD | bpf::BPF_IMM | bpf::BPF_DW, 1, bpf::BPF_PSEUDO_MAP_FD, 0, fd_of(abi_oracle::Sym::map)});
      put({});
      if (one_in(2)) {
        put({bpf::BPF_ALU64 | bpf::BPF_MOV, 3, 0, 0, int(below(4))});
        put({bpf::BPF_JMP | bpf::BPF_CALL, 0, 0, 0, int(below(220))});
      }
    }
    put({bpf::BPF_ALU64 | bpf::BPF_MOV, 0, 0, 0, int(below(5))});
    put({bpf::BPF_JMP | bpf::BPF_EXIT, 0, 0, 0, 0});
    for (u64 k = one_in(3) ? below(8) : 0; k > 0; --k) {
      u8 bytes[sizeof(bpf_insn)];
      bpf_insn& insn = program_[below(n)];
      std::memcpy(bytes, &insn, sizeof bytes);
      bytes[below(sizeof bytes)] ^= u8(1U << below(8));
      std::memcpy(&insn, bytes, sizeof bytes);
    }
    return program_;
  }

  u64 types() {
    const u8 blob[] = {0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 16, 0,  0, 0, 16, 0, 0,   0,   5,   0, 0,
                       0,    1,    0, 0, 0,  0, 0, 0, 1, 4, 0, 0, 0,  32, 0, 0, 0,  0, 'i', 'n', 't', 0};
    std::memcpy(types_, blob, sizeof blob);
    if (one_in(3)) types_[below(sizeof blob)] ^= u8(1U << below(8));
    return address(types_);
  }

  u64 seed_;
  std::mt19937_64 random_;
  std::set<std::string> verified_;
  control_test::FakePorts fakes_;
  StrictPorts ports_{fakes_, verified_};
  std::unique_ptr<control::Door> door_ = std::make_unique<control::Door>(config());
  std::unique_ptr<control::DoorServer> server_ = std::make_unique<control::DoorServer>(*door_, 0, bpf::Capabilities{});
  bpf::load::Channel server_end_;
  bpf::load::Channel client_end_;
  std::unique_ptr<bpf::load::DoorClient> client_;
  std::thread thread_;
  struct Held {
    int fd;
    u32 maker;  // command
  };
  std::vector<Held> held_;
  bpf_insn program_[kProgramInsns] = {};
  u8 types_[4096] = {};
  u8* const room_ = arena();
};

}  // namespace

int main(int argc, char** argv) {
  u64 seed = support::slice_seed();
  double seconds = 12;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seed") == 0) seed = std::strtoull(argv[i + 1], nullptr, 0);
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = support::slice_length(std::strtod(argv[i + 1], nullptr));
  }
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  const auto begin = std::chrono::steady_clock::now();
  u64 rounds = 0, commands = 0, succeeded = 0;
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < seconds) {
    Round round(seed + rounds++);
    round.run();
    commands += round.commands;
    succeeded += round.succeeded;
  }
  std::printf("%llu clients, %llu commands, %llu of them succeeded; nothing was left over\n",
              static_cast<unsigned long long>(rounds), static_cast<unsigned long long>(commands),
              static_cast<unsigned long long>(succeeded));
  return succeeded * 10 > commands ? 0 : 1;  // else it tests refusals only
}
