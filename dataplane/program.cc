// SPDX-License-Identifier: Apache-2.0
#include "dataplane/program.h"

#include <rte_cycles.h>

namespace dataplane {

ProgramStats RunCounters::stats() const noexcept {
  ProgramStats sum;
  u64 cycles = 0;
  for (const Slot& slot : slots_) {
    sum.run_cnt += slot.run_cnt.load(std::memory_order_relaxed);
    cycles += slot.run_cycles.load(std::memory_order_relaxed);
  }
  sum.run_time_ns = u64(__uint128_t(cycles) * 1000000000 / rte_get_tsc_hz());
  return sum;
}

}  // namespace dataplane
