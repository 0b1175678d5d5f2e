// SPDX-License-Identifier: Apache-2.0
#include "bpf/jit/identity.h"

#include <llvm/Config/llvm-config.h>

#include "bpf/jit/target.h"

extern "C" const char sluice_jit_digest[];  // bpf/jit/digest.py

namespace bpf::jit {

base::Result<std::string> find_identity() {
  SLUICE_TRY(const std::string cpu, find_target_cpu());
  return "llvm " LLVM_VERSION_STRING " " + cpu + " " + sluice_jit_digest;
}

}  // namespace bpf::jit
