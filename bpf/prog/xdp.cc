// SPDX-License-Identifier: Apache-2.0
// xdp.cc — BPF_PROG_TYPE_XDP: the context of struct xdp_md over struct xdp_buff, its attach types.
//
// Source    what Linux 6.18 accepts: every field is read as four aligned bytes, none is written; egress_ifindex belongs
// to
//           programs that run from a devmap. Any scalar may be returned; the hook treats an unknown verdict as
//           XDP_ABORTED.
#include <cstddef>

#include "bpf/abi/context.h"
#include "bpf/abi/host/xdp_buff.h"
#include "bpf/registry/registry.h"

namespace bpf {
namespace {

constexpr bpf_attach_type kDevmapOnly[] = {BPF_XDP_DEVMAP};

constexpr CtxField field(std::string_view name, std::size_t offset, CtxKind kind, std::size_t host_offset,
                         std::size_t host_size, std::span<const bpf_attach_type> attach_types = {}) {
  return {.name = name,
          .offset = static_cast<base::u16>(offset),
          .size = 4,
          .kind = kind,
          .host_offset = static_cast<base::u16>(host_offset),
          .host_size = static_cast<base::u16>(host_size),
          .attach_types = attach_types};
}

#define XDP_FIELD(f, kind, ...) \
  field(#f, offsetof(xdp_md, f), CtxKind::kind, offsetof(xdp_buff, f), sizeof(xdp_buff::f) __VA_OPT__(, ) __VA_ARGS__)

constexpr CtxField kFields[] = {
    XDP_FIELD(data, packet),           XDP_FIELD(data_end, packet_end),
    XDP_FIELD(data_meta, packet_meta), XDP_FIELD(ingress_ifindex, scalar),
    XDP_FIELD(rx_queue_index, scalar), XDP_FIELD(egress_ifindex, scalar, kDevmapOnly),
};
#undef XDP_FIELD

// The lowering of a context load reads exactly these places: pointers whole, numbers as they are.
static_assert(offsetof(xdp_buff, data) == 0 && offsetof(xdp_buff, data_end) == 8 &&
              offsetof(xdp_buff, data_meta) == 16);
static_assert(offsetof(xdp_buff, ingress_ifindex) == 36 && offsetof(xdp_buff, rx_queue_index) == 40 &&
              offsetof(xdp_buff, egress_ifindex) == 44);
static_assert(sizeof(xdp_buff::data) == 8 && sizeof(xdp_buff::ingress_ifindex) == 4);

consteval bool fields_cover_context() {
  std::size_t at = 0;
  for (const CtxField& f : kFields) {
    if (f.offset != at) return false;
    at += f.size;
  }
  return at == sizeof(xdp_md);
}
static_assert(fields_cover_context(), "every byte of xdp_md belongs to one field");

constexpr AttachPoint kAttachPoints[] = {
    {BPF_XDP, "xdp"}, {BPF_XDP_DEVMAP, "xdp/devmap"}, {BPF_XDP_CPUMAP, "xdp/cpumap"}};

}  // namespace

const ProgSpec xdp_prog_spec = {
    .ctx_name = "xdp_md",
    .ctx_size = sizeof(xdp_md),
    .fields = kFields,
    .attach_points = kAttachPoints,
    .packet = PacketAccess::write,
    .ctx_stride = sizeof(xdp_buff),
};

}  // namespace bpf
