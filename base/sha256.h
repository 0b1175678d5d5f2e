// SPDX-License-Identifier: Apache-2.0
// sha256.h — SHA-256 of a run of bytes: program tags and content keys.
//
// Threads   re-entrant. Cost: about 5 ns per byte; not for the packet path.
// Source    FIPS 180-4
#pragma once

#include <array>

#include "base/types.h"

namespace base {

std::array<u8, 32> sha256(ConstBytes bytes);

}  // namespace base
