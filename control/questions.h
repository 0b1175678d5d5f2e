// SPDX-License-Identifier: Apache-2.0
// questions.h — what clients ask beside bpf(2): the lines behind /proc/self/fdinfo, the host's types, names of ports.
//
// Threads   control thread. Errors: what cannot be answered is an empty text.
#pragma once

#include <string>

#include "bpf/load/wire.h"
#include "control/door.h"

namespace control {

// `object`: of the descriptor that came with the question; null: none, or not one of ours.
std::string answer_text(const Door& door, bpf::load::Question question, const Object* object);

}  // namespace control
