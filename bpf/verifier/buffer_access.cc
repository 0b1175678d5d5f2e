// SPDX-License-Identifier: Apache-2.0
// buffer_access.cc — memory that a context points to and no socket is: the dissector's keys, a tracepoint's buffer,
// keys and values that an iterator shows.
//
// Source    soundness: the keys have a fixed size and pointers into them a constant offset. How large another
//           buffer is, Linux asks when a program is attached: it must hold the furthest byte that was touched.
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr s64 kFlowKeysBytes = 56;  // sizeof(struct bpf_flow_keys)

}  // namespace

bool Walk::access_flow_keys(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend) {
  const s64 at = s64{off} + reg(r).off;
  if (at < 0 || at + bytes > kFlowKeysBytes)
    return refuse(EACCES, format("invalid access to flow keys off=%d size=%d\n", static_cast<int>(at), bytes));
  if (how == Access::read) put_loaded(value, bytes, sign_extend);
  return true;
}

bool Walk::check_buffer(u32 r, s64 at, s64 bytes) {
  const Reg& p = reg(r);
  const char* what = p.kind == Kind::tp_buffer ? "tracepoint" : (p.flags & kRdonly) != 0 ? "rdonly" : "rdwr";
  if (at < 0)
    return refuse(EACCES, format("R%u invalid %s buffer access: off=%d, size=%d\n", r, what, static_cast<int>(at),
                                 static_cast<int>(bytes)));
  if (p.var.is_zero()) return true;
  return refuse(EACCES, format("R%u invalid variable buffer offset: off=%d, var_off=%s\n", r, static_cast<int>(at),
                               bits_text(p.var.bits).c_str()));
}

bool Walk::access_buffer(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend) {
  const Reg& p = reg(r);
  if (how == Access::write && (p.flags & kRdonly) != 0)
    return refuse(EACCES, format("R%u cannot write into %s\n", r, kind_text(p).c_str()));
  if (!check_buffer(r, s64{off} + p.off, bytes)) return false;
  if (how == Access::read) put_loaded(value, bytes, sign_extend);
  return true;
}

}  // namespace bpf::verifier
