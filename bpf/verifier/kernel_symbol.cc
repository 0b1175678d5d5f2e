// SPDX-License-Identifier: Apache-2.0
// kernel_symbol.cc — addresses of the kernel's variables and functions, and per-CPU variables behind them.
//
// Source    soundness: a per-CPU variable has no address of its own: bpf_per_cpu_ptr and bpf_this_cpu_ptr give one,
//           good for reading. Nothing is read at a function's address. Whether the kernel has the symbol its BTF cannot
//           say.
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

bool is_percpu(const btf::Btf& types, const btf::KernelBtf& kernel, u32 variable) {
  const auto section = kernel.find(".data..percpu", BTF_KIND_DATASEC);
  if (!section) return false;
  for (const btf_var_secinfo& v : types.section_vars(*section))
    if (v.type == variable) return true;
  return false;
}

}  // namespace

bool Walk::load_kernel_symbol(const bpf_insn& i) {
  const btf::Btf& types = btf_.kernel->types();
  const u32 id = static_cast<u32>(i.imm);
  if (!types.valid(id)) return refuse(ENOENT, format("ldimm64 insn specifies invalid btf_id %u.\n", id));
  const u32 kind = types.kind(id);
  if (kind != BTF_KIND_VAR && kind != BTF_KIND_FUNC)
    return refuse(EINVAL, format("pseudo btf_id %u in ldimm64 isn't KIND_VAR or KIND_FUNC\n", id));
  Reg out = Reg::pointer(Kind::mem);
  out.flags = kRdonly;
  if (kind == BTF_KIND_VAR) {
    const u32 type = types.type(id).type;
    if (!is_percpu(types, *btf_.kernel, id))
      return refuse_unsupported("variables of the kernel that are not per CPU are not known yet");
    out = btf_pointer(types.skip_modifiers(type), kPercpu, kKernelTypes);
  }
  set(i.dst_reg, out);
  return true;
}

}  // namespace bpf::verifier
