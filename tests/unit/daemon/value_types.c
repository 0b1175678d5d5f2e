// SPDX-License-Identifier: Apache-2.0
// Types that value_encoder_test writes values of; compiled to BTF.
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;

struct flow {
  __be32 saddr;
  __be32 daddr;
  __be16 sport;
  __be16 dport;
  __u8 proto;
  __u8 pad[3];
};

enum action { ACTION_PASS, ACTION_DROP = 7 };

struct rule {
  enum action action;
  int delta;
  __u8 mac[6];
  char name[10];
  union {
    __u32 word;
    __u8 bytes[4];
  };
  __u32 low : 3, high : 5;
  __u16 ports[3];
};

struct prefix {
  __u32 prefixlen;
  __u8 address[4];
};

// A function, not variables: clang leaves the sizes of data sections to the linker.
int use(struct flow *f, struct rule *r, struct prefix *p) { return f->proto + r->delta + p->prefixlen; }
