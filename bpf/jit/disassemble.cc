// SPDX-License-Identifier: Apache-2.0
#include "bpf/jit/disassemble.h"

#include <llvm-c/Disassembler.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>

#include <cstdio>
#include <mutex>

namespace bpf::jit {
namespace {

std::string trimmed(const char* text) {
  std::string out;
  for (; *text; ++text)
    if (*text != '\t')
      out += *text;
    else if (!out.empty())
      out += ' ';
  return out;
}

}  // namespace

std::vector<NativeInsn> disassemble(base::ConstBytes text, base::u64 address) {
  static std::once_flag initialised;
  std::call_once(initialised, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetDisassembler();
  });
  std::vector<NativeInsn> insns;
  LLVMDisasmContextRef context = LLVMCreateDisasm(llvm::sys::getProcessTriple().c_str(), nullptr, 0, nullptr, nullptr);
  if (!context) return insns;
  LLVMSetDisasmOptions(context, LLVMDisassembler_Option_AsmPrinterVariant | LLVMDisassembler_Option_PrintImmHex);
  auto* bytes = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(text.data()));
  for (size_t at = 0; at < text.size();) {
    char out[256];
    size_t size = LLVMDisasmInstruction(context, bytes + at, text.size() - at, address + at, out, sizeof out);
    std::string words = size ? trimmed(out) : "";
    if (size == 0) {
      std::snprintf(out, sizeof out, ".byte 0x%02x", bytes[at]);
      words = out;
      size = 1;
    }
    insns.push_back({base::u32(at), base::u32(size), std::move(words)});
    at += size;
  }
  LLVMDisasmDispose(context);
  return insns;
}

}  // namespace bpf::jit
