// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/arg_types.h"

#include <algorithm>
#include <array>

#include "bpf/verifier/print.h"

namespace bpf::verifier {
namespace {

constexpr RegType kMapPtr[] = {{Kind::map_ptr}};
constexpr RegType kCtx[] = {{Kind::ctx}};
constexpr RegType kScalar[] = {{Kind::scalar}};
constexpr RegType kFunc[] = {{Kind::func}};
constexpr RegType kStack[] = {{Kind::stack}};
constexpr RegType kMapValue[] = {{Kind::map_value}};
constexpr RegType kMemory[] = {{Kind::stack},         {Kind::packet},    {Kind::packet_meta},
                               {Kind::map_key},       {Kind::map_value}, {Kind::mem},
                               {Kind::mem, kRingbuf}, {Kind::buf},       {Kind::btf_id, kTrusted}};
constexpr RegType kSpinLock[] = {{Kind::map_value}, {Kind::btf_id, kAlloc}};
constexpr RegType kSockCommon[] = {{Kind::sock_common}, {Kind::socket}, {Kind::tcp_sock}, {Kind::xdp_sock}};
constexpr RegType kBtfSockCommon[] = {{Kind::sock_common}, {Kind::socket}, {Kind::tcp_sock},
                                      {Kind::xdp_sock},    {Kind::btf_id}, {Kind::btf_id, kTrusted}};
constexpr RegType kSocket[] = {{Kind::socket}};
constexpr RegType kRecord[] = {{Kind::mem, kRingbuf}};
constexpr RegType kDynptr[] = {{Kind::stack}, {Kind::dynptr_ptr}};
constexpr RegType kKptrPlace[] = {{Kind::map_value},
                                  {Kind::btf_id, kAlloc},
                                  {Kind::btf_id, kRcu | kAlloc},
                                  {Kind::btf_id, kAlloc | kNonOwnRef},
                                  {Kind::btf_id, kRcu | kAlloc | kNonOwnRef}};
constexpr RegType kBtf[] = {{Kind::btf_id}, {Kind::btf_id, kTrusted}, {Kind::btf_id, kRcu}};
constexpr RegType kPercpuBtf[] = {
    {Kind::btf_id, kPercpu}, {Kind::btf_id, kPercpu | kRcu}, {Kind::btf_id, kPercpu | kTrusted}};

constexpr std::size_t kArgs = static_cast<std::size_t>(Arg::PTR_TO_UNINIT_MEM_OR_NULL) + 1;

constexpr auto kRules = [] {
  std::array<ArgRule, kArgs> t{};
  const auto set = [&t](Arg arg, ArgRule rule) { t[static_cast<std::size_t>(arg)] = rule; };
  using enum Arg;
  set(CONST_MAP_PTR, {.types = kMapPtr});
  set(PTR_TO_MAP_KEY, {.types = kMemory});
  set(PTR_TO_MAP_VALUE, {.types = kMemory});
  set(PTR_TO_MAP_VALUE_OR_NULL, {.types = kMemory, .or_null = true});
  set(PTR_TO_UNINIT_MAP_VALUE, {.types = kMemory});
  set(PTR_TO_MEM, {.types = kMemory, .rdonly_ok = true});
  set(PTR_TO_MEM_OR_NULL, {.types = kMemory, .or_null = true, .rdonly_ok = true});
  set(PTR_TO_UNINIT_MEM, {.types = kMemory});
  set(PTR_TO_UNINIT_MEM_OR_NULL, {.types = kMemory, .or_null = true});
  set(PTR_TO_WRITE_MEM, {.types = kMemory});
  set(CONST_SIZE, {.types = kScalar});
  set(CONST_SIZE_OR_ZERO, {.types = kScalar});
  set(CONST_ALLOC_SIZE_OR_ZERO, {.types = kScalar});
  set(PTR_TO_CTX, {.types = kCtx});
  set(PTR_TO_CTX_OR_NULL, {.types = kCtx, .or_null = true});
  set(PTR_TO_SPIN_LOCK, {.types = kSpinLock});
  set(PTR_TO_FUNC, {.types = kFunc});
  set(PTR_TO_STACK, {.types = kStack});
  set(PTR_TO_STACK_OR_NULL, {.types = kStack, .or_null = true});
  set(PTR_TO_CONST_STR, {.types = kMapValue});
  set(PTR_TO_FIXED_SIZE_MEM_4, {.types = kMemory, .rdonly_ok = true, .fixed_bytes = 4});
  set(PTR_TO_FIXED_SIZE_MEM_8, {.types = kMemory, .rdonly_ok = true, .fixed_bytes = 8});
  set(PTR_TO_FIXED_SIZE_MEM_20, {.types = kMemory, .rdonly_ok = true, .fixed_bytes = 20});
  set(PTR_TO_FIXED_SIZE_MEM_40, {.types = kMemory, .rdonly_ok = true, .fixed_bytes = 40});
  set(PTR_TO_WRITE_FIXED_SIZE_MEM_4, {.types = kMemory, .fixed_bytes = 4});
  set(PTR_TO_UNINIT_FIXED_SIZE_MEM_8, {.types = kMemory, .fixed_bytes = 8});
  set(PTR_TO_SOCK_COMMON, {.types = kSockCommon});
  set(PTR_TO_SOCKET, {.types = kSocket});
  set(PTR_TO_SOCKET_OR_NULL, {.types = kSocket, .or_null = true});
  set(PTR_TO_BTF_ID_SOCK_COMMON, {.types = kBtfSockCommon});
  set(PTR_TO_BTF_ID_SOCK_COMMON_OR_NULL, {.types = kBtfSockCommon, .or_null = true});
  set(RELEASE_BTF_ID_SOCK_COMMON, {.types = kBtfSockCommon, .release = true});
  set(RELEASE_RINGBUF_MEM, {.types = kRecord, .release = true});
  set(PTR_TO_DYNPTR, {.types = kDynptr});
  set(UNINIT_DYNPTR_LOCAL, {.types = kDynptr});
  set(UNINIT_DYNPTR_RINGBUF, {.types = kDynptr});
  set(RELEASE_DYNPTR_RINGBUF, {.types = kDynptr, .release = true});
  set(PTR_TO_TIMER, {.types = kMapValue});
  set(KPTR_XCHG_DEST, {.types = kKptrPlace, .told = 2});
  set(RELEASE_BTF_ID_OR_NULL, {.types = kBtf, .or_null = true, .release = true});
  set(PTR_TO_BTF_ID, {.types = kBtf});
  set(PTR_TO_BTF_ID_OR_NULL, {.types = kBtf, .or_null = true});
  set(PTR_TO_PERCPU_BTF_ID, {.types = kPercpuBtf});
  return t;
}();

}  // namespace

const ArgRule& arg_rule(Arg arg) {
  return kRules[static_cast<std::size_t>(arg)];
}

bool takes(const ArgRule& rule, const Reg& r) {
  const u16 ignored = kPacketSlice | (rule.rdonly_ok ? kRdonly : 0);
  return std::ranges::any_of(rule.types,
                             [&](const RegType& t) { return t.kind == r.kind && t.flags == (r.flags & ~ignored); });
}

std::string expected_text(const ArgRule& rule) {
  std::string out;
  for (const RegType& t : rule.types.first(std::min(rule.told, rule.types.size()))) {
    Reg r;
    r.kind = t.kind;
    r.flags = t.flags;
    out += (out.empty() ? "" : ", ") + kind_text(r);
  }
  return out;
}

bool takes_memory(Arg arg) {
  return arg_rule(arg).types.data() == std::data(kMemory);
}

bool is_size_arg(Arg arg) {
  return arg == Arg::CONST_SIZE || arg == Arg::CONST_SIZE_OR_ZERO;
}

bool is_written_arg(Arg arg) {
  return arg == Arg::PTR_TO_UNINIT_MEM || arg == Arg::PTR_TO_UNINIT_MEM_OR_NULL || arg == Arg::PTR_TO_WRITE_MEM ||
         arg == Arg::PTR_TO_UNINIT_MAP_VALUE || arg == Arg::PTR_TO_WRITE_FIXED_SIZE_MEM_4 ||
         arg == Arg::PTR_TO_UNINIT_FIXED_SIZE_MEM_8;
}

}  // namespace bpf::verifier
