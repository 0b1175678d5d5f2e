// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/check_report.h"

#include <fmt/format.h>

#include <fstream>

#include "base/memory.h"
#include "config/memory_need.h"

namespace control {
namespace {

using base::u64;

// EAL's own tables, rings and queues, measured with the port kinds of today.
constexpr u64 kEalOverheadBytes = u64{32} << 20;

u64 available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key, unit;
  u64 kib = 0;
  while (meminfo >> key >> kib) {
    if (key == "MemAvailable:") return kib << 10;
    std::getline(meminfo, unit);
  }
  return 0;
}

bool wants_hugepages(const config::Config& config) { return config.eal.memory_mode == config::MemoryMode::kHugepages; }

}  // namespace

MemoryFigures measure_memory(const config::Config& config, const Plan& plan, u64 maps_bytes) {
  MemoryFigures figures;
  for (const auto& pool : plan.mempools) figures.mbuf_bytes += drivers::mempool_bytes(pool);
  if (wants_hugepages(config)) figures.hugepages_needed_bytes = figures.mbuf_bytes + kEalOverheadBytes;
  figures.hugepages_free_bytes = drivers::free_hugepage_bytes();
  figures.maps_bytes = maps_bytes;
  figures.maps_limit_bytes = config.limits.maps_memory_bytes;
  figures.memory_free_bytes = available_bytes();
  return figures;
}

void judge_memory(const MemoryFigures& figures, const config::Config& config, config::Diagnostics& diagnostics) {
  const bool short_of_hugepages = figures.hugepages_needed_bytes > figures.hugepages_free_bytes;
  if (short_of_hugepages && config.eal.memory_fallback == config::MemoryFallback::kNone)
    diagnostics.add(config::Code::kMemory, config::Where{"/eal/memory"},
                    fmt::format("needs {} of hugepages, {} are free, and eal.memory.fallback is none",
                                base::format_bytes(figures.hugepages_needed_bytes),
                                base::format_bytes(figures.hugepages_free_bytes)));
  // Maps are not counted: they are made already, or were refused.
  const u64 ordinary = short_of_hugepages || !wants_hugepages(config) ? figures.mbuf_bytes + kEalOverheadBytes : 0;
  if (ordinary > figures.memory_free_bytes)
    diagnostics.add(config::Code::kMemory, config::Where{"/mempools"},
                    fmt::format("packet buffers need {}, {} of memory are free", base::format_bytes(ordinary),
                                base::format_bytes(figures.memory_free_bytes)));
}

std::string memory_report(const MemoryFigures& figures, const config::Config& config) {
  std::string text;
  if (wants_hugepages(config)) {
    text += fmt::format("hugepages  needs {}, free {}", base::format_bytes(figures.hugepages_needed_bytes),
                        base::format_bytes(figures.hugepages_free_bytes));
    if (figures.hugepages_needed_bytes > figures.hugepages_free_bytes)
      text += config.eal.memory_fallback == config::MemoryFallback::kNoHuge ? "; will run without hugepages"
                                                                            : "; NOT ENOUGH";
    text += "\n";
  } else {
    text += "hugepages  none wanted (eal.memory.mode: no-huge)\n";
  }
  for (const auto& need : config::pool_needs(config))
    text += fmt::format("mbufs      {}: {} ({}) = {}\n", need.pool, need.mbufs, base::format_bytes(need.bytes),
                        need.reason);
  text += fmt::format("maps       need {}, limit {}\n", base::format_bytes(figures.maps_bytes),
                      base::format_bytes(figures.maps_limit_bytes));
  text += fmt::format("memory     {} available\n", base::format_bytes(figures.memory_free_bytes));
  return text;
}

}  // namespace control
