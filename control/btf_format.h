// SPDX-License-Identifier: Apache-2.0
// btf_format.h — bytes of a value become JSON by their BTF, in bpftool's shapes.
//
// Shape     integers are numbers, bool true or false, enums their names, char arrays text where they are text; structs
//           are objects, arrays lists, a section of global data a list of {variable: value}. Pointers are "0x..."
//           texts.
// Threads   re-entrant. REQUIRES: types.valid(type) and as many bytes as the type has; what is short reads as null.
// Cost      linear in the value.
#pragma once

#include <nlohmann/json.hpp>

#include "bpf/btf/btf.h"

namespace control {

nlohmann::ordered_json format_value(const bpf::btf::Btf& types, base::u32 type, base::ConstBytes bytes);

}  // namespace control
