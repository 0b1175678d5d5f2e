// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_TEST_RUN for the types that see a struct sk_buff.
//
// Layout    bpf/runtime/skb_frame.h.
// Source    bpf(2); limits and answers measured on the host kernel (tests/oracle/skb_oracle.cc asks it again).
#include "bpf/abi/flags.h"
#include "bpf/runtime/skb_frame.h"
#include "control/test_run.h"

namespace control {
namespace {

using bpf::__sk_buff;
using bpf::bpf_attr;
using bpf::runtime::SkbFrame;

base::Status check_request(const bpf_attr& attr) {
  if (attr.test.flags & ~u32(bpf::BPF_F_TEST_SKB_CHECKSUM_COMPLETE) || attr.test.cpu || attr.test.batch_size)
    return base::Error(EINVAL, "unknown flags, a CPU or a batch size");
  if (attr.test.data_size_in < SkbFrame::kPacketMin || attr.test.data_size_in > SkbFrame::kPacketMax)
    return base::Error(EINVAL, "data_in must have at least " + std::to_string(SkbFrame::kPacketMin) +
                                   " bytes and at most " + std::to_string(SkbFrame::kPacketMax));
  if (attr.test.data_in == 0) return base::Error(EFAULT, "no data_in");
  return base::success();
}

base::Status check_device(const DoorState& state, u32 ifindex) {
  const DeviceTable* devices = state.config.devices;
  if (ifindex <= kTestLoopbackIfindex || (devices && devices->has_ifindex(ifindex))) return base::success();
  return base::Error(ENODEV, "ctx_in: no device with ifindex " + std::to_string(ifindex));
}

base::Status store(bpf_attr& attr, const SkbFrame& frame, __sk_buff ctx, bool has_ctx) {
  bool fits = put_test_data(attr, {frame.output()});
  if (has_ctx) {
    frame.store_ctx(ctx);
    fits &= put_test_ctx(attr, ctx);
  }
  if (!fits) return base::Error(ENOSPC, "data_out or ctx_out is too small");
  return base::success();
}

}  // namespace

Answer test_run_skb(DoorState& state, const Program& program, bpf_attr& attr) {
  SLUICE_CHECK(check_request(attr));
  SLUICE_TRY(const __sk_buff ctx, read_test_ctx<__sk_buff>(attr));
  const bool has_ctx = attr.test.ctx_in != 0 || attr.test.ctx_out != 0;
  SLUICE_CHECK(check_device(state, ctx.ifindex));
  auto frame = std::make_unique<SkbFrame>();
  const base::ConstBytes data(user_ptr<const std::byte>(attr.test.data_in), attr.test.data_size_in);
  const bool sum = (attr.test.flags & bpf::BPF_F_TEST_SKB_CHECKSUM_COMPLETE) != 0;
  SLUICE_CHECK(frame->fill(program.info().type, data, has_ctx ? &ctx : nullptr, sum));
  run_test(state, program, attr, [&]() -> void* { return &frame->buff(); });
  if (auto finished = frame->finish(); !finished.ok()) {
    attr.test.retval = attr.test.duration = 0;
    return finished.error();
  }
  SLUICE_CHECK(store(attr, *frame, ctx, has_ctx));
  return 0L;
}

}  // namespace control
