// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/signature.h"

#include <string_view>

namespace bpf::verifier {
namespace {

using base::s32;
using base::u32;
using btf::Btf;

constexpr u32 kArgsMax = 5;
constexpr u32 kMemBytesMax = 1 << 29;

enum Tag : u32 { kCtx = 1, kTrusted = 2, kUntrusted = 4, kNullable = 8, kNonnull = 16, kArena = 32 };
struct TagName {
  std::string_view name;
  Tag tag;
};
constexpr TagName kTags[] = {{"arg:ctx", kCtx},           {"arg:trusted", kTrusted}, {"arg:untrusted", kUntrusted},
                             {"arg:nullable", kNullable}, {"arg:nonnull", kNonnull}, {"arg:arena", kArena}};

constexpr const char* kKindNames[] = {"UNKNOWN", "INT",     "PTR",      "ARRAY",    "STRUCT",   "UNION", "ENUM",
                                      "FWD",     "TYPEDEF", "VOLATILE", "CONST",    "RESTRICT", "FUNC",  "FUNC_PROTO",
                                      "VAR",     "DATASEC", "FLOAT",    "DECL_TAG", "TYPE_TAG", "ENUM64"};
static_assert(std::size(kKindNames) == NR_BTF_KINDS);

class Reader {
 public:
  Reader(const Btf& types, const ProgSpec& spec, u32 func) : types_(types), spec_(spec), func_(func) {}

  Signature read() {
    const std::string name(types_.name(func_));
    const u32 proto = types_.type(func_).type;
    const auto params = types_.params(proto);
    if (params.size() > kArgsMax) {
      fail(EINVAL,
           format("Global function %s() with %zu > %u args. Buggy compiler.\n", name.c_str(), params.size(), kArgsMax));
    } else if (!is_number(types_.skip_modifiers(types_.type(proto).type))) {
      fail(EINVAL, format("Global function %s() doesn't return scalar. Only those are supported.\n", name.c_str()));
    } else {
      for (u32 a = 0; a < params.size() && out_.problem.error == 0; ++a) read_arg(a, params[a].type, name);
    }
    return out_;
  }

 private:
  bool fail(int error, std::string log) {
    out_.problem = Problem{.error = error, .log = std::move(log)};
    return false;
  }
  bool is_number(u32 id) const {
    const u32 kind = types_.kind(id);
    return kind == BTF_KIND_INT || kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64;
  }

  bool read_tags(u32 a, u32& tags) {
    for (u32 id = 1; id < types_.count(); ++id) {
      if (types_.kind(id) != BTF_KIND_DECL_TAG || types_.type(id).type != func_) continue;
      if (types_.component_index(id) != static_cast<s32>(a)) continue;
      const std::string_view name = types_.name(id);
      if (name.substr(0, 4) != "arg:") continue;
      u32 found = 0;
      for (const TagName& t : kTags)
        if (t.name == name) found = t.tag;
      if (found == 0) return fail(EOPNOTSUPP, format("arg#%u has unsupported set of tags\n", a));
      tags |= found;
    }
    return true;
  }

  bool only(u32 a, u32 tags, u32 allowed) {
    return (tags & ~allowed) == 0 || fail(EINVAL, format("arg#%u has invalid combination of tags\n", a));
  }

  bool read_arg(u32 a, u32 type, const std::string& name) {
    u32 tags = 0;
    if (!read_tags(a, tags)) return false;
    const u32 id = types_.skip_modifiers(type);
    GlobalArg arg;
    if (types_.kind(id) != BTF_KIND_PTR) {
      if (tags != 0) return fail(EINVAL, format("arg#%u has pointer tag, but is not a pointer type\n", a));
      if (!is_number(id))
        return fail(EINVAL, format("Arg#%u type %s in %s() is not supported yet.\n", a, kKindNames[types_.kind(id)],
                                   name.c_str()));
    } else if (!read_pointer(a, types_.skip_modifiers(types_.type(id).type), tags, arg)) {
      return false;
    }
    out_.args.push_back(arg);
    return true;
  }

  bool read_pointer(u32 a, u32 target, u32 tags, GlobalArg& arg) {
    const bool is_struct = types_.kind(target) == BTF_KIND_STRUCT;
    if ((tags & kCtx) != 0 || (is_struct && types_.name(target) == spec_.ctx_name)) {
      arg.kind = GlobalArg::Kind::ctx;
      return only(a, tags, kCtx);
    }
    if (is_struct && types_.name(target) == "bpf_dynptr") {
      arg.kind = GlobalArg::Kind::dynptr;
      return only(a, tags, 0);
    }
    arg.type = target;
    if (tags & kTrusted) {
      arg.kind = GlobalArg::Kind::trusted;
      arg.maybe_null = (tags & kNullable) != 0;
      return only(a, tags, kTrusted | kNullable);
    }
    if (tags & kUntrusted) {
      arg.kind = GlobalArg::Kind::untrusted;
      return only(a, tags, kUntrusted);
    }
    if (tags & kArena) {
      arg.kind = GlobalArg::Kind::arena;
      return only(a, tags, kArena);
    }
    if (!only(a, tags, kNonnull)) return false;
    const auto size = types_.size_of(target);
    if (!size || *size > kMemBytesMax)
      return fail(EINVAL,
                  format("arg#%u reference type('%s %s') size cannot be determined: -22\n", a,
                         kKindNames[types_.kind(target)], target == 0 ? "" : std::string(types_.name(target)).c_str()));
    arg.kind = GlobalArg::Kind::mem;
    arg.size = static_cast<u32>(*size);
    arg.maybe_null = (tags & kNonnull) == 0;
    return true;
  }

  const Btf& types_;
  const ProgSpec& spec_;
  const u32 func_;
  Signature out_;
};

}  // namespace

Signature read_signature(const Btf& types, const ProgSpec& spec, u32 func) {
  return Reader(types, spec, func).read();
}

void find_kernel_structs(const Btf& types, const std::function<const btf::KernelBtf*()>& kernel, Signature& out) {
  for (u32 a = 0; a < out.args.size() && out.problem.error == 0; ++a) {
    GlobalArg& arg = out.args[a];
    const bool is_struct = types.kind(arg.type) == BTF_KIND_STRUCT;
    if (arg.kind != GlobalArg::Kind::trusted && (arg.kind != GlobalArg::Kind::untrusted || !is_struct)) continue;
    const btf::KernelBtf* known = kernel();
    const std::string name(arg.type == 0 ? "" : types.name(arg.type));
    if (known == nullptr) {
      const std::string what = "the kernel's types, which a global function refers to, are not known";
      out.problem = Problem{.error = EOPNOTSUPP, .unsupported = true, .log = what + "\n", .reason = what};
    } else if (const auto id = known->find(name, BTF_KIND_STRUCT); is_struct && id) {
      arg.kernel_type = *id;
    } else {
      out.problem = Problem{.error = ENOENT,
                            .log = format("arg#%u reference type('%s %s') has no matches\n", a,
                                          kKindNames[types.kind(arg.type)], name.c_str())};
    }
  }
}

}  // namespace bpf::verifier
