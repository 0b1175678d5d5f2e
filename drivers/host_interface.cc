// SPDX-License-Identifier: Apache-2.0
#include "drivers/host_interface.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace drivers {
namespace {

constexpr short kRestored = IFF_UP | IFF_PROMISC;

// One ioctl on the interface; 0 or errno.
int ask(const std::string& name, unsigned long request, ifreq& answer) {
  const base::UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  name.copy(answer.ifr_name, IFNAMSIZ - 1);
  return ioctl(fd.get(), request, &answer) == 0 ? 0 : errno;
}

base::Error failed(int code, const std::string& what) {
  return base::Error(code, what + ": " + std::strerror(code));
}

}  // namespace

base::Status check_interface_name(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name.find_first_of(" ,/:") != std::string::npos || name == "." ||
      name == "..")
    return base::Error(EINVAL, "interface name '" + name + "' is not one that Linux takes (at most 15 characters)");
  return base::success();
}

base::Status set_interface_mtu(const std::string& name, base::u32 mtu) {
  ifreq request = {};
  request.ifr_mtu = int(mtu);
  if (const int code = ask(name, SIOCSIFMTU, request)) return failed(code, "mtu " + std::to_string(mtu));
  return base::success();
}

base::Result<BorrowedInterface> BorrowedInterface::borrow(const std::string& name, base::u32 port_mtu) {
  ifreq answer = {};
  if (ask(name, SIOCGIFMTU, answer) != 0)
    return base::Error(ENODEV, "there is no interface " + name + " in this network namespace");
  if (port_mtu > base::u32(answer.ifr_mtu))
    return base::Error(EINVAL, "interface " + name + " has mtu " + std::to_string(answer.ifr_mtu) +
                                   ", less than the port's " + std::to_string(port_mtu));
  if (const int code = ask(name, SIOCGIFFLAGS, answer)) return failed(code, "interface " + name);
  BorrowedInterface borrowed(name, answer.ifr_flags);
  answer.ifr_flags |= IFF_UP;
  if (const int code = ask(name, SIOCSIFFLAGS, answer)) return failed(code, "interface " + name + ": bringing it up");
  return borrowed;
}

BorrowedInterface::~BorrowedInterface() {
  ifreq answer = {};
  if (name_.empty() || ask(name_, SIOCGIFFLAGS, answer) != 0) return;
  const short restored = short((answer.ifr_flags & ~kRestored) | (flags_ & kRestored));
  if (restored == answer.ifr_flags) return;
  answer.ifr_flags = restored;
  ask(name_, SIOCSIFFLAGS, answer);
}

bool BorrowedInterface::is_running() const {
  ifreq answer = {};
  if (ask(name_, SIOCGIFFLAGS, answer) != 0) return false;
  return (answer.ifr_flags & IFF_UP) && (answer.ifr_flags & IFF_RUNNING);
}

}  // namespace drivers
