// SPDX-License-Identifier: Apache-2.0
// host_types.c — the types of "our vmlinux": compiled with clang -target bpf -g, its .BTF is what programs are
// relocated against (CO-RE) and what the host's BTF handle shows. Not linked into anything.
//
// To give programs a host struct to read through CO-RE, name it in the list at the end.
#include "bpf/abi/host/bpf_map.h"
#include "bpf/abi/host/env.h"
#include "bpf/abi/host/sk_buff.h"
#include "bpf/abi/host/xdp_buff.h"

// What XDP programs see (bpf/abi/context.h has the same, for C++).
struct xdp_md {
  uint32_t data;
  uint32_t data_end;
  uint32_t data_meta;
  uint32_t ingress_ifindex;
  uint32_t rx_queue_index;
  uint32_t egress_ifindex;
};
_Static_assert(sizeof(struct xdp_md) == 24, "struct xdp_md is the UAPI's");

// What programs beyond XDP see, likewise.
struct __sk_buff {
  uint32_t len;
  uint32_t pkt_type;
  uint32_t mark;
  uint32_t queue_mapping;
  uint32_t protocol;
  uint32_t vlan_present;
  uint32_t vlan_tci;
  uint32_t vlan_proto;
  uint32_t priority;
  uint32_t ingress_ifindex;
  uint32_t ifindex;
  uint32_t tc_index;
  uint32_t cb[5];
  uint32_t hash;
  uint32_t tc_classid;
  uint32_t data;
  uint32_t data_end;
  uint32_t napi_id;
  uint32_t family;
  uint32_t remote_ip4;
  uint32_t local_ip4;
  uint32_t remote_ip6[4];
  uint32_t local_ip6[4];
  uint32_t remote_port;
  uint32_t local_port;
  uint32_t data_meta;
  uint64_t flow_keys;
  uint64_t tstamp;
  uint32_t wire_len;
  uint32_t gso_segs;
  uint64_t sk;
  uint32_t gso_size;
  uint8_t tstamp_type;
  uint64_t hwtstamp;
};
_Static_assert(sizeof(struct __sk_buff) == 192, "struct __sk_buff is the UAPI's");

enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };

struct bpf_devmap_val {
  uint32_t ifindex;
  union {
    int fd;
    uint32_t id;
  } bpf_prog;
};

struct bpf_lpm_trie_key {
  uint32_t prefixlen;
  uint8_t data[0];
};

// BTF keeps the whole of a type that a parameter names; a function has at most five.
void sluice_host_types(struct xdp_md *, struct xdp_buff *, enum xdp_action *, struct bpf_env *);
void sluice_host_types(struct xdp_md *a, struct xdp_buff *b, enum xdp_action *c, struct bpf_env *d) {
  (void)a, (void)b, (void)c, (void)d;
}

void sluice_skb_types(struct __sk_buff *, struct sk_buff *, struct sock *);
void sluice_skb_types(struct __sk_buff *a, struct sk_buff *b, struct sock *c) {
  (void)a, (void)b, (void)c;
}

void sluice_map_types(struct bpf_map *, struct bpf_prog *, struct bpf_prog_array *, struct bpf_devmap_val *,
                      struct bpf_lpm_trie_key *);
void sluice_map_types(struct bpf_map *a, struct bpf_prog *b, struct bpf_prog_array *c, struct bpf_devmap_val *d,
                      struct bpf_lpm_trie_key *e) {
  (void)a, (void)b, (void)c, (void)d, (void)e;
}

// Kernel functions that run here (KFUNC_RUNS rows of bpf/registry/kfuncs.def), with Linux's prototypes. Their bodies
// are in bpf/runtime; only the prototypes count here.
struct bpf_iter_num {
  uint64_t __opaque[1];
} __attribute__((aligned(8)));

#define KFUNC __attribute__((noinline, btf_decl_tag("bpf_kfunc")))

KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) { return (void)it, start - end; }
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it);
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it) { return (int *)it; }
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it);
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it) { (void)it; }

KFUNC int64_t bpf_map_sum_elem_count(const struct bpf_map *map);
KFUNC int64_t bpf_map_sum_elem_count(const struct bpf_map *map) { return (int64_t)(uintptr_t)map; }

#define KFUNC_WITHOUT_ARGUMENTS(name) \
  KFUNC void name(void);              \
  KFUNC void name(void) {}
KFUNC_WITHOUT_ARGUMENTS(bpf_rcu_read_lock)
KFUNC_WITHOUT_ARGUMENTS(bpf_rcu_read_unlock)
KFUNC_WITHOUT_ARGUMENTS(bpf_preempt_disable)
KFUNC_WITHOUT_ARGUMENTS(bpf_preempt_enable)
