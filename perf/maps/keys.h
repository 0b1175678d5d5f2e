/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h — which keys the map benchmark asks for: one drawing for the programs in the kernel and for the loops here.
 *
 * Shape     number n -> index below a power of two -> key of KEY_WORDS words, or an IPv4 prefix. Draws do not depend on
 *           each other, as the packets of a burst do not.
 */
#pragma once

typedef __UINT64_TYPE__ bench_word;

enum { MAPS_OPS = 20 }; /* operations of one run; of a mixed run one is an update */

struct bench_state {
  bench_word n;    /* the next number */
  bench_word mask; /* indexes are below mask + 1 */
  bench_word sum;  /* of the values found: the look-ups are used */
};

struct bench_value {
  bench_word word[8];
};

struct bench_prefix {
  unsigned int length;
  unsigned int address; /* network byte order */
};

static inline bench_word bench_scatter(bench_word n, bench_word mask) {
  return (n * 0x9e3779b97f4a7c15ull >> 24) & mask;
}

static inline void bench_key(bench_word* key, unsigned int words, bench_word index) {
  key[0] = index * 0xd6e8feb86659fd93ull;
  for (unsigned int i = 1; i < words; i++) key[i] = index + i;
}

/* Lengths as in a full table of routes: most are /24, then /22, /23, /20, /16. */
static inline struct bench_prefix bench_route(bench_word index) {
  unsigned int draw = (unsigned int)(index * 2654435761u) % 100u;
  unsigned int length = draw < 60 ? 24 : draw < 70 ? 22 : draw < 80 ? 23 : draw < 88 ? 20 : draw < 96 ? 16 : 18;
  struct bench_prefix prefix = {length, (unsigned int)(index * 0x9e3779b1u)};
  return prefix;
}

static inline struct bench_prefix bench_host(bench_word index) {
  struct bench_prefix prefix = bench_route(index);
  prefix.length = 32;
  return prefix;
}
