// SPDX-License-Identifier: Apache-2.0
// machine.h — verbs that are about this machine and need no daemon: port bind, port unbind, config init.
//
// Threads   main. Errors: sentences on stderr; exit status as of the program.
#pragma once

#include <span>
#include <string>

namespace control::cli {

bool is_machine_verb(std::span<const std::string> words);
// REQUIRES: is_machine_verb(words). Returns the exit status.
int run_machine_verb(std::span<const std::string> words);

}  // namespace control::cli
