/* SPDX-License-Identifier: Apache-2.0 */
#include "perf/engines/progs/prog.bpf.h"

PROGRAM(ctx) {
  (void)ctx;
  return XDP_DROP;
}
#include "perf/engines/progs/entry.bpf.h"
