// SPDX-License-Identifier: Apache-2.0
// ctx_args.cc — the context of a tracing, LSM or struct_ops program: the arguments of its hook, one word each.
//
// Source    soundness: an argument is a number unless the prototype says that it points to a struct; such a pointer is
//           trusted only where the kernel vouches for it, and may be null where it is listed so.
#include "bpf/verifier/attach.h"
#include "bpf/verifier/struct_walk.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr u32 kArgsMax = 12;  // Linux's MAX_BPF_FUNC_ARGS

bool is_number(u32 kind) {
  return kind == BTF_KIND_INT || kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64;
}

}  // namespace

bool Walk::access_argument(s32 off, int bytes, Access how, int value, bool sign_extend) {
  const btf::Btf& types = btf_.kernel->types();
  const AttachTarget& hook = btf_.target;
  const auto denied = [&](std::string why) {
    return refuse(EACCES, why + format("invalid bpf_context access off=%d size=%d\n", off, bytes),
                  "The context holds the arguments of the hook, eight bytes each.");
  };
  const std::string func = "func '" + hook.shown + "' ";
  if (off < 0 || off >= static_cast<s32>(kArgsMax * 8) || how == Access::write || off % bytes != 0) return denied("");
  if (off % 8 != 0) return denied(func + format("offset %d is not multiple of 8\n", off));
  const auto params = types.params(hook.proto).subspan(hook.skipped);
  // A parameter of more than eight bytes takes as many words.
  u32 index = 0;
  u32 word = 0;
  const u32 wanted = static_cast<u32>(off) / 8;
  while (index < params.size()) {
    const u32 words = static_cast<u32>((types.size_of(params[index].type).value_or(8) + 7) / 8);
    if (wanted < word + words) break;
    word += words;
    ++index;
  }
  const u32 behind = wanted - word;
  const bool result = index == params.size();
  if (result && (behind != 0 || !hook.sees_result))
    return denied(func + format("doesn't have %u-th argument\n", index + behind + 1));
  const u32 type = types.skip_modifiers(result ? types.type(hook.proto).type : params[index].type);
  const u32 kind = types.kind(type);
  InsnFact& fact = facts_[at_];
  if (fact.ctx_offset >= 0 && fact.ctx_offset != off)
    return refuse(EINVAL, "same insn cannot be used with different pointers\n");
  fact.ctx_offset = off;
  if (result && hook.modifies_result && kind != BTF_KIND_INT)
    return denied(format("ret type %s not allowed for fmod_ret\n", kind_name(kind)));
  if (type == 0 && result) return denied(func + format("doesn't have %u-th argument\n", index + 1));
  if (is_number(kind) || is_struct(types, type)) {
    put_loaded(value, bytes, sign_extend);
    if (result && hook.returns_32 && hook.returns && value >= 0) put_result(static_cast<u32>(value), *hook.returns);
    return true;
  }
  const std::string arg = func + format("arg%u ", wanted);
  if (kind != BTF_KIND_PTR)
    return denied(arg + format("'%s' has type %s. Only pointer access is allowed\n",
                               result ? "" : std::string(types.string_at(params[index].name_off)).c_str(),
                               kind_name(kind)));
  if (bytes != 8) return denied(func + format("size %d must be 8\n", bytes));
  return load_pointer_argument(types.type(type).type, index, value, arg);
}

// What a hook has returned so far lies where it may lie.
void Walk::put_result(u32 r, ReturnRange range) {
  Scalar s = Scalar::unknown();
  s.smin = s.s32_min = range.min;
  s.smax = s.s32_max = range.max;
  s.sync();
  set(r, Reg::scalar(s));
}

bool Walk::load_pointer_argument(u32 pointee, u32 index, int value, const std::string& arg) {
  const btf::Btf& types = btf_.kernel->types();
  const AttachTarget& hook = btf_.target;
  const u32 target = types.skip_modifiers(pointee);
  const HookArg special = (hook.nullable >> index & 1) != 0 ? HookArg::trusted_or_null : hook_arg(hook.name, index);
  if (special == HookArg::buf_or_null || special == HookArg::rdonly_buf_or_null) {
    Reg r = Reg::pointer(Kind::buf);
    if (special == HookArg::rdonly_buf_or_null) r.flags |= kRdonly;
    r.maybe_null = true;
    r.id = new_id();
    if (value >= 0) set(static_cast<u32>(value), r);
    return true;
  }
  if (target == 0 || is_number(types.kind(target)) || special == HookArg::number) {
    put_loaded(value, 8, false);
    return true;
  }
  if (!is_struct(types, target))
    return refuse(EACCES, arg + format("type %s is not a struct\n", kind_name(types.kind(target))) +
                              format("invalid bpf_context access off=%d size=8\n", facts_[at_].ctx_offset));
  const bool socket = hook.socket_type != 0 && types.name(target) == "sock";
  Reg r = btf_pointer(socket ? hook.socket_type : target, hook.trusted ? kTrusted : 0, kKernelTypes);
  if (types.kind(pointee) == BTF_KIND_TYPE_TAG && !types.kind_flag(pointee)) {
    const std::string_view tag = types.name(pointee);
    if (tag == "user") r.flags |= kUser;
    if (tag == "percpu") r.flags |= kPercpu;
  }
  if (special == HookArg::or_null) r.flags &= static_cast<u16>(~kTrusted);
  if (special != HookArg::plain) {
    r.maybe_null = true;
    r.id = new_id();
  }
  if (value >= 0) set(static_cast<u32>(value), r);
  return true;
}

}  // namespace bpf::verifier
