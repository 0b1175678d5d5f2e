// SPDX-License-Identifier: Apache-2.0
// source_file.h — a configuration file and those it includes, read under bounds and merged into one tree.
//
// Errors    into Diagnostics: unreadable, not a regular file, too large, empty, not UTF-8 text, include patterns.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "config/bounds.h"
#include "config/diagnostics.h"
#include "config/node.h"

namespace config {

// What is left of the bounds of one load.
struct Budget {
  std::size_t bytes = kTotalBytesMax;
  std::size_t nodes = kNodesMax;
};

// Index of the source, or nothing when it could not be read. A byte order mark at the start is dropped.
std::optional<int> read_source(Diagnostics& diagnostics, const std::string& path, Budget& budget);
// The same checks for a text that is already here.
std::optional<int> add_source(Diagnostics& diagnostics, std::string name, std::string text, std::string directory);

// Reads what `include` of `root` names and merges it: lists grow at their end, mappings key by key; a key with a value
// in two files is a duplicate. The key itself is taken out of the tree. `directory` is taken by value: the Sources grow
// meanwhile.
void merge_includes(Diagnostics& diagnostics, Node& root, std::string directory, Budget& budget);

}  // namespace config
