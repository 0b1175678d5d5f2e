// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/map_objects.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "bpf/abi/attr.h"
#include "bpf/abi/btf.h"

namespace map_oracle {
namespace {

using base::u32;
using base::u64;

constexpr int kAddressFamilyXdp = 44;
constexpr int kClosed = 999999;

u64 cookie_of(int fd) {
  u64 cookie = 0;
  socklen_t size = sizeof cookie;
  return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

int bound_udp_socket() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

int software_event() {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.size = sizeof attr;
  attr.config = PERF_COUNT_SW_BPF_OUTPUT;
  attr.sample_type = PERF_SAMPLE_RAW;
  return static_cast<int>(syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

HostObjects::HostObjects()
    : file_(open("/dev/null", O_RDONLY | O_CLOEXEC)),
      udp_(bound_udp_socket()),
      lonely_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      xsk_(socket(kAddressFamilyXdp, SOCK_RAW | SOCK_CLOEXEC, 0)),
      perf_(software_event()) {}

HostObjects::~HostObjects() {
  for (const int fd : {file_, udp_, lonely_, xsk_, perf_})
    if (fd >= 0) close(fd);
}

std::vector<Offer> HostObjects::offers(bpf::bpf_map_type type) const {
  switch (type) {
    case bpf::BPF_MAP_TYPE_PERF_EVENT_ARRAY:
      if (perf_ >= 0) return {{perf_, 1, 0}, {perf_, 1, 0}, {file_, 0, EBADF}, {kClosed, 0, EBADF}};
      return {{file_, 0, EBADF}, {kClosed, 0, EBADF}};
    case bpf::BPF_MAP_TYPE_CGROUP_ARRAY:
      return {{file_, 0, EBADF}, {kClosed, 0, EBADF}};
    case bpf::BPF_MAP_TYPE_XSKMAP: {
      std::vector<Offer> all{{file_, 0, ENOTSOCK}, {kClosed, 0, EBADF}, {udp_, 0, EOPNOTSUPP}};
      for (int i = 0; i < 5 && xsk_ >= 0; ++i) all.push_back({xsk_, 1, 0});
      return all;
    }
    case bpf::BPF_MAP_TYPE_SOCKMAP:
    case bpf::BPF_MAP_TYPE_SOCKHASH: {
      std::vector<Offer> all{{file_, 0, ENOTSOCK}, {kClosed, 0, EBADF}, {lonely_, 0, EOPNOTSUPP}, {-1, 0, EINVAL}};
      for (int i = 0; i < 8 && udp_ >= 0; ++i) all.push_back({udp_, cookie_of(udp_), 0});
      return all;
    }
    case bpf::BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
      return {{file_, 0, ENOTSOCK}, {kClosed, 0, EBADF}, {lonely_, 0, 0}};
    default:
      return {};
  }
}

void HostObjects::print_missing() const {
  if (udp_ < 0) std::printf("note: no UDP socket: sockmaps meet only what they refuse\n");
  if (xsk_ < 0) std::printf("note: no XDP socket: xskmaps meet only what they refuse\n");
  if (perf_ < 0) std::printf("note: no perf event: perf event arrays meet only what they refuse\n");
  std::printf("note: cgroup arrays and reuseport arrays meet only what they refuse\n");
}

int load_value_types(u32 value_size) {
  constexpr u32 kKindInt = 1U << 24, kKindArray = 3U << 24, kKindStruct = 4U << 24;
  const u32 types[] = {1,          kKindInt,
                       4,          1U << 24 | 32,  // 1: a signed int
                       5,          kKindInt,
                       1,          8,  // 2: a byte
                       0,          kKindArray,
                       0,          2,
                       1,          value_size,  // 3: an array of them
                       0,          kKindStruct | 1,
                       value_size, 7,
                       3,          0};  // 4: a struct of that array
  constexpr char kStrings[] = "\0int\0u\0data";
  bpf::btf_header header{};
  header.magic = 0xeb9f;
  header.version = 1;
  header.hdr_len = sizeof header;
  header.type_len = header.str_off = sizeof types;
  header.str_len = sizeof kStrings;
  std::vector<char> blob(sizeof header + sizeof types + sizeof kStrings);
  std::memcpy(blob.data(), &header, sizeof header);
  std::memcpy(blob.data() + sizeof header, types, sizeof types);
  std::memcpy(blob.data() + sizeof header + sizeof types, kStrings, sizeof kStrings);
  bpf::bpf_attr attr{};
  attr.btf = reinterpret_cast<u64>(blob.data());
  attr.btf_size = static_cast<u32>(blob.size());
  const long fd = syscall(SYS_bpf, bpf::BPF_BTF_LOAD, &attr, sizeof attr);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

}  // namespace map_oracle
