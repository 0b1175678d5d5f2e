// SPDX-License-Identifier: Apache-2.0
// Names and numbers of devices: those of the daemon's ports. libc asks the kernel from the inside, so the functions
// themselves are ours.
#include <net/if.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "control/preload/next.h"
#include "control/preload/session.h"

namespace preload {
namespace {

struct Device {
  unsigned index;
  std::string name;
};

std::vector<Device> devices() {
  std::vector<Device> out;
  const std::string text = ask(bpf::load::Question::ports);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t blank = line.find(' ');
    if (blank != line.npos) out.push_back({unsigned(std::strtoul(line.c_str(), nullptr, 10)), line.substr(blank + 1)});
  }
  return out;
}

}  // namespace
}  // namespace preload

extern "C" {

unsigned if_nametoindex(const char* name) noexcept {
  static auto* const real = preload::next<unsigned(const char*)>("if_nametoindex");
  if (!preload::is_on()) return real(name);
  for (const auto& device : preload::devices())
    if (device.name == name) return device.index;
  errno = ENODEV;
  return 0;
}

char* if_indextoname(unsigned index, char* name) noexcept {
  static auto* const real = preload::next<char*(unsigned, char*)>("if_indextoname");
  if (!preload::is_on()) return real(index, name);
  for (const auto& device : preload::devices()) {
    if (device.index != index || device.name.size() >= IF_NAMESIZE) continue;
    std::memcpy(name, device.name.c_str(), device.name.size() + 1);
    return name;
  }
  errno = ENXIO;
  return nullptr;
}

struct if_nameindex* if_nameindex() noexcept {
  static auto* const real = preload::next<struct if_nameindex*()>("if_nameindex");
  if (!preload::is_on()) return real();
  const auto devices = preload::devices();
  auto* const rows = static_cast<struct if_nameindex*>(std::calloc(devices.size() + 1, sizeof(struct if_nameindex)));
  for (std::size_t i = 0; rows && i < devices.size(); ++i)
    rows[i] = {devices[i].index, strdup(devices[i].name.c_str())};
  if (!rows) errno = ENOBUFS;
  return rows;
}

void if_freenameindex(struct if_nameindex* rows) noexcept {
  static auto* const real = preload::next<void(struct if_nameindex*)>("if_freenameindex");
  if (!preload::is_on()) return real(rows);
  for (auto* row = rows; row && row->if_index; ++row) std::free(row->if_name);
  std::free(rows);
}

}  // extern "C"
