// SPDX-License-Identifier: Apache-2.0
// init.h — a configuration to begin with, from the cards that are there: text that `sluiced --check` takes.
//
// Shape     a card bound to vfio-pci becomes a port of kind pci; one with an interface that the host does not need, of
//           kind af_packet; cards that the host needs are left out, by name. Without any: one null port.
#pragma once

#include <string>

#include "control/nic/nics.h"

namespace control {

std::string initial_config(const SystemRoot& root);

}  // namespace control
