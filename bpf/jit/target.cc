// SPDX-License-Identifier: Apache-2.0
#include "bpf/jit/target.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>

namespace bpf::jit {
namespace {

constexpr const char* kLevel3[] = {"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "popcnt", "crc32"};

}  // namespace

base::Result<std::string> find_target_cpu() {
  static const auto features = llvm::sys::getHostCPUFeatures();
  for (const char* feature : kLevel3)
    if (!features.lookup(feature))
      return base::Error(ENOTSUP, "this CPU has no " + std::string(feature) + ": the JIT needs the x86-64-v3 level");
  return std::string("x86-64-v3");
}

}  // namespace bpf::jit
