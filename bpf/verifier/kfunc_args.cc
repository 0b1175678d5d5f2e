// SPDX-License-Identifier: Apache-2.0
// kfunc_args.cc — arguments of kernel functions, one rule per kind of parameter (kfunc.h).
//
// Source    soundness: a pointer goes only where its type and its trust suffice, memory only as large as was proved;
//           what a function may write is forgotten afterwards.
#include "bpf/abi/flags.h"
#include "bpf/verifier/kfunc.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/struct_walk.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

std::string text(std::string_view s) {
  return std::string(s);
}

// The kernel's type of a pointer that has a kind of its own.
const char* own_type(Kind kind) {
  switch (kind) {
    case Kind::map_ptr:
      return "bpf_map";
    case Kind::socket:
      return "sock";
    case Kind::sock_common:
      return "sock_common";
    case Kind::tcp_sock:
      return "tcp_sock";
    default:
      return nullptr;
  }
}

// `view` is what programs see of `real`: __sk_buff of sk_buff, xdp_md of xdp_buff.
bool is_view_of(std::string_view view, std::string_view real) {
  return (view == "__sk_buff" && real == "sk_buff") || (view == "xdp_md" && real == "xdp_buff");
}

// Names that look like casts of one another and must not be: nf_conn___init is no nf_conn yet.
bool must_not_cast(std::string_view a, std::string_view b) {
  constexpr std::string_view kInit = "___init";
  const auto is_init_of = [&](std::string_view x, std::string_view y) {
    return x.size() == y.size() + kInit.size() && x.starts_with(y) && x.ends_with(kInit);
  };
  return is_init_of(a, b) || is_init_of(b, a);
}

}  // namespace

bool Walk::check_kfunc_args(KfuncCall& call) {
  const auto& params = call.proto->params;
  if (params.size() > 5)
    return refuse(EINVAL, format("Function %s has %zu > %d args\n", text(call.proto->name).c_str(), params.size(), 5));
  for (u32 a = 0; a < params.size(); ++a)
    if (!check_kfunc_arg(call, a)) return false;
  if (call.proto->row->has(kRelease) && call.released == 0)
    return refuse(EINVAL, "release kernel function " + text(call.proto->name) + " expects refcounted PTR_TO_BTF_ID\n");
  return true;
}

bool Walk::check_kfunc_arg(KfuncCall& call, u32 a) {
  const KfuncParam& p = call.proto->params[a];
  const u32 r = a + 1;
  if (p.is == Param::ignored || call.checked_sizes >> a & 1) return true;
  if (p.is == Param::number || p.is == Param::constant) return check_kfunc_number(call, r, p);
  const btf::Btf& types = btf_.kernel->types();
  if (p.is == Param::unknown)
    return refuse(EINVAL,
                  format("Unrecognized arg#%u type %s\n", a, kind_name(types.kind(types.skip_modifiers(p.type)))));
  const Reg& value = reg(r);
  if (value.kind == Kind::none && p.is != Param::map && p.is != Param::pointer) return refuse_unread(r);
  const Kfunc& k = *call.proto->row;
  const bool trusted_only = k.has(kTrustedArgs) || k.has(kRelease) || k.has(kRcuArgs);
  if (trusted_only && !p.nullable && (value.is_zero() || value.maybe_null))
    return refuse(EACCES, format("Possibly NULL pointer passed to trusted arg%u\n", a),
                  "Compare the pointer with NULL first.");
  if (value.is_pointer() && value.ref != 0) {
    call.ref = value.ref;
    if (k.has(kRelease)) call.released = r;
  }
  return check_kfunc_pointer(call, r, p);
}

// What Linux says of a register that nobody wrote where it wants a pointer.
bool Walk::refuse_unread(u32 r) {
  return refuse(EACCES, "variable ? access var_off=(0x0; 0xffffffffffffffff) disallowed\n",
                format("Nothing was written to r%u.", r));
}

bool Walk::check_kfunc_number(KfuncCall& call, u32 r, const KfuncParam& p) {
  touched_regs_ |= 1U << r;
  if (!reg(r).is_scalar()) return refuse(EINVAL, format("R%u is not a scalar\n", r));
  if (p.is == Param::number) return true;
  if (!reg(r).is_const()) return refuse(EINVAL, format("R%u must be a known constant\n", r));
  mark_precise(reg(r));
  call.constant = reg(r).var.value();
  return true;
}

