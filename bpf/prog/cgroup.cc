// SPDX-License-Identifier: Apache-2.0
// cgroup.cc — types that cgroups consult: cgroup_device, cgroup_sock_addr, cgroup_sysctl, cgroup_sockopt.
//
// Source    asked of Linux 6.18 for every offset and size (tests/oracle/ctx_oracle.cc asks again).
#include "bpf/registry/registry.h"

namespace bpf {
namespace {

using enum CtxKind;

constexpr ReturnRange kZeroOrOne[] = {{0, 1}};

constexpr CtxField kDevice[] = {
    {.name = "access_type", .offset = 0, .size = 4, .read = Parts::any},
    {.name = "major", .offset = 4, .size = 4},
    {.name = "minor", .offset = 8, .size = 4},
};

constexpr CtxField kSysctl[] = {
    {.name = "write", .offset = 0, .size = 4, .read = Parts::any},
    {.name = "file_pos", .offset = 4, .size = 4, .read = Parts::any, .write = Parts::whole},
};

constexpr bpf_attach_type kGet[] = {BPF_CGROUP_GETSOCKOPT};
constexpr bpf_attach_type kSet[] = {BPF_CGROUP_SETSOCKOPT};
constexpr bpf_attach_type kSockoptTypes[] = {BPF_CGROUP_GETSOCKOPT, BPF_CGROUP_SETSOCKOPT};
constexpr CtxField kSockopt[] = {
    {.name = "sk", .offset = 0, .size = 8, .kind = socket},
    {.name = "optval", .offset = 8, .size = 8, .kind = packet},
    {.name = "optval_end", .offset = 16, .size = 8, .kind = packet_end},
    {.name = "level", .offset = 24, .size = 4, .write = Parts::whole, .write_attach_types = kSet},
    {.name = "optname", .offset = 28, .size = 4, .write = Parts::whole, .write_attach_types = kSet},
    {.name = "optlen", .offset = 32, .size = 4, .write = Parts::whole},
    {.name = "retval", .offset = 36, .size = 4, .write = Parts::whole, .attach_types = kGet},
};

constexpr bpf_attach_type kAddrTypes[] = {
    BPF_CGROUP_INET4_BIND,        BPF_CGROUP_INET6_BIND,       BPF_CGROUP_INET4_CONNECT,
    BPF_CGROUP_INET6_CONNECT,     BPF_CGROUP_UNIX_CONNECT,     BPF_CGROUP_UDP4_SENDMSG,
    BPF_CGROUP_UDP6_SENDMSG,      BPF_CGROUP_UNIX_SENDMSG,     BPF_CGROUP_UDP4_RECVMSG,
    BPF_CGROUP_UDP6_RECVMSG,      BPF_CGROUP_UNIX_RECVMSG,     BPF_CGROUP_INET4_GETPEERNAME,
    BPF_CGROUP_INET6_GETPEERNAME, BPF_CGROUP_UNIX_GETPEERNAME, BPF_CGROUP_INET4_GETSOCKNAME,
    BPF_CGROUP_INET6_GETSOCKNAME, BPF_CGROUP_UNIX_GETSOCKNAME,
};
constexpr bpf_attach_type kAddr4[] = {BPF_CGROUP_INET4_BIND,        BPF_CGROUP_INET4_CONNECT,
                                      BPF_CGROUP_UDP4_SENDMSG,      BPF_CGROUP_UDP4_RECVMSG,
                                      BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET4_GETSOCKNAME};
constexpr bpf_attach_type kAddr6[] = {BPF_CGROUP_INET6_BIND,        BPF_CGROUP_INET6_CONNECT,
                                      BPF_CGROUP_UDP6_SENDMSG,      BPF_CGROUP_UDP6_RECVMSG,
                                      BPF_CGROUP_INET6_GETPEERNAME, BPF_CGROUP_INET6_GETSOCKNAME};
constexpr bpf_attach_type kSend4[] = {BPF_CGROUP_UDP4_SENDMSG};
constexpr bpf_attach_type kSend6[] = {BPF_CGROUP_UDP6_SENDMSG};
constexpr bpf_attach_type kBind[] = {BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND};
// Those that only tell what happened cannot refuse.
constexpr bpf_attach_type kTellers[] = {
    BPF_CGROUP_UDP4_RECVMSG,      BPF_CGROUP_UDP6_RECVMSG,      BPF_CGROUP_UNIX_RECVMSG,
    BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET6_GETPEERNAME, BPF_CGROUP_UNIX_GETPEERNAME,
    BPF_CGROUP_INET4_GETSOCKNAME, BPF_CGROUP_INET6_GETSOCKNAME, BPF_CGROUP_UNIX_GETSOCKNAME,
};
constexpr ReturnRange kAddrReturns[] = {{0, 3, kBind}, {1, 1, kTellers}, {0, 1}};
constexpr CtxField kAddr[] = {
    {.name = "user_family", .offset = 0, .size = 4},
    {.name = "user_ip4", .offset = 4, .size = 4, .read = Parts::any, .write = Parts::whole, .attach_types = kAddr4},
    {.name = "user_ip6", .offset = 8, .size = 16, .read = Parts::any, .write = Parts::words, .attach_types = kAddr6},
    {.name = "user_port", .offset = 24, .size = 4, .read = Parts::any, .write = Parts::whole},
    {.name = "family", .offset = 28, .size = 4},
    {.name = "type", .offset = 32, .size = 4},
    {.name = "protocol", .offset = 36, .size = 4},
    {.name = "msg_src_ip4", .offset = 40, .size = 4, .read = Parts::any, .write = Parts::whole, .attach_types = kSend4},
    {.name = "msg_src_ip6",
     .offset = 44,
     .size = 16,
     .read = Parts::any,
     .write = Parts::words,
     .attach_types = kSend6},
    {.name = "sk", .offset = 64, .size = 8, .kind = socket},
};

}  // namespace

const ProgSpec cgroup_device_prog_spec = {
    .ctx_name = "bpf_cgroup_dev_ctx", .ctx_size = 12, .fields = kDevice, .attach_points = {}, .returns = kZeroOrOne};
const ProgSpec cgroup_sysctl_prog_spec = {
    .ctx_name = "bpf_sysctl", .ctx_size = 8, .fields = kSysctl, .attach_points = {}, .returns = kZeroOrOne};
const ProgSpec cgroup_sockopt_prog_spec = {.ctx_name = "bpf_sockopt",
                                           .ctx_size = 40,
                                           .fields = kSockopt,
                                           .attach_points = {},
                                           .packet = PacketAccess::buffer,
                                           .returns = kZeroOrOne,
                                           .expected_attach_types = kSockoptTypes};
const ProgSpec cgroup_sock_addr_prog_spec = {.ctx_name = "bpf_sock_addr",
                                             .ctx_size = 72,
                                             .fields = kAddr,
                                             .attach_points = {},
                                             .returns = kAddrReturns,
                                             .expected_attach_types = kAddrTypes};

}  // namespace bpf
