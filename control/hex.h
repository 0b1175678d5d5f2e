// SPDX-License-Identifier: Apache-2.0
// hex.h — bytes as hexadecimal text, two digits each, in memory order.
//
// Threads   re-entrant.
#pragma once

#include <string>

#include "base/types.h"

namespace control {

inline std::string to_hex(base::ConstBytes bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    text += kDigits[base::u32(b) >> 4];
    text += kDigits[base::u32(b) & 15];
  }
  return text;
}

}  // namespace control
