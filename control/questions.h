// SPDX-License-Identifier: Apache-2.0
// questions.h — what clients ask beside bpf(2): the lines behind /proc/self/fdinfo, the host's types, names of ports.
//
// Threads   control thread. Errors: what cannot be answered is an empty text.
#pragma once

#include <span>
#include <string>

#include <vector>

#include "base/unique_fd.h"
#include "bpf/load/wire.h"
#include "control/client.h"
#include "control/door.h"
#include "control/ring_watch.h"

namespace control {

struct Asked {
  bpf::load::Question question;
  std::span<const int> numbers;              // that `client` knows the descriptors by
  std::span<const base::UniqueFd> fds;       // the descriptors themselves
  base::ConstBytes bytes;
};

struct AnswerText {
  std::string text;
  std::vector<base::UniqueFd> fds;
};

// `rings`: null where nobody waits for ring buffers.
AnswerText answer_question(Door& door, Client& client, RingWatch* rings, const Asked& asked);

}  // namespace control