bool Walk::check_kfunc_pointer(KfuncCall& call, u32 r, const KfuncParam& p) {
  const Reg value = reg(r);
  if (p.is != Param::ctx && p.nullable && value.is_zero() && !p.sized_by_next) {
    mark_precise(value);
    return true;
  }
  const bool own_words = p.is == Param::pointer || p.is == Param::map || p.is == Param::ctx;
  if (!own_words && !check_arg_offset(r, Arg::ANYTHING)) return false;
  switch (p.is) {
    case Param::ctx:
      if (value.kind != Kind::ctx)
        return refuse(EINVAL, format("arg#%u expected pointer to ctx, but got %s\n", r - 1, kind_text(value).c_str()));
      return check_pointer_unmodified(value, r);
    case Param::iterator:
      return check_iterator_arg(call, r, p);
    case Param::dynptr:
      return check_kfunc_dynptr(call, r, p);
    case Param::irq_flag:
      return check_irq_flag_arg(call, r);
    case Param::map:
      return check_kfunc_map(call, r);
    case Param::work_queue:
      return check_kfunc_field(call, r, btf::FieldKind::workqueue);
    case Param::task_work:
      return check_kfunc_field(call, r, btf::FieldKind::task_work);
    case Param::callback:
      return check_kfunc_callback(call, r);
    case Param::string:
      return check_kfunc_string(r);
    case Param::allocated:
      return check_allocated_arg(call, r);
    case Param::refcounted:
      return check_special_offset(call, r) && check_refcounted_arg(call, r);
    case Param::list_head:
      return check_special_offset(call, r) && check_graph_root(call, r, btf::FieldKind::list_head);
    case Param::rb_root:
      return check_special_offset(call, r) && check_graph_root(call, r, btf::FieldKind::rb_root);
    case Param::list_node:
      return check_special_offset(call, r) && check_graph_node(call, r, btf::FieldKind::list_node);
    case Param::rb_node:
      return check_special_offset(call, r) && check_graph_node(call, r, btf::FieldKind::rb_node);
    case Param::res_lock:
      return check_special_offset(call, r) && check_res_lock_arg(call, r);
    case Param::pointer:
      break;
    default:
      return refuse_unsupported(
          format("argument %u of %s is of a kind that is not known yet", r, text(call.proto->name).c_str()));
  }
  if (value.kind == Kind::btf_id || own_type(value.kind) != nullptr) return check_kfunc_struct(call, r, p);
  return check_kfunc_memory(call, r, p);
}

// Text that ends inside a frozen map that programs cannot write.
bool Walk::check_kfunc_string(u32 r) {
  const Reg& p = reg(r);
  if (p.kind != Kind::map_value || p.maybe_null)
    return refuse(EINVAL, format("arg#%u doesn't point to a const string\n", r - 1));
  return check_constant_string(r);
}

bool Walk::check_kfunc_struct(KfuncCall& call, u32 r, const KfuncParam& p) {
  const btf::Btf& types = btf_.kernel->types();
  const Reg value = reg(r);
  const Kfunc& k = *call.proto->row;
  const std::string function = text(call.proto->name);
  const std::string wanted_kind = kind_name(types.kind(p.target)), wanted = text(types.name(p.target));
  if (!is_struct(types, p.target))
    return refuse(EINVAL, format("kernel function %s args#%u pointer type %s %s is not supported\n", function.c_str(),
                                 r - 1, wanted_kind.c_str(), wanted.c_str()));
  if ((k.has(kTrustedArgs) || k.has(kRelease) || k.has(kRcuArgs)) && !is_trusted(value)) {
    if (!k.has(kRcuArgs)) return refuse(EINVAL, format("R%u must be referenced or trusted\n", r));
    if (!is_rcu(value)) return refuse(EINVAL, format("R%u must be a rcu pointer\n", r));
  }
  constexpr u16 kSafe = kTrusted | kAlloc | kNonOwnRef;
  const bool unsafe = value.kind == Kind::btf_id && (value.maybe_null || (value.flags & ~kSafe) != 0);
  if (unsafe && !is_rcu(value))
    return refuse(EINVAL, format("arg#%u is %s expected %sptr_ or socket\n", r - 1, kind_text(value).c_str(),
                                 (value.flags & kTrusted) != 0 ? "trusted_" : ""));
  if (k.has(kRelease) && value.ref != 0 && value.off != 0)
    return refuse(EINVAL, format("R%u must have zero offset when passed to release func or trusted arg to kfunc\n", r));
  if (!check_pointer_fixed(r)) return false;
  u32 type = value.type;
  if (const char* own = own_type(value.kind)) {
    const auto id = btf_.kernel->find(own, BTF_KIND_STRUCT);
    if (!id) return refuse_unsupported(format("the kernel's types have no struct %s", own));
    type = *id;
  }
  const btf::Btf& given = value.kind == Kind::btf_id ? types_of(value) : types;
  const std::string given_name = text(given.name(type));
  const bool strict = (k.has(kRelease) && value.ref != 0) || must_not_cast(given_name, wanted);
  if ((&given == &types && is_view_of(wanted, given_name)) ||
      struct_matches(given, type, static_cast<u32>(value.off), types, p.target, strict))
    return true;
  return refuse(EINVAL, format("kernel function %s args#%u expected pointer to %s %s but R%u has a pointer to %s %s\n",
                               function.c_str(), r - 1, wanted_kind.c_str(), wanted.c_str(), r,
                               kind_name(given.kind(type)), given_name.c_str()));
}

