// SPDX-License-Identifier: Apache-2.0
#include "dataplane/accounting.h"

#include <algorithm>
#include <numeric>

namespace dataplane {

u64 EntryAccount::dropped() const noexcept {
  return std::accumulate(drops.begin(), drops.end(), u64(0));
}

u64 EntryAccount::left() const noexcept {
  return std::accumulate(sent.begin(), sent.end(), u64(0)) + dropped() + delivered + consumed + held;
}

const PortCounters* Snapshot::find_port(std::string_view name) const noexcept {
  const auto found = std::find_if(ports.begin(), ports.end(), [&](const PortCounters& p) { return p.name == name; });
  return found == ports.end() ? nullptr : &*found;
}

std::string check_accounting(const Snapshot& snapshot) {
  std::string faults;
  for (const PortCounters& port : snapshot.ports) {
    const EntryAccount& entry = port.entry;
    if (entry.entered() == entry.left()) continue;
    const auto number = [](const char* name, u64 n) { return std::string(name) + " " + std::to_string(n); };
    faults += "port " + port.name + ": " + number("received", entry.received) + number(" + cloned", entry.cloned) +
              number(" + originated", entry.originated) + " is not " +
              number("sent", std::accumulate(entry.sent.begin(), entry.sent.end(), u64(0))) +
              number(" + dropped", entry.dropped()) + number(" + delivered", entry.delivered) +
              number(" + consumed", entry.consumed) + number(" + held", entry.held) + "\n";
  }
  return faults;
}

}  // namespace dataplane
