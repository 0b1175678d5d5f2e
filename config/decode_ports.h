// SPDX-License-Identifier: Apache-2.0
// decode_ports.h — the section `ports`: common keys, and one reader for each kind.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostics.h"

namespace config {

std::vector<Port> decode_ports(Diagnostics& diagnostics, const Node& root, const std::vector<Worker>& workers,
                               const std::string& first_pool);

// A path of the file as an absolute one; relative to the file it was written in.
std::string absolute_path(const Diagnostics& diagnostics, const Node& path);

}  // namespace config
