// SPDX-License-Identifier: Apache-2.0
// bounds.h — the bounds of a configuration, each with its reason.
#pragma once

#include <cstddef>

namespace config {

// A block list of 100,000 five-tuples takes some 12 MB of YAML; beyond that a map is better filled over the control
// socket.
inline constexpr std::size_t kFileBytesMax = std::size_t{16} << 20;
// The same for the file and all it includes.
inline constexpr std::size_t kTotalBytesMax = std::size_t{32} << 20;
inline constexpr std::size_t kIncludedFilesMax = 64;
// Entries of maps are three to eight values each; with aliases expanded, because that is what must be held.
inline constexpr std::size_t kNodesMax = 2'000'000;
// The deepest place of the format is a struct inside a struct inside a map entry: 10. The rest is for habits.
inline constexpr std::size_t kDepthMax = 32;
// A person reads the first page; a program wants them all, within reason.
inline constexpr std::size_t kDiagnosticsMax = 1000;

}  // namespace config
