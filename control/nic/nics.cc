// SPDX-License-Identifier: Apache-2.0
#include "control/nic/nics.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace control {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string link_name(const fs::path& link) {
  std::error_code ignored;
  return fs::read_symlink(link, ignored).filename().string();
}

// Of the device itself, or one level below: virtio's device lies there.
std::vector<std::string> interfaces_of(const fs::path& device) {
  std::vector<std::string> found = names_in(device / "net");
  for (const std::string& child : names_in(device)) {
    if (!child.starts_with("virtio")) continue;
    const auto below = names_in(device / child / "net");
    found.insert(found.end(), below.begin(), below.end());
  }
  return found;
}

// What the host's routing says about an interface; empty: nothing.
std::string routes_of(const SystemRoot& root, const std::string& interface) {
  std::ifstream routes(root.proc + "/net/route");
  std::string line, reason;
  std::getline(routes, line);  // the heads of the columns
  while (std::getline(routes, line)) {
    std::istringstream fields(line);
    std::string name, destination;
    if (!(fields >> name >> destination) || name != interface) continue;
    if (destination == "00000000") return interface + " has the default route";
    reason = interface + " has IPv4 routes";
  }
  std::ifstream addresses(root.proc + "/net/if_inet6");
  while (std::getline(addresses, line)) {
    std::istringstream fields(line);
    std::string address, index, prefix, scope, flags, name;
    if (fields >> address >> index >> prefix >> scope >> flags >> name && name == interface && scope == "00" &&
        reason.empty())
      reason = interface + " has an IPv6 address";
  }
  return reason;
}

std::string why_needed(const SystemRoot& root, const std::vector<std::string>& interfaces) {
  for (const std::string& interface : interfaces) {
    if (const std::string master = link_name(root.sys + "/class/net/" + interface + "/master"); !master.empty())
      return interface + " is part of " + master;
    if (std::string reason = routes_of(root, interface); !reason.empty()) return reason;
  }
  return {};
}

bool is_network_card(const fs::path& device) {
  std::string type;
  return std::ifstream(device / "class") >> type && type.starts_with("0x02");
}

}  // namespace

std::vector<Nic> find_nics(const SystemRoot& root) {
  std::vector<Nic> nics;
  const fs::path bus = root.sys + "/bus/pci/devices";
  for (const std::string& address : names_in(bus)) {
    if (!is_network_card(bus / address)) continue;
    Nic nic = {.address = address, .driver = link_name(bus / address / "driver")};
    nic.interfaces = interfaces_of(bus / address);
    nic.needed_for = why_needed(root, nic.interfaces);
    nics.push_back(std::move(nic));
  }
  const fs::path all = root.sys + "/class/net";
  for (const std::string& name : names_in(all)) {
    std::error_code ignored;
    const auto known = [&](const Nic& nic) { return std::ranges::count(nic.interfaces, name) != 0; };
    if (!fs::exists(all / name / "device", ignored) || std::ranges::any_of(nics, known)) continue;
    nics.push_back({.address = {},
                    .driver = link_name(all / name / "device/driver"),
                    .interfaces = {name},
                    .needed_for = why_needed(root, {name})});
  }
  return nics;
}

base::Result<Nic> find_nic(const SystemRoot& root, const std::string& name) {
  for (const Nic& nic : find_nics(root))
    if ((!nic.address.empty() && nic.address == name) || std::ranges::count(nic.interfaces, name) != 0) return nic;
  return base::Error(ENODEV,
                     "there is no network card '" + name + "' (a PCI address like 0000:3b:00.0, or an interface)");
}

}  // namespace control
