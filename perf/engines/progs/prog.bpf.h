/* SPDX-License-Identifier: Apache-2.0 */
/* prog.bpf.h — one source, two machines: the programs of the engine comparison for BPF and for the CPU itself.
 *
 * Shape     a program is PROGRAM(ctx) { … } over DATA(ctx) … DATA_END(ctx); maps are MAP(name, type, key, value,
 *           entries, flags) and LOOKUP, UPDATE, TAIL_CALL of them; functions that shall be subprograms are FUNCTION,
 *           and stand behind it. For BPF these are what clang and libbpf make of them.
 *           Natively the map bodies are the ones the JIT inlines (maps/..._inline.h), with the same constants, and
 *           the entry points are those of a bpf_prog.
 * Packets   64 bytes or more of Ethernet, IPv4, UDP. Bytes 48 … 51 hold a counter: it walks the flows, so that a
 *           repeated packet of a kernel test run is not always the same one.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifdef __bpf__
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define PROGRAM(ctx) SEC("xdp") int prog(struct xdp_md* ctx)
#define DATA(ctx) ((u8*)(long)(ctx)->data)
#define DATA_END(ctx) ((u8*)(long)(ctx)->data_end)
#define MAP(name, map_type, key_t, value_t, entries, flags) \
  struct {                                                  \
    __uint(type, BPF_MAP_TYPE_##map_type);                  \
    __type(key, key_t);                                     \
    __type(value, value_t);                                 \
    __uint(max_entries, entries);                           \
    __uint(map_flags, flags);                               \
  } name SEC(".maps");
#define LOOKUP(name, map_type, key) bpf_map_lookup_elem(&name, key)
#define UPDATE(name, map_type, key, value) bpf_map_update_elem(&name, key, value, 0)
#define KTIME() bpf_ktime_get_ns()
#define TAIL_CALL(ctx, name, index) bpf_tail_call(ctx, &name, index)
#define FUNCTION static __attribute__((noinline, section("xdp")))
#else
#include "bpf/abi/host/xdp_buff.h"
#include "bpf/runtime/burst.h"
#include "maps/array_inline.h"
#include "maps/hash_inline.h"
#include "maps/lpm_inline.h"

enum { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX };
#define PROGRAM(ctx) static inline u64 prog(struct xdp_buff* ctx, struct bpf_env* env)
#define DATA(ctx) ((u8*)(ctx)->data)
#define DATA_END(ctx) ((u8*)(ctx)->data_end)
#define MAP(name, map_type, key_t, value_t, entries, flags)                                                  \
  extern struct bpf_map* native_map_##name;                                                                  \
  static const __attribute__((unused)) struct bpf_map_shape name##_shape = {sizeof(key_t), sizeof(value_t), \
                                                                            entries, flags};
#define LOOKUP(name, map_type, key) maps_##map_type##_lookup(env, native_map_##name, name##_shape, key)
#define UPDATE(name, map_type, key, value) maps_##map_type##_update(env, native_map_##name, name##_shape, key, value, 0)
#define maps_lru_hash_update maps_hash_update
#define KTIME() env->host->ktime_get_ns(env)
#define TAIL_CALL(ctx, name, index)                                               \
  do {                                                                            \
    const struct bpf_prog* next = find_next_program(env, native_map_##name, index); \
    if (next) return next->run(ctx, env, next);                                   \
  } while (0)
#define FUNCTION static

/* What bpf_tail_call's body does before it jumps. */
static inline __attribute__((always_inline, unused)) const struct bpf_prog* find_next_program(struct bpf_env* env,
                                                                                              struct bpf_map* map,
                                                                                              u32 index) {
  const struct bpf_prog_array* array = (const struct bpf_prog_array*)map;
  if (index >= map->shape.max_entries || env->tail_calls == 0) return 0;
  const struct bpf_prog* next = __atomic_load_n(&array->slots[index], __ATOMIC_ACQUIRE);
  if (next) --env->tail_calls;
  return next;
}
#endif

struct ethernet {
  u8 destination[6], source[6];
  u16 protocol;
} __attribute__((packed));

struct ipv4 {
  u8 version_length, tos;
  u16 length, id, fragment;
  u8 ttl, protocol;
  u16 checksum;
  u32 source, destination;
} __attribute__((packed, aligned(2)));

struct udp {
  u16 source, destination, length, checksum;
};

struct flow {
  u32 source, destination;
  u16 source_port, destination_port;
  u8 protocol, pad[3];
};

enum { kIpv4 = 0x0008 /* 0x0800 on the wire */, kUdp = 17, kPlainHeader = 0x45, kCounterAt = 48 };

static inline __attribute__((always_inline)) u32 next_flow(u8* data) {
  u32* counter = (u32*)(data + kCounterAt);
  u32 next = *counter + 0x9e3779b9u;
  *counter = next;
  return next >> 16;
}

/* The 5-tuple of a UDP packet over IPv4 without options. 0: `key` is filled in; else the verdict. */
static inline __attribute__((always_inline)) int find_flow(u8* data, u8* end, struct flow* key) {
  if (data + 64 > end) return 1 + XDP_ABORTED;
  if (((struct ethernet*)data)->protocol != kIpv4) return 1 + XDP_PASS;
  struct ipv4* ip = (struct ipv4*)(data + 14);
  if (ip->protocol != kUdp || ip->version_length != kPlainHeader) return 1 + XDP_PASS;
  struct udp* udp = (struct udp*)(ip + 1);
  *key = (struct flow){ip->source, ip->destination, udp->source ^ next_flow(data), udp->destination, kUdp, {0, 0, 0}};
  return 0;
}
