// SPDX-License-Identifier: Apache-2.0
// verbs.h — the off-line verbs: verify and test-run, without a daemon and without root.
//
// Threads   one. Errors: exit status 0 good, 1 refused or failed, 2 the object is unreadable or the command line is
//           wrong.
#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "control/offline/arguments.h"

namespace control::offline {

int verify(const Arguments& arguments);
int test_run(const Arguments& arguments);

// Output as asked: one line or indented.
void print_json(const Arguments& arguments, const nlohmann::ordered_json& value);
// The sentence on standard error, or {"error": ...}; returns `status`.
int fail(const Arguments& arguments, const base::Error& error, int status);

}  // namespace control::offline
