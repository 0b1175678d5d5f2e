/* SPDX-License-Identifier: Apache-2.0 */
/* device.c — questions about devices: bpf_check_mtu, bpf_fib_lookup.
 *
 * Shape     a device is what the host names a longest packet (MTU) of. Nothing is forwarded by a table of routes: every
 *           known device answers as one of Linux that does not forward.
 * Errors    as Linux: EINVAL flags or sizes; EAFNOSUPPORT; ENODEV.
 */
#include "bpf/runtime/skb.h"

static inline int64_t find_mtu(struct bpf_env* env, uint32_t ifindex) {
  return env->host->find_mtu ? env->host->find_mtu(env, ifindex) : -ENODEV;
}

enum { kFits, kMustBeCut, kSegmentsFlag = 1 };

/* bytes of the packet with its link header, unless *longest says how many without. */
static inline uint64_t check_length(struct bpf_env* env, uint32_t ifindex, uint32_t* longest, uint32_t bytes,
                                    int32_t by, int is_gso) {
  const int64_t mtu = find_mtu(env, ifindex);
  if (mtu < 0) return (uint64_t)mtu;
  if (*longest) bytes = *longest + (uint32_t)kEthBytes;
  *longest = (uint32_t)mtu;
  /* Linux reckons in 32 bits with a sign. */
  return (int32_t)(bytes + (uint32_t)by) <= mtu + kEthBytes || is_gso ? kFits : kMustBeCut;
}

BPF_BODY(bpf_check_mtu) {
  const struct xdp_buff* xdp = (const struct xdp_buff*)(uintptr_t)r1;
  if (r5) return skb_error(EINVAL);
  const uint32_t ifindex = (uint32_t)r2 ? (uint32_t)r2 : xdp->ingress_ifindex;
  return check_length(env, ifindex, (uint32_t*)(uintptr_t)r3,
                      (uint32_t)((char*)xdp->data_end - (char*)xdp->data), (int32_t)r4, 0);
}

BPF_BODY(bpf_skb_check_mtu) {
  const struct sk_buff* skb = skb_of(r1);
  uint32_t* const longest = (uint32_t*)(uintptr_t)r3;
  const int32_t by = (int32_t)r4;
  if (r5 & ~(uint64_t)kSegmentsFlag || ((r5 & kSegmentsFlag) && (by || *longest))) return skb_error(EINVAL);
  return check_length(env, (uint32_t)r2 ? (uint32_t)r2 : skb->ifindex, longest, skb->len, by, skb_is_gso(skb));
}

/* The beginning of struct bpf_fib_lookup; it has 64 bytes. */
struct fib_request {
  uint8_t family;
  uint8_t unread[7];
  uint32_t ifindex;
  uint32_t unread_word;
  uint8_t src[16];
  uint8_t dst[16];
};

/* Addresses that are never forwarded: multicast, of the link, the loopback. */
static inline int stays_local(const uint8_t* ip6) {
  static const uint8_t loopback[16] = {[15] = 1};
  return ip6[0] == 0xff || (ip6[0] == 0xfe && (ip6[1] & 0xc0) == 0x80) || memcmp(ip6, loopback, sizeof loopback) == 0;
}

BPF_BODY(bpf_fib_lookup) {
  enum { kFibBytes = 64, kFlags = 0x3f, kInet = 2, kInet6 = 10, kNotForwarded = 4, kForwardingDisabled = 5 };
  const struct fib_request* request = (const struct fib_request*)(uintptr_t)r2;
  if ((uint32_t)r3 < kFibBytes || (uint32_t)r4 & ~(uint32_t)kFlags) return skb_error(EINVAL);
  if (request->family != kInet && request->family != kInet6) return skb_error(EAFNOSUPPORT);
  if (request->family == kInet6 && (stays_local(request->dst) || stays_local(request->src))) return kNotForwarded;
  return find_mtu(env, request->ifindex) < 0 ? skb_error(ENODEV) : kForwardingDisabled;
}
