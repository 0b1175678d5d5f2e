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

base::Status check_for_port(const Program& program) {
  const auto expected = program.info().expected_attach_type;
  if (expected == bpf::BPF_XDP_DEVMAP || expected == bpf::BPF_XDP_CPUMAP)
    return base::Error(EINVAL, "programs for entries of devmaps and cpumaps are not for ports");
  return base::success();
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
  if (const auto held = held_.find(ifindex); held != held_.end()) {
    const std::string who = held->second.is_link() ? "a link" : "a program without a link";
    if (held->second.mode == mode) return base::Error(EBUSY, port_text(ifindex) + ": " + who + " is active");
    return base::Error(EEXIST, port_text(ifindex) + ": " + who + " is active in the other mode");
  }
  SLUICE_CHECK(check_for_port(*program));
  SLUICE_CHECK(set(ifindex, program));
  held_.emplace(ifindex, Held{mode, program, {}});
  return base::success();
}

base::Status XdpHooks::set(u32 ifindex, const std::shared_ptr<Program>& program) {
  if (!ports_) return base::Error(EOPNOTSUPP, "there is no data path whose ports could run programs");
  return ports_->set_xdp(ifindex, program);
}

base::Status check_xdp_flags(u32 flags) {
  constexpr u32 kKnown = kModes | bpf::XDP_FLAGS_UPDATE_IF_NOEXIST | bpf::XDP_FLAGS_REPLACE;
  if (flags & ~kKnown) return base::Error(EINVAL, "unknown XDP flags");
  if (std::popcount(flags & kModes) > 1) return base::Error(EINVAL, "one XDP mode at most");
  return base::success();
}

base::Status XdpHooks::change(u32 ifindex, const XdpChange& change) {
  const u32 asked = change.flags & kModes;
  const u32 mode = asked ? asked : u32{bpf::XDP_FLAGS_DRV_MODE};
  const auto row = held_.find(ifindex);
  const Held* const any = row == held_.end() ? nullptr : &row->second;
  const Held* const here = any && any->mode == mode ? any : nullptr;
  if (here && here->is_link()) return base::Error(EBUSY, port_text(ifindex) + ": a link is active");
  if (change.flags & bpf::XDP_FLAGS_REPLACE && (here ? here->program : nullptr) != change.expected)
    return base::Error(EEXIST, port_text(ifindex) + ": the program there is not the one expected");
  if (!change.program) {
    if (!here) return base::success();
    SLUICE_CHECK(set(ifindex, nullptr));
    held_.erase(ifindex);
    return base::success();
  }
  if (any && !here && mode != bpf::XDP_FLAGS_HW_MODE)
    return base::Error(EEXIST, port_text(ifindex) + ": a program in the other mode is active");
  if (here && change.flags & bpf::XDP_FLAGS_UPDATE_IF_NOEXIST)
    return base::Error(EBUSY, port_text(ifindex) + ": there is a program already");
  if (mode == bpf::XDP_FLAGS_HW_MODE) return base::Error(EINVAL, port_text(ifindex) + ": no program runs in hardware");
  SLUICE_CHECK(check_for_port(*change.program));
  if (here && here->program == change.program) return base::success();
  SLUICE_CHECK(set(ifindex, change.program));
  held_.insert_or_assign(ifindex, Held{mode, change.program, Handle(change.program)});
  return base::success();
}

const XdpHooks::Held* XdpHooks::find(u32 ifindex) const {
  const auto row = held_.find(ifindex);
  return row == held_.end() ? nullptr : &row->second;
}

base::Status XdpHooks::replace(u32 ifindex, const std::shared_ptr<Program>& program) {
  if (!ports_) return base::Error(ENOLINK, "the data path has ended");
  SLUICE_CHECK(ports_->set_xdp(ifindex, program));
  held_.at(ifindex).program = program;
  return base::success();
}

void XdpHooks::close() {
  ports_ = nullptr;
  // Programs that were set hold maps, and perhaps each other through them.
  std::erase_if(held_, [](const auto& row) { return !row.second.is_link(); });
}

void XdpHooks::detach(u32 ifindex) {
  held_.erase(ifindex);
  if (ports_) (void)ports_->set_xdp(ifindex, nullptr);
}

}  // namespace control
