// SPDX-License-Identifier: Apache-2.0
// commands.h — what `sluice` understands: one table from which the grammar and the help both come.
//
// Threads   constants and plain values. Errors: EINVAL with a sentence; the program exits with 2.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace control::cli {

using Json = nlohmann::ordered_json;

enum class Select : unsigned char { none, optional, required };  // an identifier {id N | name S | ...} behind the verb

struct Command {
  std::string_view noun;
  std::string_view verb;
  Select select;
  std::string_view identifiers;   // those allowed, separated by blanks
  std::string_view help;
  void (*print)(const Json& value);
};

std::span<const Command> commands();

struct Invocation {
  const Command* command = nullptr;  // null: help was asked for
  Json args = Json::object();
};

// `show` and `list` are the same; an absent verb is `show`.
base::Result<Invocation> parse_command(std::span<const std::string> words);
std::string help();

}  // namespace control::cli
