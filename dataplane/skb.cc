// SPDX-License-Identifier: Apache-2.0
#include "dataplane/skb.h"

#include <rte_mbuf.h>

#include <cstring>

#include "bpf/runtime/skb_tag.h"
#include "dataplane/borders.h"
#include "drivers/mempool.h"

namespace dataplane {
namespace {

constexpr u32 kSkbLenMax = 16064;  // to which helpers may lengthen a packet, as Linux; the buffer may end before

enum : base::u8 { kPacketHost, kPacketBroadcast, kPacketMulticast, kPacketOtherHost };

base::u8 packet_type(const base::u8* destination, const drivers::MacAddress& own) {
  constexpr base::u8 kAll[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  if (std::memcmp(destination, own.data(), own.size()) == 0) return kPacketHost;
  if (!(destination[0] & 1)) return kPacketOtherHost;
  return std::memcmp(destination, kAll, sizeof kAll) == 0 ? kPacketBroadcast : kPacketMulticast;
}

// What the device knows: a flow hash, that the checksum was right.
void note_offloads(sk_buff& buff, const rte_mbuf& frame) {
  if (frame.ol_flags & RTE_MBUF_F_RX_RSS_HASH) {
    buff.hash = frame.hash.rss;
    buff.hash_known = 1;
  }
  if ((frame.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
    buff.ip_summed = SKB_CSUM_UNNECESSARY;
}

bool take_tag(sk_buff& buff) {
  base::u16 tci = 0;
  const base::u16 proto = buff.protocol;
  if (skb_remove_tag(&buff, &tci) != 0) return false;
  buff.vlan_proto = proto;
  buff.vlan_tci = tci;
  buff.vlan_present = 1;
  return true;
}

}  // namespace

void make_skb(Skb& skb, rte_mbuf* frame, const xdp_borders* borders, u32 rx_queue) noexcept {
  char* const buffer = static_cast<char*>(frame->buf_addr);
  char* const data = borders ? borders->data : buffer + frame->data_off;
  char* const data_end = borders ? borders->data_end : data + frame->pkt_len;
  sk_buff& buff = skb.buff;
  buff = sk_buff{};
  buff.head = buffer - drivers::kHiddenHeadroom;
  buff.end = buffer + frame->buf_len;
  buff.data = data;
  buff.data_end = data_end;
  buff.data_meta = borders ? borders->data_meta : data;
  buff.len = u32(data_end - data);
  buff.len_max = kSkbLenMax;
  buff.queue_mapping = u16(rx_queue + 1);
  if (frame->ol_flags != 0) note_offloads(buff, *frame);
  skb.frame = frame;
  skb.sends = 0;
}

bool enter_port(Skb& skb, const PortStage& stage) noexcept {
  sk_buff& buff = skb.buff;
  if (buff.len < kEthBytes) return false;
  const base::u8* const eth = skb_data(&buff);
  buff.ifindex = buff.ingress_ifindex = stage.ifindex;
  buff.pkt_type = packet_type(eth, stage.mac);
  buff.mac_header = skb_headroom(&buff);
  buff.network_header = buff.mac_header + kEthBytes;
  buff.mac_len = kEthBytes;
  std::memcpy(&buff.protocol, eth + 12, sizeof buff.protocol);
  if (net16(buff.protocol) < 0x600) [[unlikely]]
    buff.protocol = skb_tagged_protocol(eth + 10);
  if (is_eth_vlan(buff.protocol) && !buff.vlan_present && !take_tag(buff)) return false;
  buff.transport_header = buff.network_header;
  buff.wire_len = buff.len - kEthBytes;
  return true;
}

bool copy_skb(const Skb& from, Skb& to) noexcept {
  rte_mbuf* const frame = rte_pktmbuf_alloc(from.frame->pool);
  if (!frame) return false;
  to = from;
  to.frame = frame;
  char* const head = static_cast<char*>(frame->buf_addr) - drivers::kHiddenHeadroom;
  const auto moved = [&](void* at) { return head + (static_cast<char*>(at) - static_cast<char*>(from.buff.head)); };
  to.buff.head = head;
  to.buff.end = moved(from.buff.end);
  to.buff.data = moved(from.buff.data);
  to.buff.data_end = moved(from.buff.data_end);
  to.buff.data_meta = moved(from.buff.data_meta);
  std::memcpy(to.buff.data_meta, from.buff.data_meta,
              std::size_t(static_cast<char*>(from.buff.data_end) - static_cast<char*>(from.buff.data_meta)));
  return true;
}

bool settle_skb(Skb& skb) noexcept {
  sk_buff& buff = skb.buff;
  if (buff.vlan_present && skb_insert_tag(&buff) != 0) return false;
  return write_borders(skb.frame, static_cast<char*>(buff.data), static_cast<char*>(buff.data_end)) != UINT32_MAX;
}

}  // namespace dataplane
