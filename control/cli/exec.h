// SPDX-License-Identifier: Apache-2.0
// exec.h — `sluice exec -- COMMAND ...`: a program whose bpf(2) is the daemon's.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace control::cli {

// Becomes the command; returns only when that fails. ECONNREFUSED: no daemon answers at `socket`.
base::Error exec_command(const std::string& socket, std::span<const std::string> command);

}  // namespace control::cli
