/* SPDX-License-Identifier: Apache-2.0 */
/* Drops questions for blocked names: labels in lower case, hashed, the hash looked up at each dot, so that a blocked
 * domain blocks what is below it. */
#include "perf/engines/progs/prog.bpf.h"
#include "perf/engines/progs/headers.bpf.h"

MAP(blocked, HASH, u64, u32, 4096, 0)

struct dns {
  u16 id, flags, questions, answers, authorities, additional;
};
enum { kNameBytesMax = 64, kOneQuestion = 0x0100, kResponse = 0x0080 };

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  struct ipv4* ip = (struct ipv4*)(data + 14);
  struct udp* udp = (struct udp*)(ip + 1);
  struct dns* dns = (struct dns*)(udp + 1);
  u8* name = (u8*)(dns + 1);
  if (name > end) return XDP_ABORTED;
  if (((struct ethernet*)data)->protocol != kIpv4 || ip->version_length != kPlainHeader) return XDP_PASS;
  if (ip->protocol != kUdp || udp->destination != kDnsPort) return XDP_PASS;
  if (dns->questions != kOneQuestion || (dns->flags & kResponse)) return XDP_PASS;
  u64 hash = 0xcbf29ce484222325ull; /* FNV-1a */
  u32 left = 0;
  for (u32 i = 0; i < kNameBytesMax; i++) {
    if (name + i + 1 > end) return XDP_ABORTED;
    u8 c = name[i];
    if (left == 0) {
      if (c == 0) break;
      if (c > 63) return XDP_DROP;
      left = c;
      hash = (hash ^ '.') * 0x100000001b3ull;
      continue;
    }
    if (c >= 'A' && c <= 'Z') c |= 32;
    hash = (hash ^ c) * 0x100000001b3ull;
    left--;
  }
  u32* rule = LOOKUP(blocked, hash, &hash);
  if (!rule) return XDP_PASS;
  __sync_fetch_and_add(rule, 1);
  return XDP_DROP;
}
#include "perf/engines/progs/entry.bpf.h"
