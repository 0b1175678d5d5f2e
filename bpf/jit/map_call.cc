// SPDX-License-Identifier: Apache-2.0
// Map helpers on one known map: the type's own body, with the map's shape as constants, so that it inlines and
// specialises.
#include "bpf/abi/func_id.h"
#include "bpf/jit/emit.h"
#include "bpf/registry/registry.h"

namespace bpf::jit {
namespace {

// Operands of a body behind (env, map, shape): registers r2 … by type.
enum class Operand : u8 { none, pointer, integer64, integer32 };
struct MapHelper {
  bpf_func_id id;
  const char* operation;
  bool stores;   // ... which maps with fields in their values do in another way
  bool inlines;  // small once its sizes are constants; the inliner, which sees the general body, thinks otherwise
  Operand operands[3];
};
constexpr MapHelper kMapHelpers[] = {
    {BPF_FUNC_map_lookup_elem, "lookup", false, true, {Operand::pointer}},
    {BPF_FUNC_map_update_elem, "update", true, true, {Operand::pointer, Operand::pointer, Operand::integer64}},
    {BPF_FUNC_map_delete_elem, "erase", false, false, {Operand::pointer}},
    {BPF_FUNC_redirect_map, "redirect", false, true, {Operand::integer64, Operand::integer64}},
    {BPF_FUNC_map_push_elem, "push", false, false, {Operand::pointer, Operand::integer64}},
    {BPF_FUNC_map_peek_elem, "peek", false, true, {Operand::pointer}},
    {BPF_FUNC_for_each_map_elem, "each", false, true, {Operand::pointer, Operand::integer64, Operand::integer64}},
    {BPF_FUNC_map_lookup_percpu_elem, "lookup_percpu", false, true, {Operand::pointer, Operand::integer32}},
};

const MapHelper* find_map_helper(s32 id) {
  for (const MapHelper& h : kMapHelpers)
    if (s32(h.id) == id) return &h;
  return nullptr;
}

}  // namespace

// False: this call site sees several maps, or the runtime has no body for the map's type or its values; the helper's
// table call does it.
bool FunctionEmitter::emit_map_call() {
  const MapHelper* helper = find_map_helper(insn().imm);
  if (!helper || low().map_index < 0) return false;
  const MapFacts& map = module_.program().maps[size_t(low().map_index)];
  if (u32(map.type) >= kMapTypes.size() || (helper->stores && map.has_fields)) return false;
  const std::string name = "map_" + std::string(kMapTypes[map.type].name) + "_" + helper->operation;
  llvm::Function* body = module_.find_runtime(name);
  if (!body) return false;

  check_map(read(BPF_REG_1), u32(low().map_index));
  // struct bpf_map_shape travels as two registers, as the C ABI of x86-64 has it.
  std::vector<Value*> arguments{env_, module_.map_symbol(u32(low().map_index)),
                                builder_.getInt64(map.key_size | u64(map.value_size) << 32),
                                builder_.getInt64(map.max_entries | u64(map.map_flags) << 32)};
  int reg = BPF_REG_2;
  for (Operand operand : helper->operands) {
    switch (operand) {
      case Operand::none:
        break;
      case Operand::pointer:
        arguments.push_back(read_pointer(reg++));
        break;
      case Operand::integer64:
        arguments.push_back(read(reg++));
        break;
      case Operand::integer32:
        arguments.push_back(read(reg++, 32));
        break;
    }
  }
  llvm::FunctionType* type = body->getFunctionType();
  if (type->getNumParams() != arguments.size()) return false;
  for (unsigned i = 0; i < arguments.size(); ++i)
    if (type->getParamType(i) != arguments[i]->getType()) return false;
  llvm::CallInst* call = builder_.CreateCall(body, arguments);
  if (helper->inlines && module_.take_inline_budget()) call->addFnAttr(llvm::Attribute::AlwaysInline);
  write(BPF_REG_0, call);
  return true;
}

}  // namespace bpf::jit
