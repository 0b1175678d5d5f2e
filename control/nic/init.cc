// SPDX-License-Identifier: Apache-2.0
#include "control/nic/init.h"

#include "control/nic/bind.h"

namespace control {
namespace {

std::string describe(const Nic& nic) {
  std::string text = nic.interfaces.empty() ? "" : nic.interfaces[0];
  if (!nic.address.empty()) text += (text.empty() ? "" : ", ") + nic.address;
  if (!nic.driver.empty()) text += ", driver " + nic.driver;
  return text;
}

// One item of the list; empty: the card cannot be a port as it is.
std::string port_item(const Nic& nic, const std::string& name) {
  if (nic.driver == kBindDriver)
    return "    - { name: " + name + ", kind: pci, address: \"" + nic.address + "\" }   # " + describe(nic) + "\n";
  if (nic.interfaces.empty()) return {};
  const std::string item =
      "    - { name: " + name + ", kind: af_packet, iface: \"" + nic.interfaces[0] + "\" }   # " + describe(nic) + "\n";
  if (nic.address.empty()) return item;
  return item + "      # for its full speed: sluice port bind " + nic.address + ", then kind: pci, address: \"" +
         nic.address + "\"\n";
}

}  // namespace

std::string initial_config(const SystemRoot& root) {
  std::string ports, left_out;
  unsigned count = 0;
  for (const Nic& nic : find_nics(root)) {
    if (!nic.needed_for.empty()) {
      left_out += "    # left to the host: " + describe(nic) + ": " + nic.needed_for + "\n";
      continue;
    }
    const std::string item = port_item(nic, "p" + std::to_string(count));
    if (item.empty()) {
      left_out += "    # without driver: " + describe(nic) + ": sluice port bind " + nic.address + "\n";
      continue;
    }
    ports += item;
    ++count;
  }
  if (count == 0) ports = "    - { name: p0, kind: \"null\" }   # no card is free: this one has no wire\n";
  return "# What passes XDP is dropped until on-pass says otherwise. Keys: docs/config.md\n"
         "version: 1\n"
         "ports:\n"
         "  list:\n" +
         ports + left_out +
         "# programs:\n"
         "#   - { name: fw, object: fw.bpf.o }\n"
         "# attachments:\n"
         "#   - { hook: xdp, port: p0, program: fw }\n";
}

}  // namespace control
