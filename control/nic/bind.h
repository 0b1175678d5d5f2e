// SPDX-License-Identifier: Apache-2.0
// bind.h — takes a card from the kernel's driver and gives it to vfio-pci, for a port of kind pci; and back.
//
// Threads   any, once. Writes to sysfs; takes root.
// Errors    ENODEV no such card, or no IOMMU group; EBUSY the host needs it; EINVAL not on the PCI bus; ENOENT vfio-pci
//           is not loaded; EIO the kernel did not do it.
#pragma once

#include <string>

#include "base/result.h"
#include "control/nic/nics.h"

namespace control {

inline constexpr const char* kBindDriver = "vfio-pci";

// `name`: a PCI address or an interface. A card that the host needs is refused unless `force`. Returns the address.
base::Result<std::string> bind_nic(const SystemRoot& root, const std::string& name, bool force);
// Lets the kernel choose its driver again.
base::Result<std::string> unbind_nic(const SystemRoot& root, const std::string& name);

}  // namespace control
