// SPDX-License-Identifier: Apache-2.0
// skb.cc — the types whose context is struct __sk_buff: one table of fields, cut down for each.
//
// Source    which parts of which field each type may load or store: asked of Linux 6.18 for every offset and size
//           (tests/oracle/ctx_oracle.cc asks again).
#include <array>
#include <cstddef>

#include "bpf/registry/registry.h"

namespace bpf {
namespace {

constexpr std::size_t kBytes = 192;  // sizeof(struct __sk_buff)

// Every field at its widest. Addresses and ports of the peers are only for types that see a socket.
constexpr CtxField kAll[] = {
    {"len", 0, 4, CtxKind::scalar, Parts::any},
    {"pkt_type", 4, 4, CtxKind::scalar, Parts::any},
    {"mark", 8, 4, CtxKind::scalar, Parts::any, Parts::whole},
    {"queue_mapping", 12, 4, CtxKind::scalar, Parts::any, Parts::whole},
    {"protocol", 16, 4, CtxKind::scalar, Parts::any},
    {"vlan_present", 20, 4, CtxKind::scalar, Parts::any},
    {"vlan_tci", 24, 4, CtxKind::scalar, Parts::any},
    {"vlan_proto", 28, 4, CtxKind::scalar, Parts::any},
    {"priority", 32, 4, CtxKind::scalar, Parts::any, Parts::whole},
    {"ingress_ifindex", 36, 4, CtxKind::scalar, Parts::any},
    {"ifindex", 40, 4, CtxKind::scalar, Parts::any},
    {"tc_index", 44, 4, CtxKind::scalar, Parts::any, Parts::whole},
    {"cb", 48, 20, CtxKind::scalar, Parts::any, Parts::any},
    {"hash", 68, 4, CtxKind::scalar, Parts::any},
    {"tc_classid", 72, 4, CtxKind::scalar, Parts::any, Parts::whole},
    {"data", 76, 4, CtxKind::packet},
    {"data_end", 80, 4, CtxKind::packet_end},
    {"napi_id", 84, 4, CtxKind::scalar, Parts::any},
    {"family", 88, 4, CtxKind::scalar, Parts::any},
    {"remote_ip4", 92, 4},
    {"local_ip4", 96, 4},
    {"remote_ip6_0", 100, 4},
    {"remote_ip6_1", 104, 4},
    {"remote_ip6_2", 108, 4},
    {"remote_ip6_3", 112, 4},
    {"local_ip6_0", 116, 4},
    {"local_ip6_1", 120, 4},
    {"local_ip6_2", 124, 4},
    {"local_ip6_3", 128, 4},
    {"remote_port", 132, 4, CtxKind::scalar, Parts::any},
    {"local_port", 136, 4, CtxKind::scalar, Parts::any},
    {"data_meta", 140, 4, CtxKind::packet_meta},
    {"flow_keys", 144, 8, CtxKind::flow_keys},
    {"tstamp", 152, 8, CtxKind::scalar, Parts::whole, Parts::whole},
    {"wire_len", 160, 4, CtxKind::scalar, Parts::any},
    {"gso_segs", 164, 4, CtxKind::scalar, Parts::any},
    {"sk", 168, 8, CtxKind::sock_common_or_null},
    {"gso_size", 176, 4, CtxKind::scalar, Parts::any},
    {"tstamp_type", 180, 1},
    {"hwtstamp", 184, 8},
};
constexpr std::size_t kCount = std::size(kAll);

constexpr bool is_peer_field(const CtxField& f) {
  return f.offset >= 88 && f.offset < 140;
}

// What a type is not given, by the offset of the field; and what it may only read.
struct Cut {
  base::u16 hidden[12] = {};  // 0 behind the last: `len` is hidden from flow_dissector alone, which has its own table
  base::u16 read_only[8] = {};
  bool peers = false;
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
                                       .peers = true}>();
constexpr auto kLwt =
    fields_of<Cut{.hidden = {kTcClassid, kDataMeta, kFlowKeys, kTstamp, kWireLen, kTstampType, kHwtstamp},
                  .read_only = {kQueueMapping, kTcIndex}}>();
constexpr auto kStream =
    fields_of<Cut{.hidden = {kMark, kTcClassid, kDataMeta, kFlowKeys, kTstamp, kWireLen, kTstampType, kHwtstamp},
                  .read_only = {kQueueMapping, kCb},
                  .peers = true}>();
constexpr CtxField kDissector[] = {{"data", 76, 4, CtxKind::packet},
                                   {"data_end", 80, 4, CtxKind::packet_end},
                                   {"flow_keys", 144, 8, CtxKind::flow_keys}};

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
