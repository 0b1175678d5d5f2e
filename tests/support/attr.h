// SPDX-License-Identifier: Apache-2.0
// attr.h — what every caller of bpf(2) in the tests fills a union bpf_attr with.
#pragma once

#include <cstring>

#include "base/types.h"
#include "bpf/abi/attr.h"

namespace support {

// Every byte of it is zero, of all members.
inline bpf::bpf_attr zero_attr() {
  bpf::bpf_attr attr;
  std::memset(&attr, 0, sizeof attr);
  return attr;
}

// As the attr carries pointers.
inline base::u64 address(const void* p) {
  return reinterpret_cast<base::u64>(p);
}

}  // namespace support
