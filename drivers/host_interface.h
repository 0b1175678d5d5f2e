// SPDX-License-Identifier: Apache-2.0
// host_interface.h — an interface of the kernel that a port stands on, in the network namespace of this thread.
//
// Threads   control thread.
// Errors    EINVAL no name that Linux takes, port's mtu above the interface's; ENODEV no such interface; EPERM.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "base/types.h"

namespace drivers {

base::Status check_interface_name(const std::string& name);
base::Status set_interface_mtu(const std::string& name, base::u32 mtu);

// An interface that a port borrows: brought up now; at the end it is as up and as promiscuous as it was found.
class BorrowedInterface {
 public:
  static base::Result<BorrowedInterface> borrow(const std::string& name, base::u32 port_mtu);
  BorrowedInterface(BorrowedInterface&& other) noexcept : name_(std::exchange(other.name_, {})), flags_(other.flags_) {}
  BorrowedInterface& operator=(BorrowedInterface&&) = delete;
  ~BorrowedInterface();

  bool is_running() const;  // up, with a carrier

 private:
  BorrowedInterface(std::string name, short flags) : name_(std::move(name)), flags_(flags) {}

  std::string name_;
  short flags_;
};

}  // namespace drivers
