// SPDX-License-Identifier: Apache-2.0
// BPF_LINK_TYPE_TCX: a link holds one place in the order of a port's tcx hook.
//
// Source    rules and their order: asked of the host kernel (tests/oracle/mprog_oracle.cc asks again).
#include "control/link_tcx.h"

#include "bpf/abi/flags.h"
#include "control/door_state.h"

namespace control {
namespace {

class TcxLink final : public Link {
 public:
  TcxLink(u32 id, std::shared_ptr<Program> program, std::shared_ptr<TcxHooks> hooks, const TcxHooks::Hook& hook)
      : Link(id, bpf::BPF_LINK_TYPE_TCX, std::move(program)), hooks_(std::move(hooks)), hook_(hook) {}
  ~TcxLink() override { TcxLink::release(); }

  base::Status attach(const MprogPlace& place) {
    SLUICE_CHECK(hooks_->attach(hook_, {program_, this}, nullptr, place));
    attached_ = true;
    return base::success();
  }

  base::Status update(const std::shared_ptr<Program>& next, const Program* expected) override {
    if (!attached_) return base::Error(ENOLINK, "the link has been detached");
    if (expected && expected != program_.get())
      return base::Error(EPERM,
                         "the link's program is id " + std::to_string(program_->id()) + ", not the one expected");
    if (next == program_) return base::success();
    MprogPlace place{.flags = bpf::BPF_F_REPLACE, .expected_revision = 0, .relative = {}};
    if (next->info().type != program_->info().type)
      return base::Error(EINVAL, "the new program's type differs from the old one's");
    SLUICE_CHECK(hooks_->attach(hook_, {next, this}, program_.get(), place));
    program_ = next;
    return base::success();
  }
  base::Status detach() override {
    release();
    return base::success();
  }
  void fill_info(bpf::bpf_link_info& info) const override {
    info.tcx.ifindex = attached_ ? hook_.ifindex : 0;
    info.tcx.attach_type = hook_.attach_type;
  }

 private:
  void release() {
    if (std::exchange(attached_, false)) (void)hooks_->detach(hook_, {program_, this}, {});
  }

  std::shared_ptr<TcxHooks> hooks_;
  TcxHooks::Hook hook_;
  bool attached_ = false;
};

base::Result<std::shared_ptr<Link>> create(DoorState& state, const LinkRequest& request) {
  const TcxHooks::Hook hook{request.target, request.attach_type};
  SLUICE_CHECK(state.tcx_hooks->check(hook));
  auto link = std::make_shared<TcxLink>(state.links.take_id(), request.program, state.tcx_hooks, hook);
  MprogPlace place{.flags = request.flags, .expected_revision = request.expected_revision, .relative = {}};
  if (request.client)
    place = make_mprog_place(state, *request.client, request.flags, request.relative, request.expected_revision);
  SLUICE_CHECK(link->attach(place));
  return std::shared_ptr<Link>(std::move(link));
}

}  // namespace

const LinkOps tcx_link_ops = {create};

base::Status TcxHooks::check(const Hook& hook) const {
  if (devices_ && devices_->has_ifindex(hook.ifindex)) return base::success();
  return base::Error(ENODEV, "there is no port with ifindex " + std::to_string(hook.ifindex));
}

const Mprog& TcxHooks::at(const Hook& hook) const {
  static const Mprog empty;
  const auto found = hooks_.find(hook);
  return found == hooks_.end() ? empty : found->second;
}

base::Status TcxHooks::attach(const Hook& hook, const MprogEntry& next, const Program* old, const MprogPlace& place) {
  SLUICE_TRY(auto list, at(hook).with(next, old, place));
  if (!ports_) return base::Error(EOPNOTSUPP, "there is no data path whose ports could run programs");
  SLUICE_CHECK(tell(hook, list));
  hooks_[hook].commit(std::move(list));
  return base::success();
}

// A hook that is empty again is as if nothing had ever been there: its revision starts anew.
base::Status TcxHooks::detach(const Hook& hook, const MprogEntry& gone, const MprogPlace& place) {
  const auto found = hooks_.find(hook);
  if (found == hooks_.end()) return base::Error(ENOENT, "nothing is attached there");
  SLUICE_TRY(auto list, found->second.without(gone, place));
  (void)tell(hook, list);  // a port that is not there any more runs nothing
  found->second.commit(std::move(list));
  if (found->second.list().empty()) hooks_.erase(found);
  return base::success();
}

base::Status TcxHooks::tell(const Hook& hook, const Mprog::List& list) {
  std::vector<std::shared_ptr<Program>> order;
  for (const MprogEntry& entry : list) order.push_back(entry.program);
  const auto where = hook.attach_type == bpf::BPF_TCX_INGRESS ? TcHook::tcx_ingress : TcHook::tcx_egress;
  return ports_ ? ports_->set_tc(hook.ifindex, where, order) : base::success();
}

}  // namespace control
