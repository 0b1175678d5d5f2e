// SPDX-License-Identifier: Apache-2.0
// problem.h — why a program is refused.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <string>

#include "base/types.h"

namespace bpf::verifier {

struct Problem {
  int error = 0;  // errno; 0: none
  bool unsupported = false;
  base::u32 insn = 0;
  std::string log{};     // the sentence that Linux prints, a line or more, each ended
  std::string reason{};  // ours; empty: the last line of `log` says it
  std::string advice{};
};

[[gnu::format(printf, 1, 2)]] inline std::string format(const char* text, ...) {
  char buffer[512];
  va_list args;
  va_start(args, text);
  const int n = std::vsnprintf(buffer, sizeof buffer, text, args);
  va_end(args);
  if (n < 0) return {};
  if (static_cast<std::size_t>(n) < sizeof buffer) return std::string(buffer, static_cast<std::size_t>(n));
  std::string long_text(static_cast<std::size_t>(n) + 1, '\0');
  va_start(args, text);
  std::vsnprintf(long_text.data(), long_text.size(), text, args);
  va_end(args);
  long_text.pop_back();
  return long_text;
}

}  // namespace bpf::verifier
