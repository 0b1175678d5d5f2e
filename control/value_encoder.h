// SPDX-License-Identifier: Apache-2.0
// value_encoder.h — a value written in YAML -> the bytes a map holds, as the BTF of its type says.
//
// Shape     numbers, true/false, enumerator names      integers, enums (big-endian where the type is a __be16/32/64)
//           addresses "192.0.2.1", "2001:db8::1", MAC   __be32, byte arrays of 4, 16, 6
//           "198.51.100.0/24"                           the key of an LPM trie: prefix length and address
//           { field: value, … }                         structs and unions by field name; what is not named is zero
//           [ … ]                                       arrays, up to their length
//           "0x…"                                       any type, by its bytes in memory order
//           text                                        char arrays, NUL-padded
// Threads   one thread per call. Errors: diagnostics at the value's place in the file, code MapEntry.
#pragma once

#include <optional>
#include <vector>

#include "bpf/btf/btf.h"
#include "config/diagnostics.h"
#include "config/node.h"

namespace control {

struct ValueType {
  const bpf::btf::Btf* btf = nullptr;  // null: the map has no BTF; numbers and "0x…" only
  base::u32 type_id = 0;
  base::u32 size = 0;                  // bytes
  bool lpm_key = false;
};

// The bytes of `node`, or nothing after an error was added at `at`.
std::optional<std::vector<std::byte>> encode_value(const ValueType& type, const config::Node& node,
                                                   const config::Where& at, config::Diagnostics& diagnostics);

}  // namespace control
