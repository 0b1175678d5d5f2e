// SPDX-License-Identifier: Apache-2.0
// abi_cases.h — for every command of bpf(2) an attr that succeeds, or comes as far as it can, and what its fields are.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "bpf/abi/attr.h"
#include "bpf/abi/types.h"
#include "tests/oracle/abi_worlds.h"

namespace abi_oracle {

// What is put in a field's place, beside what stands there.
enum class Kind : base::u8 { fd, pointer, flags, count, number, id };

struct Field {
  base::u16 offset;
  base::u16 bytes;
  Kind kind;
  Value base;
};

struct Command {
  u32 cmd;
  std::string_view name;
  std::vector<Field> fields;
  bool gives_fd = false;  // its result is a descriptor
  Spoils spoils = Spoils::nothing;
};

const std::vector<Command>& commands();

// Values to try in a field of this kind.
std::vector<Value> values_of(const Field& field);

// What cannot be asked: it would take the machine's memory or an hour.
bool too_large(u32 cmd, const bpf::bpf_attr& attr);

}  // namespace abi_oracle
