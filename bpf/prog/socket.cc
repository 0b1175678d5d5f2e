// SPDX-License-Identifier: Apache-2.0
// socket.cc — types that look at sockets: cgroup_sock, sk_lookup, sk_reuseport, sk_msg, sock_ops.
//
// Source    asked of Linux 6.18 for every offset and size (tests/oracle/ctx_oracle.cc asks again).
#include <array>
#include <cstddef>

#include "bpf/abi/context.h"
#include "bpf/abi/host/bpf_sk_lookup.h"
#include "bpf/registry/registry.h"

namespace bpf {
namespace {

using enum CtxKind;

constexpr bpf_attach_type kSockTypes[] = {BPF_CGROUP_INET_INGRESS,  // 0 stands for SOCK_CREATE
                                          BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET4_POST_BIND,
                                          BPF_CGROUP_INET6_POST_BIND, BPF_CGROUP_INET_SOCK_RELEASE};
constexpr bpf_attach_type kCreate[] = {BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET_SOCK_RELEASE};
constexpr bpf_attach_type kBound4[] = {BPF_CGROUP_INET4_POST_BIND};
constexpr bpf_attach_type kBound6[] = {BPF_CGROUP_INET6_POST_BIND};
constexpr bpf_attach_type kBound[] = {BPF_CGROUP_INET4_POST_BIND, BPF_CGROUP_INET6_POST_BIND};
constexpr ReturnRange kZeroOrOne[] = {{0, 1}};

constexpr CtxField kSock[] = {
    {.name = "bound_dev_if", .offset = 0, .size = 4, .write = Parts::whole, .attach_types = kCreate},
    {.name = "family", .offset = 4, .size = 4, .read = Parts::begin},
    {.name = "type", .offset = 8, .size = 4, .read = Parts::begin},
    {.name = "protocol", .offset = 12, .size = 4, .read = Parts::begin},
    {.name = "mark", .offset = 16, .size = 4, .write = Parts::whole, .attach_types = kCreate},
    {.name = "priority", .offset = 20, .size = 4, .write = Parts::whole, .attach_types = kCreate},
    {.name = "src_ip4", .offset = 24, .size = 4, .read = Parts::any, .attach_types = kBound4},
    {.name = "src_ip6_0", .offset = 28, .size = 4, .read = Parts::any, .attach_types = kBound6},
    {.name = "src_ip6_1", .offset = 32, .size = 4, .read = Parts::any, .attach_types = kBound6},
    {.name = "src_ip6_2", .offset = 36, .size = 4, .read = Parts::any, .attach_types = kBound6},
    {.name = "src_ip6_3", .offset = 40, .size = 4, .read = Parts::any, .attach_types = kBound6},
    {.name = "src_port", .offset = 44, .size = 4, .read = Parts::begin, .attach_types = kBound},
    {.name = "dst_port", .offset = 48, .size = 4, .read = Parts::low_half},
    {.name = "dst_ip4", .offset = 52, .size = 4, .read = Parts::any},
    {.name = "dst_ip6_0", .offset = 56, .size = 4, .read = Parts::any},
    {.name = "dst_ip6_1", .offset = 60, .size = 4, .read = Parts::any},
    {.name = "dst_ip6_2", .offset = 64, .size = 4, .read = Parts::any},
    {.name = "dst_ip6_3", .offset = 68, .size = 4, .read = Parts::any},
    {.name = "state", .offset = 72, .size = 4, .read = Parts::begin},
    {.name = "rx_queue_mapping", .offset = 76, .size = 4, .read = Parts::begin},
};

constexpr bpf_attach_type kLookupTypes[] = {BPF_SK_LOOKUP};
constexpr CtxField kLookupOfUser[] = {
    {.name = "sk", .offset = 0, .size = 8, .kind = socket_or_null},
    {.name = "family", .offset = 8, .size = 4, .read = Parts::any},
    {.name = "protocol", .offset = 12, .size = 4, .read = Parts::any},
    {.name = "remote_ip4", .offset = 16, .size = 4, .read = Parts::any},
    {.name = "remote_ip6_0", .offset = 20, .size = 4, .read = Parts::any},
    {.name = "remote_ip6_1", .offset = 24, .size = 4, .read = Parts::any},
    {.name = "remote_ip6_2", .offset = 28, .size = 4, .read = Parts::any},
    {.name = "remote_ip6_3", .offset = 32, .size = 4, .read = Parts::any},
    {.name = "remote_port", .offset = 36, .size = 4, .read = Parts::any},
    {.name = "local_ip4", .offset = 40, .size = 4, .read = Parts::any},
    {.name = "local_ip6_0", .offset = 44, .size = 4, .read = Parts::any},
    {.name = "local_ip6_1", .offset = 48, .size = 4, .read = Parts::any},
    {.name = "local_ip6_2", .offset = 52, .size = 4, .read = Parts::any},
    {.name = "local_ip6_3", .offset = 56, .size = 4, .read = Parts::any},
    {.name = "local_port", .offset = 60, .size = 4, .read = Parts::any},
    {.name = "ingress_ifindex", .offset = 64, .size = 4, .read = Parts::any},
};

// The host struct begins with the user's, byte for byte.
constexpr auto kLookup = [] {
  std::array<CtxField, std::size(kLookupOfUser)> fields{};
  for (std::size_t k = 0; k < fields.size(); ++k) {
    fields[k] = kLookupOfUser[k];
    fields[k].host_offset = fields[k].offset;
    // Two bytes as in Linux, which shows in narrow loads; see bpf/lower/ctx_access.cc.
    const bool half = fields[k].name == "family" || fields[k].name == "protocol" || fields[k].name == "local_port";
    fields[k].host_size = half ? 2 : fields[k].size;
  }
  return fields;
}();
static_assert(offsetof(bpf_sk_lookup_kern, family) == offsetof(bpf_sk_lookup, family) &&
              offsetof(bpf_sk_lookup_kern, remote_port) == offsetof(bpf_sk_lookup, remote_port) &&
              offsetof(bpf_sk_lookup_kern, local_ip6) == offsetof(bpf_sk_lookup, local_ip6) &&
              offsetof(bpf_sk_lookup_kern, ingress_ifindex) == offsetof(bpf_sk_lookup, ingress_ifindex));

constexpr bpf_attach_type kReuseportTypes[] = {bpf_attach_type(0), BPF_SK_REUSEPORT_SELECT,
                                               BPF_SK_REUSEPORT_SELECT_OR_MIGRATE};
constexpr CtxField kReuseport[] = {
    {.name = "data", .offset = 0, .size = 8, .kind = packet},
    {.name = "data_end", .offset = 8, .size = 8, .kind = packet_end},
    {.name = "len", .offset = 16, .size = 4, .read = Parts::any},
    {.name = "eth_protocol", .offset = 20, .size = 4, .read = Parts::halves},
    {.name = "ip_protocol", .offset = 24, .size = 4, .read = Parts::any},
    {.name = "bind_inany", .offset = 28, .size = 4, .read = Parts::any},
    {.name = "hash", .offset = 32, .size = 4},
    {.name = "sk", .offset = 40, .size = 8, .kind = socket},
    {.name = "migrating_sk", .offset = 48, .size = 8, .kind = sock_common_or_null},
};

constexpr CtxField kMsg[] = {
    {.name = "data", .offset = 0, .size = 8, .kind = packet},
    {.name = "data_end", .offset = 8, .size = 8, .kind = packet_end},
    {.name = "family", .offset = 16, .size = 4},
    {.name = "remote_ip4", .offset = 20, .size = 4},
    {.name = "local_ip4", .offset = 24, .size = 4},
    {.name = "remote_ip6_0", .offset = 28, .size = 4},
    {.name = "remote_ip6_1", .offset = 32, .size = 4},
    {.name = "remote_ip6_2", .offset = 36, .size = 4},
    {.name = "remote_ip6_3", .offset = 40, .size = 4},
    {.name = "local_ip6_0", .offset = 44, .size = 4},
    {.name = "local_ip6_1", .offset = 48, .size = 4},
    {.name = "local_ip6_2", .offset = 52, .size = 4},
    {.name = "local_ip6_3", .offset = 56, .size = 4},
    {.name = "remote_port", .offset = 60, .size = 4},
    {.name = "local_port", .offset = 64, .size = 4},
    {.name = "size", .offset = 68, .size = 4},
    {.name = "sk", .offset = 72, .size = 8, .kind = socket},
};

#define NUMBER(field, at) {.name = field, .offset = at, .size = 4}
constexpr CtxField kOps[] = {
    NUMBER("op", 0),
    {.name = "reply", .offset = 4, .size = 4, .write = Parts::whole},
    NUMBER("args_1", 8),
    NUMBER("args_2", 12),
    NUMBER("args_3", 16),
    NUMBER("family", 20),
    NUMBER("remote_ip4", 24),
    NUMBER("local_ip4", 28),
    NUMBER("remote_ip6_0", 32),
    NUMBER("remote_ip6_1", 36),
    NUMBER("remote_ip6_2", 40),
    NUMBER("remote_ip6_3", 44),
    NUMBER("local_ip6_0", 48),
    NUMBER("local_ip6_1", 52),
    NUMBER("local_ip6_2", 56),
    NUMBER("local_ip6_3", 60),
    NUMBER("remote_port", 64),
    NUMBER("local_port", 68),
    NUMBER("is_fullsock", 72),
    NUMBER("snd_cwnd", 76),
    NUMBER("srtt_us", 80),
    NUMBER("bpf_sock_ops_cb_flags", 84),
    NUMBER("state", 88),
    NUMBER("rtt_min", 92),
    NUMBER("snd_ssthresh", 96),
    NUMBER("rcv_nxt", 100),
    NUMBER("snd_nxt", 104),
    NUMBER("snd_una", 108),
    NUMBER("mss_cache", 112),
    NUMBER("ecn_flags", 116),
    NUMBER("rate_delivered", 120),
    NUMBER("rate_interval_us", 124),
    NUMBER("packets_out", 128),
    NUMBER("retrans_out", 132),
    NUMBER("total_retrans", 136),
    NUMBER("segs_in", 140),
    NUMBER("data_segs_in", 144),
    NUMBER("segs_out", 148),
    NUMBER("data_segs_out", 152),
    NUMBER("lost_out", 156),
    NUMBER("sacked_out", 160),
    {.name = "sk_txhash", .offset = 164, .size = 4, .write = Parts::whole},
    {.name = "bytes_received", .offset = 168, .size = 8},
    {.name = "bytes_acked", .offset = 176, .size = 8},
    {.name = "sk", .offset = 184, .size = 8, .kind = socket_or_null},
    {.name = "skb_data", .offset = 192, .size = 8, .kind = packet},
    {.name = "skb_data_end", .offset = 200, .size = 8, .kind = packet_end},
    NUMBER("skb_len", 208),
    {.name = "skb_tcp_flags", .offset = 212, .size = 4, .read = Parts::begin},
    {.name = "skb_hwtstamp", .offset = 216, .size = 8},
};
#undef NUMBER

}  // namespace

const ProgSpec cgroup_sock_prog_spec = {.ctx_name = "bpf_sock",
                                        .ctx_size = 80,
                                        .fields = kSock,
                                        .attach_points = {},
                                        .returns = kZeroOrOne,
                                        .expected_attach_types = kSockTypes,
                                        .default_attach = BPF_CGROUP_INET_SOCK_CREATE};
const ProgSpec sk_lookup_prog_spec = {.ctx_name = "bpf_sk_lookup",
                                      .ctx_size = 72,
                                      .fields = kLookup,
                                      .attach_points = {},
                                      .returns = kZeroOrOne,
                                      .expected_attach_types = kLookupTypes};
const ProgSpec sk_reuseport_prog_spec = {.ctx_name = "sk_reuseport_md",
                                         .ctx_size = 56,
                                         .fields = kReuseport,
                                         .attach_points = {},
                                         .packet = PacketAccess::read,
                                         .expected_attach_types = kReuseportTypes,
                                         .default_attach = BPF_SK_REUSEPORT_SELECT};
const ProgSpec sk_msg_prog_spec = {
    .ctx_name = "sk_msg_md", .ctx_size = 80, .fields = kMsg, .attach_points = {}, .packet = PacketAccess::write};
const ProgSpec sock_ops_prog_spec = {
    .ctx_name = "bpf_sock_ops", .ctx_size = 224, .fields = kOps, .attach_points = {}, .returns = kZeroOrOne};

}  // namespace bpf
