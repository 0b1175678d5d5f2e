// SPDX-License-Identifier: Apache-2.0
// load.h — from a path to a checked configuration, or to all that is wrong with it.
//
// Shape     read file → YAML to Node tree → includes merged → schema → references and contradictions → structs.
//           Every stage that can still say something useful runs, so one run tells all errors.
// Threads   one thread per call; no state is kept.
// Errors    all in Result::diagnostics; nothing is thrown. `config` is there exactly when there are no errors.
// Cost      milliseconds for a usual file; bounded by bounds.h for a hostile one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/diagnostics.h"

namespace config {

struct Options {
  // Follow `include`. Off for a text that has no place in a file system.
  bool includes = true;
};

struct Result {
  std::optional<Config> config;
  Diagnostics diagnostics;

  bool ok() const noexcept { return config.has_value(); }
};

Result load(const std::string& path, const Options& options = {});
// The same for a text; `name` is what diagnostics call it, `directory` what relative paths are relative to.
Result load_text(std::string text, std::string name, const std::string& directory = ".", const Options& options = {});

}  // namespace config
