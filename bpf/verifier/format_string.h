// SPDX-License-Identifier: Apache-2.0
// format_string.h — the formats that bpf_snprintf takes: what Linux refuses of them at load.
//
// Shape     pure. Threads: re-entrant. Cost: linear.
#pragma once

#include <string_view>

#include "base/types.h"

namespace bpf::verifier {

// `args`: how many values of eight bytes the program hands over; a format may use fewer.
bool is_good_format(std::string_view format, base::u32 args);

}  // namespace bpf::verifier
