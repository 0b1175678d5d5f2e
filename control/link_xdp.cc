// SPDX-License-Identifier: Apache-2.0
// BPF_LINK_TYPE_XDP: a link holds the XDP hook of one port.
//
// Source    rules and their order: asked of the host kernel (tests/oracle/abi_oracle.cc asks again).
#include "control/link_xdp.h"

#include <bit>

#include "bpf/abi/flags.h"
#include "control/door_state.h"

namespace control {
namespace {

constexpr u32 kModes = u32{bpf::XDP_FLAGS_SKB_MODE} | bpf::XDP_FLAGS_DRV_MODE | bpf::XDP_FLAGS_HW_MODE;

std::string port_text(u32 ifindex) {
  return "xdp on ifindex " + std::to_string(ifindex);
}

class XdpLink final : public Link {
 public:
  XdpLink(u32 id, std::shared_ptr<Program> program, std::shared_ptr<XdpHooks> hooks, u32 ifindex)
      : Link(id, bpf::BPF_LINK_TYPE_XDP, std::move(program)), hooks_(std::move(hooks)), ifindex_(ifindex) {}
  ~XdpLink() override { XdpLink::release(); }

  base::Status update(const std::shared_ptr<Program>& next, const Program* expected) override {
    if (ifindex_ == 0) return base::Error(ENOLINK, "the link has been detached");
    if (expected && expected != program_.get())
      return base::Error(EPERM,
                         "the link's program is id " + std::to_string(program_->id()) + ", not the one expected");
    if (next == program_) return base::success();
    if (next->info().type != program_->info().type ||
        next->info().expected_attach_type != program_->info().expected_attach_type)
      return base::Error(EINVAL, "the new program's type or expected attach type differs from the old one's");
    SLUICE_CHECK(hooks_->replace(ifindex_, next));
    program_ = next;
    return base::success();
  }
  base::Status detach() override {
    release();
    return base::success();
  }
  void fill_info(bpf::bpf_link_info& info) const override { info.xdp.ifindex = ifindex_; }

 private:
  void release() {
    if (ifindex_ != 0) hooks_->detach(ifindex_);
    ifindex_ = 0;
  }

  std::shared_ptr<XdpHooks> hooks_;
  u32 ifindex_;  // 0: detached
};

base::Result<std::shared_ptr<Link>> create(DoorState& state, const LinkRequest& request) {
  SLUICE_CHECK(state.xdp_hooks->attach(request.target, request.flags, request.program));
  return std::shared_ptr<Link>(
      std::make_shared<XdpLink>(state.links.take_id(), request.program, state.xdp_hooks, request.target));
}

}  // namespace

const LinkOps xdp_link_ops = {create};

base::Status XdpHooks::attach(u32 ifindex, u32 flags, const std::shared_ptr<Program>& program) {
  if (ifindex == 0 || !devices_ || !devices_->has_ifindex(ifindex))
    return base::Error(EINVAL, "there is no port with ifindex " + std::to_string(ifindex));
  if (flags & ~kModes) return base::Error(EINVAL, "a link takes XDP_FLAGS_*_MODE and no other flags");
  if (std::popcount(flags & kModes) > 1) return base::Error(EINVAL, "one XDP_FLAGS_*_MODE at most");
  if (flags & bpf::XDP_FLAGS_HW_MODE) return base::Error(EINVAL, port_text(ifindex) + ": no program runs in hardware");
  const u32 mode = flags ? flags : u32{bpf::XDP_FLAGS_DRV_MODE};
  if (const auto held = modes_.find(ifindex); held != modes_.end())
    return held->second == mode ? base::Error(EBUSY, port_text(ifindex) + ": another link is active")
                                : base::Error(EEXIST, port_text(ifindex) + ": a link in the other mode is active");
  const auto expected = program->info().expected_attach_type;
  if (expected == bpf::BPF_XDP_DEVMAP || expected == bpf::BPF_XDP_CPUMAP)
    return base::Error(EINVAL, "programs for entries of devmaps and cpumaps are not for ports");
  if (!ports_) return base::Error(EOPNOTSUPP, "there is no data path whose ports could run programs");
  SLUICE_CHECK(ports_->set_xdp(ifindex, program));
  modes_.emplace(ifindex, mode);
  return base::success();
}

base::Status XdpHooks::replace(u32 ifindex, const std::shared_ptr<Program>& program) {
  if (!ports_) return base::Error(ENOLINK, "the data path has ended");
  return ports_->set_xdp(ifindex, program);
}

void XdpHooks::detach(u32 ifindex) {
  modes_.erase(ifindex);
  if (ports_) (void)ports_->set_xdp(ifindex, nullptr);
}

}  // namespace control