// Anything else is memory, as large as its type or as the next argument says.
bool Walk::check_kfunc_memory(KfuncCall& call, u32 r, const KfuncParam& p) {
  const btf::Btf& types = btf_.kernel->types();
  const u32 kind = types.kind(p.target);
  const bool numbers =
      kind == BTF_KIND_INT || kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64 || is_number_struct(types, p.target);
  const bool sized = p.sized_by_next && reg(r + 1).is_scalar();
  if (!numbers && !(sized && p.target == 0))
    return refuse(EINVAL, format("arg#%u pointer type %s %s must point to %sscalar, or struct with scalar\n", r - 1,
                                 kind_name(kind), p.target == 0 ? "" : text(types.name(p.target)).c_str(),
                                 sized ? "void, " : ""));
  if (reg(r).kind == Kind::none) return refuse_unread(r);
  if (sized) return check_kfunc_sized_memory(call, r, p);
  const auto bytes = types.size_of(p.target);
  if (!bytes)
    return refuse(EINVAL, format("arg#%u reference type('%s %s') size cannot be determined: -22\n", r - 1,
                                 kind_name(kind), text(types.name(p.target)).c_str()));
  if (reg(r).is_zero()) {
    mark_precise(reg(r));
    return true;
  }
  return check_kfunc_bytes(call, r, static_cast<s64>(*bytes));
}

bool Walk::check_kfunc_sized_memory(KfuncCall& call, u32 r, const KfuncParam& p) {
  if (!check_readable(r + 1)) return false;
  call.checked_sizes |= 1U << r;
  if (reg(r).is_zero() && p.optional)
    mark_precise(reg(r));
  else if (!check_kfunc_memory_pair(call, r))
    return false;
  return !p.size_is_constant || check_kfunc_constant_size(call, r + 1);
}

// r and, in the next register, its size.
bool Walk::check_kfunc_memory_pair(KfuncCall& call, u32 r) {
  const Reg& size = reg(r + 1);
  if (!size.is_scalar()) return refuse(EINVAL, format("R%u is not a scalar\n", r + 1));
  const std::string pair = format("arg#%u arg#%u memory, len pair leads to invalid memory access\n", r - 1, r);
  const auto in_pair = [&](bool ok) {
    if (!ok && !problem_.unsupported) problem_.log += pair;
    return ok;
  };
  if (size.var.smin < 0)
    return in_pair(refuse(EACCES, format("R%u min value is negative, either use unsigned or 'var &= const'\n", r + 1)));
  if (size.var.umax >= 1U << 29)
    return in_pair(
        refuse(EACCES, format("R%u unbounded memory access, use 'var &= const' or 'if (var < const)'\n", r + 1)));
  mark_precise(size);
  const s64 bytes = static_cast<s64>(size.var.umax);
  if (reg(r).is_zero() && bytes == 0) return true;
  return in_pair(check_kfunc_bytes(call, r, bytes));
}

bool Walk::check_kfunc_constant_size(KfuncCall& call, u32 r) {
  if (!reg(r).is_scalar()) return refuse(EINVAL, format("R%u is not a scalar\n", r));
  if (!reg(r).is_const()) return refuse(EINVAL, format("R%u must be a known constant\n", r));
  mark_precise(reg(r));
  call.constant = reg(r).var.value();
  return true;
}

// Read and written. Whether it was null Linux does not ask of functions that do not demand trust.
bool Walk::check_kfunc_bytes(KfuncCall& call, u32 r, s64 bytes) {
  const bool was_null = reg(r).maybe_null;
  reg(r).maybe_null = false;
  Call memory;
  const bool ok = check_helper_memory(memory, r, bytes, Access::read, true) &&
                  check_helper_memory(memory, r, bytes, Access::write, true);
  if (!ok && was_null) problem_.advice = "Compare the pointer with NULL first.";
  reg(r).maybe_null = was_null;
  if (ok && bytes > 0) call.written.push_back({r, bytes});
  return ok;
}

bool Walk::check_pointer_fixed(u32 r) {
  const Reg& p = reg(r);
  const std::string type = kind_text(p);
  if (p.off < 0)
    return refuse(EACCES, format("negative offset %s ptr R%u off=%d disallowed\n", type.c_str(), r, p.off));
  if (!p.var.is_zero())
    return refuse(EACCES,
                  format("variable %s access var_off=%s disallowed\n", type.c_str(), bits_text(p.var.bits).c_str()));
  return true;
}

// Once every argument was found good: what the function does to them.
bool Walk::finish_kfunc_args(KfuncCall& call) {
  for (const auto& [r, bytes] : call.written) {
    const Reg& p = reg(r);
    if (p.kind != Kind::stack) continue;
    clobber_stack(p.frame, s64{p.off} + p.var.smin, s64{p.off} + p.var.smax + bytes, Byte::misc);
  }
  if (call.iterator && !apply_iterator(call)) return false;
  if (call.irq && !apply_irq_flag(call)) return false;
  if (call.released != 0) release_reference(call.ref);
  return true;
}

}  // namespace bpf::verifier
