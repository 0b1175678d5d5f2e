// SPDX-License-Identifier: Apache-2.0
// struct_ops.cc — programs that stand for functions in a struct of the kernel: tcp_congestion_ops, and bpf_dummy_ops,
// which the kernel tests itself with.
//
// Source    what the running kernel says of every member, argument, helper and store (tests/data/verifier/
//           struct_ops.cases). Other structs have rules of their own and are refused as unsupported.
#include <algorithm>
#include <string_view>

#include "bpf/abi/flags.h"
#include "bpf/abi/func_id.h"
#include "bpf/verifier/attach.h"

namespace bpf::verifier {
namespace {

constexpr int kEnotsupp = 524;  // Linux's ENOTSUPP
constexpr std::string_view kTcp = "tcp_congestion_ops", kDummy = "bpf_dummy_ops";

Problem bad(int error, std::string log) {
  return Problem{.error = error, .log = std::move(log)};
}
Problem unknown(std::string what) {
  return Problem{.error = EOPNOTSUPP, .unsupported = true, .log = what + "\n", .reason = what};
}

// Arguments of the kernel's own stand-in `<struct>__<member>` say by their names what may be null.
std::optional<Problem> read_stand_in(const btf::KernelBtf& kernel, const std::string& name, AttachTarget& out) {
  const btf::Btf& types = kernel.types();
  const auto stand_in = kernel.find(name, BTF_KIND_FUNC);
  if (!stand_in) return std::nullopt;
  const auto params = types.params(types.type(*stand_in).type);
  for (u32 k = 0; k < params.size() && k < 32; ++k) {
    const std::string_view param = types.string_at(params[k].name_off);
    if (param.ends_with("__ref")) return unknown("arguments of struct_ops programs that they must release");
    if (param.ends_with("__nullable")) out.nullable |= 1U << k;
  }
  return std::nullopt;
}

// Members of the sockets that congestion control may set. Each struct begins with the one before.
struct Writable {
  std::string_view owner, field;
  bool within;  // anywhere in it; else from its begin
};
constexpr Writable kWritable[] = {
    {"sock", "sk_pacing_rate", false},
    {"sock", "sk_pacing_status", false},
    {"inet_connection_sock", "icsk_ca_priv", true},
    {"tcp_sock", "snd_cwnd", false},
    {"tcp_sock", "snd_cwnd_cnt", false},
    {"tcp_sock", "snd_cwnd_stamp", false},
    {"tcp_sock", "snd_ssthresh", false},
    {"tcp_sock", "ecn_flags", false},
    {"tcp_sock", "app_limited", false},
};

struct Place {
  u32 begin, end;
};

std::optional<Place> find_member(const btf::KernelBtf& kernel, std::string_view owner, std::string_view field) {
  const btf::Btf& types = kernel.types();
  const auto id = kernel.find(owner, BTF_KIND_STRUCT);
  for (u32 k = 0; id && k < types.vlen(*id); ++k) {
    const btf::Member m = types.member(*id, k);
    if (types.string_at(m.name_off) != field || m.bitfield_bits != 0) continue;
    const u32 begin = m.bit_offset / 8;
    return Place{begin, begin + static_cast<u32>(types.size_of(m.type).value_or(0))};
  }
  return std::nullopt;
}

// icsk_ack.pending: the first byte of icsk_ack.
std::optional<Place> find_pending(const btf::KernelBtf& kernel) {
  auto place = find_member(kernel, "inet_connection_sock", "icsk_ack");
  if (place) place->end = place->begin + 1;
  return place;
}

}  // namespace

std::optional<Problem> find_struct_member(const ProgSource& source, const btf::KernelBtf& kernel, AttachTarget& out) {
  const btf::Btf& types = kernel.types();
  const u32 id = source.attach_btf_id, index = source.expected_attach_type;
  if (!source.gpl_compatible) return bad(EINVAL, "struct ops programs must have a GPL compatible license\n");
  if (id == 0) return bad(kEnotsupp, "");
  if (!types.valid(id)) return bad(EINVAL, "");
  const std::string name(types.name(id));
  if (types.kind(id) != BTF_KIND_STRUCT || !kernel.find("bpf_struct_ops_" + name, BTF_KIND_STRUCT))
    return bad(kEnotsupp, format("attach_btf_id %u is not a supported struct\n", id));
  if (name != kTcp && name != kDummy) return unknown("programs of struct " + name + " are not known yet");
  if (index >= types.vlen(id))
    return bad(EINVAL, format("attach to invalid member idx %u of struct %s\n", index, name.c_str()));
  const btf::Member m = types.member(id, index);
  const std::string member(types.string_at(m.name_off));
  const u32 pointer = types.skip_modifiers(m.type);
  const u32 proto = types.kind(pointer) == BTF_KIND_PTR ? types.skip_modifiers(types.type(pointer).type) : 0;
  if (types.kind(proto) != BTF_KIND_FUNC_PROTO)
    return bad(EINVAL,
               format("attach to invalid member %s(@idx %u) of struct %s\n", member.c_str(), index, name.c_str()));
  const std::string unsupported =
      format("attach to unsupported member %s of struct %s\n", member.c_str(), name.c_str());
  if (name == kTcp && member == "get_info") return bad(kEnotsupp, unsupported);
  const bool sleepable = (source.prog_flags & BPF_F_SLEEPABLE) != 0;
  if (name == kDummy && sleepable && member != "test_sleepable") return bad(EINVAL, unsupported);
  out.name = name;
  out.shown = member;
  out.proto = proto;
  out.trusted = true;
  out.no_result = types.skip_modifiers(types.type(proto).type) == 0;
  if (name == kTcp) {
    const auto socket = kernel.find("tcp_sock", BTF_KIND_STRUCT);
    if (!socket) return unknown("the kernel's types have no struct tcp_sock");
    out.socket_type = *socket;
  }
  return read_stand_in(kernel, name + "__" + member, out);
}

bool member_allows_helper(const AttachTarget& member, u32 helper) {
  if (member.name == kDummy) return false;
  const bool options = helper == BPF_FUNC_setsockopt || helper == BPF_FUNC_getsockopt;
  return member.name != kTcp || member.shown != "release" || !options;
}

std::optional<Problem> check_member_write(const AttachTarget& member, const btf::KernelBtf& kernel,
                                          std::string_view owner, base::s64 off, int bytes) {
  const auto at = static_cast<long long>(off);
  if (member.name == kDummy && owner == "bpf_dummy_ops_state") {
    const auto id = kernel.find(owner, BTF_KIND_STRUCT);
    if (id && off + bytes <= kernel.types().type(*id).size) return std::nullopt;
    return bad(EACCES, format("write access at off %lld with size %d\n", at, bytes));
  }
  if (member.name != kTcp || owner != "tcp_sock") return bad(EACCES, "only read is supported\n");
  const auto judge = [&](const std::optional<Place>& place, bool within) -> std::optional<std::optional<Problem>> {
    if (!place || off < place->begin || off >= place->end || (!within && off != place->begin)) return std::nullopt;
    if (off + bytes <= place->end) return std::optional<Problem>();
    return bad(EACCES, format("write access at off %lld with size %d beyond the member of tcp_sock ended at %u\n", at,
                              bytes, place->end));
  };
  for (const Writable& w : kWritable)
    if (auto judged = judge(find_member(kernel, w.owner, w.field), w.within)) return *judged;
  if (auto judged = judge(find_pending(kernel), false)) return *judged;
  return bad(EACCES, format("no write support to tcp_sock at off %lld\n", at));
}

}  // namespace bpf::verifier
