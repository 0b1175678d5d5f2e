// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/kfunc.h"

#include <algorithm>

#include "bpf/verifier/cfg.h"

namespace bpf::verifier {
namespace {

constexpr std::size_t kKfuncsMax = 256;  // different ones in a program

bool ends_with(std::string_view name, std::string_view suffix) {
  return name.size() > suffix.size() && name.ends_with(suffix);
}

struct Suffix {
  std::string_view text;
  Param is;
};
constexpr Suffix kSuffixes[] = {
    {"__ign", Param::ignored},       {"__prog", Param::ignored}, {"__alloc", Param::allocated},
    {"__str", Param::string},        {"__map", Param::map},      {"__refcounted_kptr", Param::refcounted},
    {"__irq_flag", Param::irq_flag},
};

struct Target {
  std::string_view name;  // of the struct pointed to
  Param is;
};
constexpr Target kTargets[] = {
    {"bpf_dynptr", Param::dynptr},       {"bpf_list_head", Param::list_head},    {"bpf_list_node", Param::list_node},
    {"bpf_rb_root", Param::rb_root},     {"bpf_rb_node", Param::rb_node},        {"bpf_wq", Param::work_queue},
    {"bpf_task_work", Param::task_work}, {"bpf_res_spin_lock", Param::res_lock},
};

class Reader {
 public:
  Reader(const btf::KernelBtf& kernel, const ProgSpec& spec, KfuncProto& out)
      : types_(kernel.types()), spec_(spec), out_(out) {}

  void run() {
    const u32 proto = types_.type(out_.id).type;
    out_.result = types_.skip_modifiers(types_.type(proto).type);
    for (const btf_param& p : types_.params(proto)) {
      KfuncParam& param = out_.params.emplace_back();
      param.name = types_.string_at(p.name_off);
      param.type = p.type;
      classify(param);
    }
    for (std::size_t k = 0; k + 1 < out_.params.size(); ++k) {
      const std::string_view next = out_.params[k + 1].name;
      if (out_.params[k + 1].is != Param::number) continue;
      out_.params[k].size_is_constant = ends_with(next, "__szk");
      out_.params[k].sized_by_next = out_.params[k].size_is_constant || ends_with(next, "__sz");
    }
  }

 private:
  void classify(KfuncParam& p) const {
    p.nullable = ends_with(p.name, "__nullable");
    p.optional = ends_with(p.name, "__opt");
    p.uninit = ends_with(p.name, "__uninit");
    const u32 id = types_.skip_modifiers(p.type);
    const u32 kind = types_.kind(id);
    if (const auto s = suffix(p.name); s == Param::ignored) {
      p.is = Param::ignored;
      return;
    }
    if (kind == BTF_KIND_INT || kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64) {
      p.is = ends_with(p.name, "__k") ? Param::constant : Param::number;
      return;
    }
    if (kind != BTF_KIND_PTR) return;
    p.target = types_.skip_modifiers(types_.type(id).type);
    p.is = pointer(p);
  }

  static Param suffix(std::string_view name) {
    for (const Suffix& s : kSuffixes)
      if (ends_with(name, s.text)) return s.is;
    return Param::unknown;
  }

  Param pointer(const KfuncParam& p) const {
    const std::string_view name = types_.name(p.target);
    const bool is_struct = types_.kind(p.target) == BTF_KIND_STRUCT;
    if (out_.name == "bpf_cast_to_kern_ctx" || (is_struct && is_context(name))) return Param::ctx;
    if (const Param s = suffix(p.name); s == Param::allocated || s == Param::refcounted) return s;
    if (is_struct) {
      for (const Target& t : kTargets)
        if (name == t.name) return t.is;
      if (name.starts_with("bpf_iter_") && out_.row != nullptr &&
          (out_.row->flags & (kIterNew | kIterNext | kIterDestroy)) != 0)
        return Param::iterator;
    }
    if (types_.kind(p.target) == BTF_KIND_FUNC_PROTO) return Param::callback;
    if (const Param s = suffix(p.name); s != Param::unknown) return s;
    return Param::pointer;
  }

  // The user's view of the context, or the kernel's.
  bool is_context(std::string_view name) const {
    return name == spec_.ctx_name ||
           (name.starts_with(spec_.ctx_name) && name.substr(spec_.ctx_name.size()) == "_kern");
  }

  const btf::Btf& types_;
  const ProgSpec& spec_;
  KfuncProto& out_;
};

}  // namespace

std::optional<Problem> check_kfunc_calls(const ProgSource& source, const btf::KernelBtf& kernel) {
  const btf::Btf& types = kernel.types();
  std::vector<s32> seen;
  for (u32 i = 0; i < source.insns.size(); ++i) {
    const bpf_insn& insn = source.insns[i];
    if (insn_is_ld_imm64(insn)) {
      ++i;
      continue;
    }
    if (!is_call(insn) || insn.src_reg != BPF_PSEUDO_KFUNC_CALL) continue;
    if (insn.imm == 0 && insn.off == 0) continue;  // a weak one that is not there: must not be reached
    const auto bad = [i](int error, std::string log) {
      return Problem{.error = error, .insn = i, .log = std::move(log)};
    };
    if (!source.gpl_compatible) return bad(EINVAL, "cannot call kernel function from non-GPL compatible program\n");
    if (insn.off < 0) return bad(EINVAL, "negative offset disallowed for kernel module function call\n");
    if (insn.off > 0) {
      const std::string what = "functions of kernel modules are not known";
      return Problem{.error = EOPNOTSUPP, .unsupported = true, .insn = i, .log = what + "\n", .reason = what};
    }
    const u32 id = static_cast<u32>(insn.imm);
    if (!types.valid(id) || types.kind(id) != BTF_KIND_FUNC)
      return bad(EINVAL, format("kernel btf_id %u is not a function\n", id));
    if (std::ranges::find(seen, insn.imm) != seen.end()) continue;
    if (seen.size() == kKfuncsMax) return bad(E2BIG, "too many different kernel function calls\n");
    seen.push_back(insn.imm);
  }
  return std::nullopt;
}

std::optional<KfuncProto> read_kfunc(const btf::KernelBtf& kernel, const ProgSpec& spec, u32 id,
                                     std::string_view* name) {
  const btf::Btf& types = kernel.types();
  if (!types.valid(id) || types.kind(id) != BTF_KIND_FUNC) return std::nullopt;
  KfuncProto out;
  out.id = id;
  out.name = *name = types.name(id);
  out.row = find_kfunc(out.name);
  if (out.row == nullptr) return std::nullopt;
  Reader(kernel, spec, out).run();
  return out;
}

}  // namespace bpf::verifier
