// SPDX-License-Identifier: Apache-2.0
// host_types.c — the types of "our vmlinux": compiled with clang -target bpf -g, its .BTF is what programs are
// relocated against (CO-RE) and what the host's BTF handle shows. Not linked into anything.
//
// To give programs a host struct to read through CO-RE, name it in the list at the end.
#include "bpf/abi/host/bpf_map.h"
#include "bpf/abi/host/env.h"
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

void sluice_map_types(struct bpf_map *, struct bpf_prog *, struct bpf_prog_array *, struct bpf_devmap_val *,
                      struct bpf_lpm_trie_key *);
void sluice_map_types(struct bpf_map *a, struct bpf_prog *b, struct bpf_prog_array *c, struct bpf_devmap_val *d,
                      struct bpf_lpm_trie_key *e) {
  (void)a, (void)b, (void)c, (void)d, (void)e;
}
