// SPDX-License-Identifier: Apache-2.0
// decode.h — from the checked tree to structs, and from structs to what only the whole can tell.
//
// Threads   one thread.
// Errors    decode takes what has the right shape and leaves defaults elsewhere: the schema has told. check_config
// reports
//           names that refer to nothing and items that contradict each other; it is silent about names in a section
//           that has errors itself, because those would only be echoes.
#pragma once

#include "config/config.h"
#include "config/diagnostics.h"

namespace config {

Config decode(Diagnostics& diagnostics, const Node& root);
void check_config(Diagnostics& diagnostics, const Config& config);

}  // namespace config
