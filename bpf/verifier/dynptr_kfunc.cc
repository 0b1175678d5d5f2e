// SPDX-License-Identifier: Apache-2.0
// dynptr_kfunc.cc — dynptrs as arguments of kernel functions, and slices of them.
//
// Source    soundness: a slice of a packet's dynptr is stale when the packet may have moved, which any function that is
//           not known to only look at the packet is taken to do (Linux trusts more of them); one of a record's goes
//           with the record.
#include <algorithm>

#include "bpf/verifier/kfunc.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

struct Maker {
  std::string_view kfunc;
  DynptrType type;
};
constexpr Maker kMakers[] = {{"bpf_dynptr_from_skb", DynptrType::skb},
                             {"bpf_dynptr_from_xdp", DynptrType::xdp},
                             {"bpf_dynptr_from_skb_meta", DynptrType::skb_meta}};

// None of them writes to the memory of a dynptr.
constexpr std::string_view kLookers[] = {"bpf_dynptr_slice",        "bpf_dynptr_slice_rdwr", "bpf_dynptr_adjust",
                                         "bpf_dynptr_is_null",      "bpf_dynptr_is_rdonly",  "bpf_dynptr_size",
                                         "bpf_dynptr_clone",        "bpf_dynptr_from_skb",   "bpf_dynptr_from_xdp",
                                         "bpf_dynptr_from_skb_meta"};

}  // namespace

bool Walk::check_kfunc_dynptr(KfuncCall& call, u32 r, const KfuncParam& param) {
  const std::string_view name = call.proto->name;
  const Kind kind = reg(r).kind;
  if (!param.uninit) {
    if (!check_dynptr(r, &call.dynptr)) return false;
    call.writes_packet |= call.dynptr.may_be_packet && std::ranges::find(kLookers, name) == std::end(kLookers);
    return true;
  }
  if (kind != Kind::stack && kind != Kind::dynptr_ptr)
    return refuse(EINVAL, format("arg#%u expected pointer to stack or const struct bpf_dynptr\n", r - 1));
  if (kind == Kind::dynptr_ptr) return refuse(EFAULT, "verifier bug: misconfigured dynptr helper type flags\n");
  if (name == "bpf_dynptr_clone") return make_dynptr(r, call.dynptr.type, call.dynptr.ref);
  const auto maker = std::ranges::find(kMakers, name, &Maker::kfunc);
  if (maker != std::end(kMakers)) return make_dynptr(r, maker->type, 0);
  return refuse_unsupported(std::string(name) + " makes a kind of dynptr that is not known yet");
}

// What bpf_dynptr_slice and its like return; null is put by the caller.
bool Walk::put_slice(const KfuncCall& call) {
  const bool writable = call.proto->name == "bpf_dynptr_slice_rdwr";
  if (writable && spec_.packet != PacketAccess::write && spec_.packet != PacketAccess::buffer)
    return refuse(EINVAL, "the prog does not allow writes to packet data\n");
  Reg slice = Reg::pointer(Kind::mem, static_cast<u32>(call.constant));
  const DynptrType of = call.dynptr.type;
  if (!writable) slice.flags |= kRdonly;
  if (of == DynptrType::skb || of == DynptrType::xdp || of == DynptrType::skb_meta || call.dynptr.may_be_packet)
    slice.flags |= kPacketSlice;
  slice.ref = call.dynptr.ref;
  reg(BPF_REG_0) = slice;
  return true;
}

}  // namespace bpf::verifier
