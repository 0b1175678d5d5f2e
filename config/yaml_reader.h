// SPDX-License-Identifier: Apache-2.0
// yaml_reader.h — YAML text to a Node tree with a mark at every value. The only door to yaml-cpp.
//
// Shape     events of yaml-cpp's parser build the tree. Duplicate keys are errors (yaml-cpp's own tree keeps one in
//           silence), aliases are expanded under a bound, tags and merge keys are refused, one document per file.
// Errors    into Diagnostics; exceptions of yaml-cpp stop here.
// Cost      linear in the text; bounded by bounds.h.
#pragma once

#include <optional>

#include "config/diagnostics.h"
#include "config/node.h"

namespace config {

// Reads source `file`. Nothing when there is no tree to go on with; duplicate keys and the like leave one (the first
// wins). `nodes_left` is what remains of kNodesMax for this load, and is taken from.
std::optional<Node> read_yaml(Diagnostics& diagnostics, int file, std::size_t& nodes_left);

}  // namespace config
