// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_TEST_RUN of SK_LOOKUP and FLOW_DISSECTOR.
//
// Source    bpf(2); limits and answers measured on the host kernel (tests/unit/control/lookup_run_test.cc asks again).
#include <algorithm>

#include "bpf/runtime/flow_run.h"
#include "bpf/runtime/lookup_run.h"
#include "control/test_run.h"

namespace control {
namespace {

using bpf::bpf_attr;
using bpf::bpf_sk_lookup;
using bpf::runtime::FlowRun;

// The context goes back as far as the caller has room: ENOSPC where that is not all of it.
template <class Ctx>
base::Status store_ctx(bpf_attr& attr, const Ctx& ctx) {
  if (!put_test_ctx(attr, ctx)) return base::Error(ENOSPC, "ctx_out is too small");
  return base::success();
}

base::Status check_flow_request(const bpf_attr& attr) {
  if (attr.test.flags || attr.test.cpu || attr.test.batch_size)
    return base::Error(EINVAL, "flags, a CPU or a batch size");
  if (attr.test.data_size_in < FlowRun::kPacketMin || attr.test.data_size_in > FlowRun::kPacketMax)
    return base::Error(EINVAL, "data_in must have 14 to 4096 bytes");
  if (attr.test.data_in == 0) return base::Error(EFAULT, "no data_in");
  return base::success();
}

// Of the keys a caller gives, only the flags are input.
bool only_flags(bpf_flow_keys keys) {
  keys.flags = 0;
  const auto* bytes = reinterpret_cast<const char*>(&keys);
  return std::all_of(bytes, bytes + sizeof keys, [](char c) { return c == 0; });
}

}  // namespace

Answer test_run_flow(DoorState& state, const Program& program, bpf_attr& attr) {
  SLUICE_CHECK(check_flow_request(attr));
  SLUICE_TRY(const bpf_flow_keys given, read_test_ctx<bpf_flow_keys>(attr));
  if (!only_flags(given)) return base::Error(EINVAL, "ctx_in: of the keys only the flags are input");
  FlowRun run({user_ptr<const std::byte>(attr.test.data_in), attr.test.data_size_in}, given.flags);
  run_test(state, program, attr, [&]() -> void* { return &run.begin(); });
  const bpf_flow_keys& keys = run.end();
  const bool fits = put_test_data(attr, {{reinterpret_cast<const std::byte*>(&keys), sizeof keys}});
  if (attr.test.ctx_in != 0 || attr.test.ctx_out != 0) SLUICE_CHECK(store_ctx(attr, given));
  if (!fits) return base::Error(ENOSPC, "data_out is too small");
  return 0L;
}

Answer test_run_lookup(DoorState& state, const Program& program, bpf_attr& attr) {
  if (attr.test.flags || attr.test.cpu || attr.test.batch_size)
    return base::Error(EINVAL, "flags, a CPU or a batch size");
  if (attr.test.data_in || attr.test.data_size_in || attr.test.data_out || attr.test.data_size_out)
    return base::Error(EINVAL, "a search for an endpoint has no data");
  if (attr.test.ctx_in == 0 && attr.test.ctx_out == 0) return base::Error(EINVAL, "no ctx_in");
  SLUICE_TRY(bpf_sk_lookup ctx, read_test_ctx<bpf_sk_lookup>(attr));
  SLUICE_TRY(bpf_sk_lookup_kern lookup, bpf::runtime::make_lookup(ctx));
  run_test(state, program, attr, [&]() -> void* {
    lookup.sk = nullptr;
    return &lookup;
  });
  ctx.cookie = lookup.sk ? lookup.sk->cookie : 0;
  SLUICE_CHECK(store_ctx(attr, ctx));
  return 0L;
}

}  // namespace control
