// SPDX-License-Identifier: Apache-2.0
// common.bpf.h — what the oracle's programs share: headers on the wire and short words for maps.
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define DEFINE_MAP(name, map_type, key_type, value_type, entries) \
  struct {                                                        \
    __uint(type, map_type);                                       \
    __type(key, key_type);                                        \
    __type(value, value_type);                                    \
    __uint(max_entries, entries);                                 \
  } name SEC(".maps")

#define NOINLINE static __attribute__((noinline))

static inline void *packet_data(struct xdp_md *ctx) { return (void *)(long)ctx->data; }
static inline void *packet_end(struct xdp_md *ctx) { return (void *)(long)ctx->data_end; }

char _license[] SEC("license") = "GPL";
