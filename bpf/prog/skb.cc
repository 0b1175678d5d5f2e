// SPDX-License-Identifier: Apache-2.0
// skb.cc — the types whose context is struct __sk_buff: one table of fields, cut down for each.
//
// Source    which parts of which field each type may load or store: asked of Linux 6.18 for every offset and size
//           (tests/oracle/ctx_oracle.cc asks again).
#include <array>
#include <cstddef>

#include "bpf/abi/context.h"
#include "bpf/abi/host/bpf_flow_dissector.h"
#include "bpf/abi/host/sk_buff.h"
#include "bpf/registry/registry.h"

namespace bpf {
namespace {

constexpr std::size_t kBytes = sizeof(__sk_buff);

struct Place {
  std::size_t offset, size;
};
constexpr CtxField field(std::string_view name, Place user, Place host, CtxKind kind = CtxKind::scalar,
                         Parts read = Parts::any, Parts write = Parts::none) {
  return {.name = name,
          .offset = static_cast<base::u16>(user.offset),
          .size = static_cast<base::u16>(user.size),
          .kind = kind,
          .read = read,
          .write = write,
          .host_offset = static_cast<base::u16>(host.offset),
          .host_size = static_cast<base::u16>(host.size)};
}
#define USER(f)                                  \
  Place {                                        \
    offsetof(__sk_buff, f), sizeof(__sk_buff::f) \
  }
#define HOST(f)                              \
  Place {                                    \
    offsetof(sk_buff, f), sizeof(sk_buff::f) \
  }
#define SOCK(f)                        \
  Place {                              \
    offsetof(sock, f), sizeof(sock::f) \
  }
#define SKB_FIELD(f, ...) field(#f, USER(f), HOST(f) __VA_OPT__(, ) __VA_ARGS__)

constexpr CtxField of_peer(std::string_view name, std::size_t user_offset, Place host, Parts read) {
  CtxField f = field(name, {user_offset, 4}, host, CtxKind::scalar, read);
  f.host_pointer = offsetof(sk_buff, sk);
  return f;
}
#define PEER(f, host, read) of_peer(#f, offsetof(__sk_buff, f), SOCK(host), Parts::read)
// One row for each word of an address.
#define PEER_WORD(f, host, word) \
  of_peer(#f "_" #word, offsetof(__sk_buff, f) + 4 * (word), {offsetof(sock, host) + 4 * (word), 4}, Parts::whole)

// Two bytes as in Linux, which shows in narrow loads; see bpf/lower/ctx_access.cc.
constexpr Place kFamily = {offsetof(sock, family), 2}, kLocalPort = {offsetof(sock, src_port), 2};

// 0xffff stands for no queue: a store of it, or of more, changes nothing.
constexpr CtxField queue_mapping() {
  CtxField f = SKB_FIELD(queue_mapping, CtxKind::scalar, Parts::any, Parts::whole);
  f.write_below = 0xffff;
  return f;
}

// Every field at its widest. Addresses and ports of the peers are only for types that see a socket.
constexpr CtxField kAll[] = {
    SKB_FIELD(len),
    SKB_FIELD(pkt_type),
    SKB_FIELD(mark, CtxKind::scalar, Parts::any, Parts::whole),
    queue_mapping(),
    SKB_FIELD(protocol),
    SKB_FIELD(vlan_present),
    SKB_FIELD(vlan_tci),
    SKB_FIELD(vlan_proto),
    SKB_FIELD(priority, CtxKind::scalar, Parts::any, Parts::whole),
    SKB_FIELD(ingress_ifindex),
    SKB_FIELD(ifindex),
    SKB_FIELD(tc_index, CtxKind::scalar, Parts::any, Parts::whole),
    SKB_FIELD(cb, CtxKind::scalar, Parts::any, Parts::any),
    SKB_FIELD(hash),
    SKB_FIELD(tc_classid, CtxKind::scalar, Parts::any, Parts::whole),
    SKB_FIELD(data, CtxKind::packet, Parts::whole),
    SKB_FIELD(data_end, CtxKind::packet_end, Parts::whole),
    SKB_FIELD(napi_id),
    of_peer("family", offsetof(__sk_buff, family), kFamily, Parts::any),
    PEER(remote_ip4, dst_ip4, whole),
    PEER(local_ip4, src_ip4, whole),
    PEER_WORD(remote_ip6, dst_ip6, 0),
    PEER_WORD(remote_ip6, dst_ip6, 1),
    PEER_WORD(remote_ip6, dst_ip6, 2),
    PEER_WORD(remote_ip6, dst_ip6, 3),
    PEER_WORD(local_ip6, src_ip6, 0),
    PEER_WORD(local_ip6, src_ip6, 1),
    PEER_WORD(local_ip6, src_ip6, 2),
    PEER_WORD(local_ip6, src_ip6, 3),
    PEER(remote_port, remote_port, any),
    of_peer("local_port", offsetof(__sk_buff, local_port), kLocalPort, Parts::any),
    SKB_FIELD(data_meta, CtxKind::packet_meta, Parts::whole),
    field("flow_keys", USER(flow_keys), {0, 0}, CtxKind::flow_keys, Parts::whole),
    SKB_FIELD(tstamp, CtxKind::scalar, Parts::whole, Parts::whole),
    SKB_FIELD(wire_len),
    SKB_FIELD(gso_segs),
    SKB_FIELD(sk, CtxKind::sock_common_or_null, Parts::whole),
    SKB_FIELD(gso_size),
    SKB_FIELD(tstamp_type, CtxKind::scalar, Parts::whole),
    SKB_FIELD(hwtstamp, CtxKind::scalar, Parts::whole),
};
#undef USER
#undef HOST
#undef SOCK
#undef SKB_FIELD
#undef PEER
#undef PEER_WORD
constexpr std::size_t kCount = std::size(kAll);

constexpr bool is_peer_field(const CtxField& f) {
  return f.offset >= 88 && f.offset < 140;
}

// What a type is not given, by the offset of the field; and what it may only read.
struct Cut {
  base::u16 hidden[12] = {};  // 0 behind the last: `len` is hidden from flow_dissector alone, which has its own table
  base::u16 read_only[8] = {};
  bool peers = false;
  base::u16 needs_bpf[3] = {};
};

constexpr bool holds(const base::u16* list, std::size_t count, base::u16 offset) {
  for (std::size_t k = 0; k < count; ++k)
    if (list[k] == offset && offset != 0) return true;
  return false;
}

constexpr std::size_t count_left(const Cut& cut) {
  std::size_t n = 0;
  for (const CtxField& f : kAll) n += !holds(cut.hidden, 12, f.offset) && (cut.peers || !is_peer_field(f));
  return n;
}

template <Cut cut>
constexpr auto fields_of() {
  std::array<CtxField, count_left(cut)> out{};
  std::size_t n = 0;
  for (std::size_t k = 0; k < kCount; ++k) {
    if (holds(cut.hidden, 12, kAll[k].offset) || (!cut.peers && is_peer_field(kAll[k]))) continue;
    out[n] = kAll[k];
    if (holds(cut.read_only, 8, out[n].offset)) out[n].write = Parts::none;
    out[n].needs_bpf = holds(cut.needs_bpf, 3, out[n].offset);
    ++n;
  }
  return out;
}

constexpr base::u16 kMark = 8, kQueueMapping = 12, kPriority = 32, kTcIndex = 44, kCb = 48, kTcClassid = 72, kData = 76,
                    kDataEnd = 80, kDataMeta = 140, kFlowKeys = 144, kTstamp = 152, kWireLen = 160, kTstampType = 180,
                    kHwtstamp = 184;

constexpr auto kSocketFilter = fields_of<Cut{
    .hidden = {kTcClassid, kData, kDataEnd, kDataMeta, kFlowKeys, kTstamp, kWireLen, kTstampType, kHwtstamp},
    .read_only = {kMark, kQueueMapping, kPriority, kTcIndex}}>();
constexpr auto kTc = fields_of<Cut{.hidden = {kFlowKeys}}>();
constexpr auto kCgroup = fields_of<Cut{.hidden = {kTcClassid, kDataMeta, kFlowKeys, kWireLen, kTstampType},
                                       .read_only = {kQueueMapping, kTcIndex},
                                       .peers = true,
                                       .needs_bpf = {kData, kDataEnd, kTstamp}}>();
constexpr auto kLwt =
    fields_of<Cut{.hidden = {kTcClassid, kDataMeta, kFlowKeys, kTstamp, kWireLen, kTstampType, kHwtstamp},
                  .read_only = {kQueueMapping, kTcIndex}}>();
constexpr auto kStream =
    fields_of<Cut{.hidden = {kMark, kTcClassid, kDataMeta, kFlowKeys, kTstamp, kWireLen, kTstampType, kHwtstamp},
                  .read_only = {kQueueMapping, kCb},
                  .peers = true}>();
#define KEYS_FIELD(f, host, kind)                           \
  field(#f, {offsetof(__sk_buff, f), sizeof(__sk_buff::f)}, \
        {offsetof(bpf_flow_dissector, host), sizeof(bpf_flow_dissector::host)}, CtxKind::kind, Parts::whole)
constexpr CtxField kDissector[] = {KEYS_FIELD(data, data, packet), KEYS_FIELD(data_end, data_end, packet_end),
                                   KEYS_FIELD(flow_keys, flow_keys, flow_keys)};
#undef KEYS_FIELD

constexpr bpf_attach_type kIngress[] = {BPF_CGROUP_INET_INGRESS};
constexpr bpf_attach_type kEgress[] = {BPF_CGROUP_INET_EGRESS};
constexpr bpf_attach_type kCgroupTypes[] = {BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS};
constexpr ReturnRange kCgroupReturns[] = {{0, 1, kIngress}, {0, 3, kEgress}};

constexpr ProgSpec spec_of(std::span<const CtxField> fields, PacketAccess packet) {
  return {.ctx_name = "__sk_buff", .ctx_size = kBytes, .fields = fields, .attach_points = {}, .packet = packet};
}

constexpr ProgSpec with_legacy_loads(ProgSpec spec) {
  spec.legacy_packet_loads = true;
  return spec;
}

constexpr ProgSpec for_cgroups(ProgSpec spec) {
  spec.returns = kCgroupReturns;
  spec.expected_attach_types = kCgroupTypes;
  return spec;
}

}  // namespace

const ProgSpec socket_filter_prog_spec = with_legacy_loads(spec_of(kSocketFilter, PacketAccess::none));
const ProgSpec sched_cls_prog_spec = with_legacy_loads(spec_of(kTc, PacketAccess::write));
const ProgSpec sched_act_prog_spec = with_legacy_loads(spec_of(kTc, PacketAccess::write));
const ProgSpec cgroup_skb_prog_spec = for_cgroups(spec_of(kCgroup, PacketAccess::read));
const ProgSpec lwt_in_prog_spec = spec_of(kLwt, PacketAccess::read);
const ProgSpec lwt_out_prog_spec = spec_of(kLwt, PacketAccess::read);
const ProgSpec lwt_xmit_prog_spec = spec_of(kLwt, PacketAccess::write);
const ProgSpec lwt_seg6local_prog_spec = spec_of(kLwt, PacketAccess::read);
const ProgSpec sk_skb_prog_spec = spec_of(kStream, PacketAccess::write);
const ProgSpec flow_dissector_prog_spec = spec_of(kDissector, PacketAccess::read);

}  // namespace bpf
