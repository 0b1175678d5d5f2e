// SPDX-License-Identifier: Apache-2.0
// kernel_types.h — the running kernel's types, for tests that put its functions into programs.
#pragma once

#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <vector>

#include "bpf/btf/kernel_btf.h"

namespace support {

// Read at the first call; null: the kernel has none.
inline std::shared_ptr<const bpf::btf::KernelBtf> kernel_types() {
  static const auto types = [] {
    std::ifstream file("/sys/kernel/btf/vmlinux", std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    auto parsed = bpf::btf::KernelBtf::parse(std::as_bytes(std::span(bytes)));
    return parsed ? *std::move(parsed) : nullptr;
  }();
  return types;
}

}  // namespace support
