/* SPDX-License-Identifier: Apache-2.0 */
#include "perf/engines/progs/prog.bpf.h"

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  if (data + 14 > end) return XDP_ABORTED;
  u16 *mac = (u16 *)data;
  u16 a = mac[0], b = mac[1], c = mac[2];
  mac[0] = mac[3];
  mac[1] = mac[4];
  mac[2] = mac[5];
  mac[3] = a;
  mac[4] = b;
  mac[5] = c;
  return XDP_TX;
}
#include "perf/engines/progs/entry.bpf.h"
