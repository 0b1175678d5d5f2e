// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/abi_worlds.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/percpu.h"
#include "bpf/abi/attr.h"
#include "bpf/abi/insn.h"
#include "bpf/load/client.h"
#include "control/door_server.h"
#include "tests/support/attr.h"
#include "tests/unit/control/fake_ports.h"

namespace abi_oracle {
namespace {

using bpf::bpf_attr;
using support::address;
using support::zero_attr;

constexpr int kClosed = 987;
constexpr std::size_t kSyms = std::size_t(Sym::new_path) + 1;

// Two instructions, and a million that are none behind them.
const bpf::bpf_insn* program() {
  static const auto* const insns = [] {
    static bpf::bpf_insn room[(1 << 20) + 4096];
    room[0] = {bpf::BPF_ALU64 | bpf::BPF_MOV, 0, 0, 0, 2};
    room[1] = {bpf::BPF_JMP | bpf::BPF_EXIT, 0, 0, 0, 0};
    return room;
  }();
  return insns;
}
const char kLicense[128] = "GPL";

// An int of four bytes: type 1.
struct Types {
  base::u16 magic = 0xeb9f;
  base::u8 version = 1, flags = 0;
  u32 header = 24, types_at = 0, types_bytes = 16, strings_at = 16, strings_bytes = 5;
  u32 name = 1, info = 1U << 24, size = 4, encoding = 32;
  char strings[5] = {0, 'i', 'n', 't', 0};
  char padding[4096] = {};
};
const Types kTypes;

const std::string& path(Sym sym) {
  static const std::string pinned = "/sys/fs/bpf/sluice_abi_" + std::to_string(getpid());
  static const std::string fresh = pinned + "_new";
  return sym == Sym::pinned ? pinned : fresh;
}

// A page of zeros, and one that nobody may touch behind it.
std::byte* memory() {
  static auto* const begin = [] {
    void* two = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (two == MAP_FAILED) std::abort();
    mprotect(static_cast<char*>(two) + 4096, 4096, PROT_NONE);
    return static_cast<std::byte*>(two);
  }();
  return begin;
}

class HostWorld final : public World {
 public:
  ~HostWorld() override {
    for (const Sym sym : {Sym::pinned, Sym::new_path}) ::unlink(path(sym).c_str());
  }
  long call(u32 cmd, void* attr, u32 size) override {
    const long rc = ::syscall(SYS_bpf, cmd, attr, size);
    return rc < 0 ? -errno : rc;
  }
  void unlink(const std::string& name) override { ::unlink(name.c_str()); }
};

class OurWorld final : public World {
 public:
  OurWorld() {
    auto ends = bpf::load::make_channel_pair();
    server_end_ = bpf::load::Channel(std::move(ends->first));
    client_end_ = bpf::load::Channel(std::move(ends->second));
    thread_ = std::thread([this] {
      for (;;) {
        auto message = server_end_.receive(600'000);
        if (!message || !server_.serve(server_end_, *message)) return;
      }
    });
  }
  ~OurWorld() override {
    client_end_ = bpf::load::Channel();
    thread_.join();
  }
  long call(u32 cmd, void* attr, u32 size) override { return client_.call(cmd, attr, size); }
  // The server is idle between two calls.
  void unlink(const std::string& name) override { (void)door_.unpin(name); }

 private:
  control_test::FakePorts ports_;
  control::Door door_{ports_.config()};
  control::DoorServer server_{door_, 0, {}};
  bpf::load::Channel server_end_;
  bpf::load::Channel client_end_;
  bpf::load::DoorClient client_{client_end_, base::possible_cpu_count()};
  std::thread thread_;
};

int open_cgroup() {
  const int unified = open("/sys/fs/cgroup/unified", O_RDONLY | O_CLOEXEC);
  return unified >= 0 ? unified : open("/sys/fs/cgroup", O_RDONLY | O_CLOEXEC);
}

}  // namespace

World::~World() {
  for (const int fd : fds_)
    if (fd >= 0) close(fd);
}

// What was unpinned on the host is let go of a little later.
long World::made(u32 cmd, void* attr) {
  long rc = call(cmd, attr, sizeof(bpf_attr));
  for (int tries = 0; rc == -EBUSY && tries < 1000; ++tries) {
    usleep(1000);
    rc = call(cmd, attr, sizeof(bpf_attr));
  }
  if (rc >= 0) return rc;
  std::fprintf(stderr, "command %u: %s\n", cmd, std::strerror(int(-rc)));
  good_ = false;
  return -1;
}

void World::keep(Sym sym, long fd) {
  int& place = fds_[std::size_t(sym)];
  if (place >= 0) close(place);
  place = int(fd);
}

// The second word of every info struct, but for that of BTF, where it is the fourth.
void World::note_id(Sym id, Sym object) {
  u32 info[8] = {};
  bpf_attr attr = zero_attr();
  attr.info.bpf_fd = u32(fds_[std::size_t(object)]);
  attr.info.info = address(info);
  attr.info.info_len = sizeof info;
  made(bpf::BPF_OBJ_GET_INFO_BY_FD, &attr);
  ids_[std::size_t(id)] = info[object == Sym::btf ? 3 : 1];
}

void World::make_map() {
  bpf_attr attr = zero_attr();
  attr.map_type = bpf::BPF_MAP_TYPE_HASH;
  attr.key_size = attr.value_size = 4;
  attr.max_entries = 4;
  keep(Sym::map, made(bpf::BPF_MAP_CREATE, &attr));
  note_id(Sym::map_id, Sym::map);
  unlink(path(Sym::pinned));
  attr = zero_attr();
  attr.pathname = address(path(Sym::pinned).c_str());
  attr.bpf_fd = u32(fds_[std::size_t(Sym::map)]);
  made(bpf::BPF_OBJ_PIN, &attr);
}

void World::make_programs() {
  for (const Sym sym : {Sym::prog, Sym::other_prog}) {
    bpf_attr attr = zero_attr();
    attr.prog_type = bpf::BPF_PROG_TYPE_XDP;
    attr.insns = address(program());
    attr.insn_cnt = 2;
    attr.license = address(kLicense);
    attr.expected_attach_type = bpf::BPF_XDP;
    keep(sym, made(bpf::BPF_PROG_LOAD, &attr));
  }
  note_id(Sym::prog_id, Sym::prog);
}

void World::make_types() {
  bpf_attr attr = zero_attr();
  attr.btf = address(&kTypes);
  attr.btf_size = types_bytes();
  keep(Sym::btf, made(bpf::BPF_BTF_LOAD, &attr));
  note_id(Sym::btf_id, Sym::btf);
}

void World::make_link() {
  keep(Sym::link, -1);
  bpf_attr attr = zero_attr();
  attr.link_create.prog_fd = u32(fds_[std::size_t(Sym::prog)]);
  attr.link_create.target_ifindex = u32(resolve({Sym::held_port}));
  attr.link_create.attach_type = bpf::BPF_XDP;
  keep(Sym::link, made(bpf::BPF_LINK_CREATE, &attr));
  note_id(Sym::link_id, Sym::link);
}

bool World::make() {
  fds_.assign(kSyms, -1);
  ids_.assign(kSyms, 0);
  make_map();
  make_programs();
  make_types();
  make_link();
  bpf_attr attr = zero_attr();
  keep(Sym::stats, made(bpf::BPF_ENABLE_STATS, &attr));
  keep(Sym::file, open("/dev/null", O_RDWR | O_CLOEXEC));
  keep(Sym::cgroup, open_cgroup());
  keep(Sym::netns, open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  return good_;
}

bool World::mend(Spoils what) {
  switch (what) {
    case Spoils::nothing:
      break;
    case Spoils::map:
      make_map();
      break;
    case Spoils::link:
      make_link();
      break;
    case Spoils::pins:
      unlink(path(Sym::new_path));
      break;
  }
  return good_;
}

u64 World::resolve(const Value& value) const {
  switch (value.sym) {
    case Sym::number:
      return value.number;
    case Sym::closed:
      return kClosed;
    case Sym::port:
      return if_nametoindex("sluice_a");
    case Sym::held_port:
      return if_nametoindex("sluice_b");
    case Sym::map_id:
    case Sym::prog_id:
    case Sym::btf_id:
    case Sym::link_id:
      return ids_[std::size_t(value.sym)];
    case Sym::zeros:
      std::memset(memory(), 0, 4096);
      return address(memory());
    case Sym::cut:
      return address(memory() + 4092);
    case Sym::program:
      return address(program());
    case Sym::license:
      return address(kLicense);
    case Sym::types:
      return address(&kTypes);
    case Sym::pinned:
    case Sym::new_path:
      return address(path(value.sym).c_str());
    default:
      return u32(fds_[std::size_t(value.sym)]);
  }
}

std::unique_ptr<World> make_host_world() {
  return std::make_unique<HostWorld>();
}
std::unique_ptr<World> make_our_world() {
  return std::make_unique<OurWorld>();
}

bool enter_network() {
  return unshare(CLONE_NEWNET) == 0 &&
         std::system(
             "ip link add sluice_a type veth peer name sluice_b && ip link set sluice_a up && "
             "ip link set sluice_b up") == 0;
}

u32 types_bytes() {
  return u32(offsetof(Types, padding));
}

}  // namespace abi_oracle
