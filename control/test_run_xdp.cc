// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_TEST_RUN for XDP: one packet, `repeat` runs on the same buffer, as Linux 6.18 does it.
//
// Layout    xdp_frame.h. The linear part has at most kLinearMax bytes, or what ctx_in's data_end says; what lies beyond
//           is a fragment: the program does not see it, data_out has it again.
// Source    bpf(2); limits and answers measured on the host kernel (tests/unit/control/program_test.cc asks it again).
#include <algorithm>
#include <cstring>

#include "bpf/abi/context.h"
#include "bpf/abi/flags.h"
#include "bpf/abi/host/xdp_buff.h"
#include "bpf/runtime/xdp_frame.h"
#include "control/test_run.h"

namespace control {
namespace {

using bpf::bpf_attr;
using bpf::xdp_md;

using Frame = bpf::runtime::XdpFrame;  // the layout of the buffer, and its reasons

constexpr u32 kLinearMax = Frame::kPacketMax;
constexpr u32 kMetaMax = Frame::kHeadroom - Frame::kHeadReserved;
constexpr u32 kEthernetHeader = 14;
constexpr u32 kPacketBytesMax = 64U << 10;  // linear and fragments

struct Packet {
  Frame frame;
  base::ConstBytes fragments;  // behind the linear part, never touched
};

base::Status check_device(const DoorState& state, const xdp_md& ctx) {
  if (ctx.egress_ifindex != 0) return base::Error(EINVAL, "ctx_in: egress_ifindex must be 0");
  if (ctx.ingress_ifindex == 0) {
    if (ctx.rx_queue_index == 0) return base::success();
    return base::Error(EINVAL, "ctx_in: rx_queue_index without ingress_ifindex");
  }
  u32 queues = ctx.ingress_ifindex == kTestLoopbackIfindex ? 1 : 0;
  if (const DeviceTable* devices = state.config.devices; devices && devices->has_ifindex(ctx.ingress_ifindex))
    queues = devices->rx_queue_count(ctx.ingress_ifindex);
  if (queues == 0) return base::Error(ENODEV, "ctx_in: no device with ifindex " + std::to_string(ctx.ingress_ifindex));
  if (ctx.rx_queue_index >= queues) return base::Error(EINVAL, "ctx_in: the device has no such queue");
  return base::success();
}

base::Status check_ctx(const DoorState& state, const bpf_attr& attr, const xdp_md& ctx) {
  const u32 size = attr.test.data_size_in;
  if (ctx.data_meta != 0) return base::Error(EINVAL, "ctx_in: data_meta must be 0: metadata begins the packet");
  if (ctx.data_end > size || ctx.data > ctx.data_end)
    return base::Error(EINVAL, "ctx_in: data and data_end exceed data_in");
  if (ctx.data % 4 != 0 || ctx.data > kMetaMax)
    return base::Error(EINVAL,
                       "ctx_in: metadata must be a multiple of 4 bytes and at most " + std::to_string(kMetaMax));
  if (size - ctx.data < kEthernetHeader) return base::Error(EINVAL, "data_in is shorter than an Ethernet header");
  return check_device(state, ctx);
}

base::Status check_request(const bpf_attr& attr, const Program& program) {
  if (attr.test.flags & ~u32(bpf::BPF_F_TEST_XDP_LIVE_FRAMES)) return base::Error(EINVAL, "unknown flags");
  if (attr.test.flags & bpf::BPF_F_TEST_XDP_LIVE_FRAMES)
    return base::Error(EOPNOTSUPP, "test runs with live frames are planned, not implemented yet");
  if (attr.test.batch_size != 0) return base::Error(EINVAL, "batch_size is for live frames only");
  const auto type = program.info().expected_attach_type;
  if (type == bpf::BPF_XDP_DEVMAP || type == bpf::BPF_XDP_CPUMAP)
    return base::Error(EINVAL, "a program for a devmap or cpumap entry has no test run");
  if (attr.test.data_size_in < kEthernetHeader)
    return base::Error(EINVAL, "data_in is shorter than an Ethernet header");
  if (attr.test.data_size_in > kPacketBytesMax) return base::Error(ENOSPC, "data_in is longer than 64 KiB");
  if (attr.test.data_in == 0) return base::Error(EFAULT, "no data_in");
  return base::success();
}

void fill_packet(Packet& packet, const bpf_attr& attr, const xdp_md& ctx, bool has_ctx) {
  const base::ConstBytes data(user_ptr<const std::byte>(attr.test.data_in), attr.test.data_size_in);
  const u32 linear = std::min<u32>(has_ctx ? ctx.data_end : u32(data.size()), kLinearMax);
  packet.frame.fill(data.first(linear));
  packet.fragments = data.subspan(linear);
  xdp_buff& xdp = packet.frame.buff();
  xdp.data = static_cast<std::byte*>(xdp.data_meta) + std::min(ctx.data, linear);
  if (ctx.ingress_ifindex) xdp.ingress_ifindex = ctx.ingress_ifindex;
  xdp.rx_queue_index = ctx.rx_queue_index;
}

u32 distance(const void* from, const void* to) {
  return u32(static_cast<const std::byte*>(to) - static_cast<const std::byte*>(from));
}

base::Status store(bpf_attr& attr, Packet& packet, xdp_md ctx, bool has_ctx) {
  const xdp_buff& xdp = packet.frame.buff();
  const u32 linear = distance(xdp.data_meta, xdp.data_end);
  bool fits = put_test_data(attr, {{static_cast<const std::byte*>(xdp.data_meta), linear}, packet.fragments});
  if (has_ctx) {
    ctx.data = distance(xdp.data_meta, xdp.data);
    ctx.data_end = linear;
    fits &= put_test_ctx(attr, ctx);
  }
  if (!fits) return base::Error(ENOSPC, "data_out or ctx_out is too small");
  return base::success();
}

}  // namespace

Answer test_run_xdp(DoorState& state, const Program& program, bpf_attr& attr) {
  SLUICE_CHECK(check_request(attr, program));
  SLUICE_TRY(const xdp_md ctx, read_test_ctx<xdp_md>(attr));
  const bool has_ctx = attr.test.ctx_in != 0 || attr.test.ctx_out != 0;
  SLUICE_CHECK(check_ctx(state, attr, ctx));
  auto packet = std::make_unique<Packet>();
  fill_packet(*packet, attr, ctx, has_ctx);
  run_test(state, program, attr, [&]() -> void* { return &packet->frame.buff(); });
  SLUICE_CHECK(store(attr, *packet, ctx, has_ctx));
  return 0L;
}

}  // namespace control
