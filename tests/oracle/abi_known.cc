// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/abi_known.h"

#include <cerrno>

#include "bpf/abi/flags.h"
#include "bpf/abi/types.h"

namespace abi_oracle {
namespace {

using bpf::bpf_attr;

bool no_xdp(const bpf_attr& attr) {
  return attr.prog_type != bpf::BPF_PROG_TYPE_XDP;
}

constexpr const char* kNoHook = "programs of types without a hook do not load";
constexpr const char* kZero = "descriptor 0 in an optional field is none";
constexpr const char* kElsewhere = "a path beside the pin directory is EPERM or EACCES, whether it exists or not";
constexpr const char* kLongBatch = "a range of memory has at most 64 MiB; more is E2BIG at once";
constexpr const char* kWholeBatch = "the keys of a batch are read before the first is used";
constexpr const char* kToken = "out_batch is not written when nothing was found";

const Known kKnown[] = {
    {bpf::BPF_PROG_LOAD, EOPNOTSUPP, 0, no_xdp, kNoHook},
    {bpf::BPF_PROG_LOAD, EOPNOTSUPP, EINVAL, no_xdp, kNoHook},
    {bpf::BPF_PROG_LOAD, EOPNOTSUPP, EPERM, no_xdp, kNoHook},
    {bpf::BPF_PROG_LOAD, EINVAL, EPERM, no_xdp, kNoHook},
    {bpf::BPF_PROG_LOAD, EBADF, EINVAL, [](const bpf_attr& a) { return a.prog_btf_fd == 0; }, kZero},
    {bpf::BPF_MAP_LOOKUP_ELEM, EFAULT, ENOENT, nullptr,
     "a value that cannot be stored is told although nothing was found"},
    {bpf::BPF_MAP_CREATE, EOPNOTSUPP, EINVAL,
     [](const bpf_attr& a) {
       return a.map_type == bpf::BPF_MAP_TYPE_STRUCT_OPS || a.map_type == bpf::BPF_MAP_TYPE_ARENA;
     },
     "map types that are planned are refused before they are looked at"},
    {bpf::BPF_MAP_CREATE, EINVAL, EOPNOTSUPP, [](const bpf_attr& a) { return a.map_ifindex == 1; },
     "no port is a loopback device"},
    {bpf::BPF_OBJ_PIN, EPERM, ENOENT, nullptr, kElsewhere},
    {bpf::BPF_OBJ_GET, EACCES, ENOENT, nullptr, kElsewhere},
    {bpf::BPF_OBJ_PIN, EPERM, ENAMETOOLONG, nullptr, kElsewhere},
    {bpf::BPF_OBJ_GET, EACCES, ENAMETOOLONG, nullptr, kElsewhere},
    {bpf::BPF_PROG_LOAD, EOPNOTSUPP, 0,
     [](const bpf_attr& a) { return (a.prog_flags & bpf::BPF_F_XDP_DEV_BOUND_ONLY) != 0; },
     "programs bound to a device are not known yet"},
    {bpf::BPF_PROG_TEST_RUN, E2BIG, 0, nullptr, kLongBatch},
    {bpf::BPF_PROG_TEST_RUN, E2BIG, EFAULT, nullptr, kLongBatch},
    {bpf::BPF_PROG_TEST_RUN, ENOSPC, EFAULT, nullptr, "the size of a packet is judged before its address"},
    {bpf::BPF_PROG_TEST_RUN, EOPNOTSUPP, 0,
     [](const bpf_attr& a) { return (a.test.flags & bpf::BPF_F_TEST_XDP_LIVE_FRAMES) != 0; },
     "test runs with live frames are planned"},
    {bpf::BPF_OBJ_PIN, EFAULT, EINVAL, nullptr, "a bad address is told before a bad descriptor"},
    {bpf::BPF_MAP_LOOKUP_BATCH, E2BIG, ENOENT, nullptr, kLongBatch},
    {bpf::BPF_MAP_LOOKUP_AND_DELETE_BATCH, E2BIG, ENOENT, nullptr, kLongBatch},
    {bpf::BPF_MAP_UPDATE_BATCH, E2BIG, EFAULT, nullptr, kLongBatch},
    {bpf::BPF_MAP_DELETE_BATCH, E2BIG, ENOENT, nullptr, kLongBatch},
    {bpf::BPF_MAP_DELETE_BATCH, EFAULT, ENOENT, nullptr, kWholeBatch},
    {bpf::BPF_MAP_LOOKUP_BATCH, ENOENT, EFAULT, nullptr, kToken},
    {bpf::BPF_MAP_LOOKUP_AND_DELETE_BATCH, ENOENT, EFAULT, nullptr, kToken},
};

}  // namespace

std::span<const Known> known_differences() {
  return kKnown;
}

}  // namespace abi_oracle
