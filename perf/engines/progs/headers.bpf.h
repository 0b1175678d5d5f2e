/* SPDX-License-Identifier: Apache-2.0 */
/* headers.bpf.h — what the larger programs share: more headers, checksums, hashing. Numbers are as on the wire. */
#pragma once

struct vlan {
  u16 tag, protocol;
};

struct ipv6 {
  u32 version_class_flow;
  u16 length;
  u8 next, hop_limit;
  u32 source[4], destination[4];
} __attribute__((packed, aligned(2)));

struct extension {
  u8 next, length; /* in units of 8 bytes, without the first */
  u8 rest[6];
};

struct tcp {
  u16 source, destination;
  u32 sequence, acknowledged;
  u8 offset, flags;
  u16 window, checksum, urgent;
} __attribute__((packed, aligned(2)));

struct vxlan {
  u32 flags, network;
} __attribute__((packed, aligned(2)));

struct gre {
  u16 flags, protocol;
};

enum {
  kVlan = 0x0081,
  kServiceVlan = 0xa888,
  kIpv6 = 0xdd86,
  kTcp = 6,
  kGre = 47,
  kHopByHop = 0,
  kRouting = 43,
  kFragment = 44,
  kDestinationOptions = 60,
  kFragmented = 0xff3f,
  kVxlanPort = 0xb512,
  kDnsPort = 0x3500,
  kCounterRoom = 4,
  kInnerSource = 0x0200000a,
  kInnerDestination = 0x0100000a,
  kInnerPort = 0x3412,
};

/* Natively map look-ups want the environment: a function between PROGRAM and LOOKUP passes it on. */
#ifdef __bpf__
#define ENV_PARAMETER
#define ENV_ARGUMENT
#else
#define ENV_PARAMETER struct bpf_env *env,
#define ENV_ARGUMENT env,
#endif

#define ROTATE(v, n) ((v) << (n) | (v) >> (32 - (n)))
/* Bob Jenkins's lookup3: three words, mixed, and their last mixing. */
#define MIX3(a, b, c)                  \
  do {                                 \
    a -= c, a ^= ROTATE(c, 4), c += b; \
    b -= a, b ^= ROTATE(a, 6), a += c; \
    c -= b, c ^= ROTATE(b, 8), b += a; \
    a -= c, a ^= ROTATE(c, 16), c += b; \
    b -= a, b ^= ROTATE(a, 19), a += c; \
    c -= b, c ^= ROTATE(b, 4), b += a; \
  } while (0)

static inline __attribute__((always_inline, unused)) u32 final3(u32 a, u32 b, u32 c) {
  c ^= b, c -= ROTATE(b, 14);
  a ^= c, a -= ROTATE(c, 11);
  b ^= a, b -= ROTATE(a, 25);
  c ^= b, c -= ROTATE(b, 16);
  a ^= c, a -= ROTATE(c, 4);
  b ^= a, b -= ROTATE(a, 14);
  c ^= b, c -= ROTATE(b, 24);
  return c;
}

/* RFC 1624, equation 3. */
static inline __attribute__((always_inline, unused)) u16 checksum_change(u16 checksum, u32 before, u32 after) {
  u64 sum = (u16)~checksum;
  sum += (u64)(u32)~before + after;
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

/* What the last run over this packet changed: benchmarks run over the same packets again and again. */
static inline __attribute__((always_inline, unused)) void put_back(struct ipv4* ip) {
  ip->source = kInnerSource;
  ip->destination = kInnerDestination;
  ip->ttl = 64;
}

/* The next of 65,536 numbers from a counter in the packet. */
static inline __attribute__((always_inline, unused)) u16 count_up(u8* at) {
  u32* counter = (u32*)at;
  u32 next = *counter + 0x9e3779b9u;
  *counter = next;
  return next >> 16;
}
