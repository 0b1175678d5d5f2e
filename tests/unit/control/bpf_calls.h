// SPDX-License-Identifier: Apache-2.0
// bpf_calls.h — bpf(2) in words for tests, the same call on our door and on the host kernel.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "bpf/abi/attr.h"
#include "bpf/abi/info.h"
#include "bpf/abi/insn.h"
#include "control/door.h"

namespace control_test {

using base::u32;
using base::u64;
using bpf::bpf_attr;

inline long host_bpf(u32 cmd, void* attr, u32 size) {
  const long rc = ::syscall(SYS_bpf, cmd, attr, size);
  return rc < 0 ? -errno : rc;
}

template <class T>
u64 address(const T* p) {
  return reinterpret_cast<u64>(p);
}

inline bpf_attr make_attr() {
  bpf_attr attr;
  std::memset(&attr, 0, sizeof attr);
  return attr;
}

// A door with a client on it.
struct Local {
  control::Door door;
  control::LocalClient client;

  explicit Local(control::DoorConfig config = {}) : door(std::move(config)) {}
  long call(u32 cmd, bpf_attr& attr) { return door.bpf_command(client, cmd, &attr, sizeof attr); }

  long make_map(u32 type, u32 key, u32 value, u32 entries, u32 flags = 0) {
    bpf_attr attr = make_attr();
    attr.map_type = type;
    attr.key_size = key;
    attr.value_size = value;
    attr.max_entries = entries;
    attr.map_flags = flags;
    std::memcpy(attr.map_name, "m", 1);
    return call(bpf::BPF_MAP_CREATE, attr);
  }
  long element(u32 cmd, long fd, const void* key, const void* value, u64 flags = 0) {
    bpf_attr attr = make_attr();
    attr.map_fd = u32(fd);
    attr.key = address(key);
    attr.value = address(value);
    attr.flags = flags;
    return call(cmd, attr);
  }
  long load(std::span<const bpf::bpf_insn> insns, u32 flags = 0) {
    bpf_attr attr = load_attr(insns);
    attr.prog_flags = flags;
    return call(bpf::BPF_PROG_LOAD, attr);
  }
  static bpf_attr load_attr(std::span<const bpf::bpf_insn> insns) {
    bpf_attr attr = make_attr();
    attr.prog_type = bpf::BPF_PROG_TYPE_XDP;
    attr.insns = address(insns.data());
    attr.insn_cnt = u32(insns.size());
    attr.license = address("GPL");
    return attr;
  }
};

}  // namespace control_test
