// SPDX-License-Identifier: Apache-2.0
// abi_known.h — where our door is known to answer otherwise than the host kernel, and why.
#pragma once

#include <span>

#include "bpf/abi/attr.h"
#include "tests/oracle/abi_worlds.h"

namespace abi_oracle {

struct Known {
  u32 cmd;
  int ours, host;                           // errno, 0: success
  bool (*when)(const bpf::bpf_attr& attr);  // as the host sees it; null: always
  const char* reason;
};

std::span<const Known> known_differences();

}  // namespace abi_oracle
