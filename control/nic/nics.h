// SPDX-License-Identifier: Apache-2.0
// nics.h — the network cards of this machine as sysfs tells of them, and which of them the host itself needs.
//
// Shape     a card is a PCI device of class network, or what another bus has an interface for. Reading only.
// Threads   plain values. Errors: what cannot be read is taken for absent.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace control {

// Where the kernel's trees are; tests have their own.
struct SystemRoot {
  std::string sys = "/sys";
  std::string proc = "/proc";
};

struct Nic {
  std::string address;                  // on the PCI bus, 0000:3b:00.0; empty: of another bus
  std::string driver;                   // empty: none
  std::vector<std::string> interfaces;  // of the kernel's driver
  std::string needed_for;               // why taking it away would cut the host off; empty: nothing known
};

std::vector<Nic> find_nics(const SystemRoot& root);  // cards of the PCI bus first, by address
// By PCI address or by the name of an interface. ENODEV in words.
base::Result<Nic> find_nic(const SystemRoot& root, const std::string& name);

}  // namespace control
