// SPDX-License-Identifier: Apache-2.0
// connection.h — one request to the daemon's control socket and its answer (control/server.h).
//
// Threads   one. Errors: ECONNREFUSED nobody answers (the program exits with 69); else what the daemon said.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace control::cli {

base::Result<nlohmann::ordered_json> ask(const std::string& socket, const nlohmann::ordered_json& request);

}  // namespace control::cli
