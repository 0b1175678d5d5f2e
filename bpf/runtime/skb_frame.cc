// SPDX-License-Identifier: Apache-2.0
#include "bpf/runtime/skb_frame.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>

#include "bpf/runtime/csum.h"

namespace bpf::runtime {
namespace {

using base::u16;
using base::u32;
using base::u64;
using base::u8;

constexpr u32 kEthBytes = 14, kIp4Bytes = 20, kIp6Bytes = 40;
constexpr u32 kLoopbackIfindex = 1;
constexpr u32 kGsoSegsMax = 65535, kWireLenMax = 65536;
constexpr u32 kStateClosed = 7;  // TCP_CLOSE
constexpr u32 kInet = 2, kInet6 = 10;

constexpr u16 net16(u16 v) {
  return u16(v >> 8 | v << 8);
}
constexpr u16 kIp4 = net16(0x0800), kIp6 = net16(0x86dd);
constexpr u16 kRaw8023 = net16(1), k8022 = net16(4);

struct TypeRow {
  bpf_prog_type type;
  bool sees_link_header;
};
constexpr TypeRow kTypes[] = {
    {BPF_PROG_TYPE_SOCKET_FILTER, false}, {BPF_PROG_TYPE_SCHED_CLS, true}, {BPF_PROG_TYPE_SCHED_ACT, true},
    {BPF_PROG_TYPE_CGROUP_SKB, false},    {BPF_PROG_TYPE_LWT_IN, false},   {BPF_PROG_TYPE_LWT_OUT, false},
    {BPF_PROG_TYPE_LWT_XMIT, false},
};

const TypeRow* find_row(u32 type) {
  const auto it = std::ranges::find(kTypes, type, [](const TypeRow& r) { return u32(r.type); });
  return it == std::end(kTypes) ? nullptr : it;
}

// Bytes of the context that are input; all others must be zero.
struct Span {
  std::size_t begin, end;
};
#define FIELDS(first, last) {offsetof(__sk_buff, first), offsetof(__sk_buff, last) + sizeof(__sk_buff::last)}
constexpr Span kInputs[] = {FIELDS(mark, mark),       FIELDS(priority, ifindex),  FIELDS(cb, cb),
                            FIELDS(tstamp, gso_segs), FIELDS(gso_size, gso_size), FIELDS(hwtstamp, hwtstamp)};
#undef FIELDS

bool only_inputs(const __sk_buff& ctx) {
  const auto* bytes = reinterpret_cast<const u8*>(&ctx);
  std::size_t at = 0;
  for (const Span& input : kInputs) {
    if (std::any_of(bytes + at, bytes + input.begin, [](u8 b) { return b != 0; })) return false;
    at = input.end;
  }
  return true;
}

// The loopback's address is all zeros, and so is its broadcast address: nothing is a broadcast.
u8 packet_type(const u8* destination) {
  enum : u8 { kHost, kMulticast = 2, kOtherHost };
  if (destination[0] & 1) return kMulticast;
  return std::all_of(destination, destination + 6, [](u8 b) { return b == 0; }) ? kHost : kOtherHost;
}

u64 next_cookie() {
  static std::atomic<u64> last = 0;
  return ++last;
}

}  // namespace

bool SkbFrame::runs(u32 prog_type) noexcept {
  return find_row(prog_type) != nullptr;
}

base::Status SkbFrame::fill(bpf_prog_type type, base::ConstBytes packet, const __sk_buff* ctx, bool sum) {
  bytes_.fill(std::byte{0});
  std::memcpy(&bytes_[kHeadroom], packet.data(), packet.size());
  sees_link_header_ = find_row(type)->sees_link_header;
  sock_ = {};
  sock_.state = kStateClosed;
  sock_.rx_queue_mapping = -1;
  sock_.cookie = next_cookie();
  skb_ = {};
  skb_.head = bytes_.data();
  skb_.end = bytes_.data() + bytes_.size();
  skb_.data = &bytes_[kHeadroom];
  skb_.data_end = &bytes_[kHeadroom] + packet.size();
  skb_.len = u32(packet.size());
  skb_.len_max = kLenMax;
  skb_.ifindex = kLoopbackIfindex;
  skb_.sk = &sock_;
  skb_.mac_header = kHeadroom;
  skb_.network_header = kHeadroom + kEthBytes;
  skb_.transport_header = SKB_NO_HEADER;
  SLUICE_CHECK(take_link_header());
  if (!sees_link_header_) {
    skb_.data = &bytes_[kHeadroom + kEthBytes];
    skb_.len -= kEthBytes;
  }
  skb_.data_meta = skb_.data;
  if (ctx) SLUICE_CHECK(take_ctx(*ctx));
  sum_ = sum;
  if (sum) {
    skb_.ip_summed = SKB_CSUM_COMPLETE;
    skb_.csum = network_sum();
  }
  return base::success();
}

// What a driver's hand-over notes: type of the packet, protocol; and the addresses for the socket.
base::Status SkbFrame::take_link_header() {
  const auto* const eth = reinterpret_cast<const u8*>(&bytes_[kHeadroom]);
  const u8* const ip = eth + kEthBytes;
  const u32 behind = skb_.len - kEthBytes;
  skb_.pkt_type = packet_type(eth);
  std::memcpy(&skb_.protocol, eth + 12, 2);
  if (net16(skb_.protocol) < 0x600) skb_.protocol = behind >= 2 && ip[0] == 0xff && ip[1] == 0xff ? kRaw8023 : k8022;
  if (skb_.protocol == kIp4) {
    if (behind < kIp4Bytes) return base::Error(EINVAL, "data_in is shorter than its IPv4 header");
    sock_.family = kInet;
    std::memcpy(&sock_.src_ip4, ip + 12, 4);
    std::memcpy(&sock_.dst_ip4, ip + 16, 4);
  } else if (skb_.protocol == kIp6) {
    if (behind < kIp6Bytes) return base::Error(EINVAL, "data_in is shorter than its IPv6 header");
    sock_.family = kInet6;
    std::memcpy(&sock_.src_ip6, ip + 8, 16);
    std::memcpy(&sock_.dst_ip6, ip + 24, 16);
  }
  return base::success();
}

base::Status SkbFrame::take_ctx(const __sk_buff& ctx) {
  if (!only_inputs(ctx))
    return base::Error(
        EINVAL,
        "ctx_in: only mark, priority, ingress_ifindex, ifindex, cb, tstamp, wire_len, gso_segs, gso_size "
        "and hwtstamp are input, all else must be 0");
  skb_.mark = ctx.mark;
  skb_.priority = ctx.priority;
  skb_.ingress_ifindex = ctx.ingress_ifindex;
  if (ctx.ifindex) skb_.ifindex = ctx.ifindex;
  std::ranges::copy(ctx.cb, skb_.cb);
  skb_.tstamp = ctx.tstamp;
  if (ctx.wire_len && (ctx.wire_len < skb_.len || ctx.wire_len > kWireLenMax))
    return base::Error(EINVAL, "ctx_in: wire_len must be 0, or at least the packet's and at most 65536");
  skb_.wire_len = ctx.wire_len ? ctx.wire_len : skb_.len;
  if (ctx.gso_segs > kGsoSegsMax) return base::Error(EINVAL, "ctx_in: gso_segs must be at most 65535");
  skb_.gso_segs = u16(ctx.gso_segs);
  skb_.gso_size = u16(ctx.gso_size);
  skb_.hwtstamp = ctx.hwtstamp;
  return base::success();
}

u32 SkbFrame::network_sum() const noexcept {
  const auto* const begin = static_cast<const std::byte*>(skb_.head) + skb_.network_header;
  return csum_bytes(begin, u32(static_cast<const std::byte*>(skb_.data_end) - begin));
}

base::Status SkbFrame::finish() {
  if (sum_ && csum_fold(skb_.csum) != csum_fold(network_sum()))
    return base::Error(EBADMSG, "the program left a wrong sum over the packet");
  if (sees_link_header_) return base::success();
  // A program of such a type cannot take room in front of its packet.
  skb_.data = static_cast<std::byte*>(skb_.data) - kEthBytes;
  skb_.len += kEthBytes;
  std::memset(skb_.data, 0, kEthBytes);
  return base::success();
}

base::ConstBytes SkbFrame::output() const noexcept {
  return {static_cast<const std::byte*>(skb_.data), skb_.len};
}

void SkbFrame::store_ctx(__sk_buff& ctx) const noexcept {
  ctx.mark = skb_.mark;
  ctx.priority = skb_.priority;
  ctx.ingress_ifindex = skb_.ingress_ifindex;
  ctx.ifindex = skb_.ifindex;
  std::ranges::copy(skb_.cb, ctx.cb);
  ctx.tstamp = skb_.tstamp;
  ctx.wire_len = skb_.wire_len;
  ctx.gso_segs = skb_.gso_segs;
  ctx.hwtstamp = skb_.hwtstamp;
}

}  // namespace bpf::runtime
