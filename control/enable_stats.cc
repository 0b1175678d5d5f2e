// SPDX-License-Identifier: Apache-2.0
// BPF_ENABLE_STATS: run time of programs is taken as long as one descriptor of the command is open.
#include "control/door_state.h"

namespace control {
namespace {

class StatsSwitch final : public Object {
 public:
  explicit StatsSwitch(std::shared_ptr<RunTimeUsers> users) : Object(ObjectKind::stats, 0), users_(std::move(users)) {
    if (users_->count++ == 0 && users_->ports) users_->ports->want_run_time(true);
  }
  ~StatsSwitch() override {
    if (--users_->count == 0 && users_->ports) users_->ports->want_run_time(false);
  }

 private:
  std::shared_ptr<RunTimeUsers> users_;
};

}  // namespace

Answer enable_stats(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  if (!client.privileged()) return base::Error(EPERM, "not permitted without CAP_SYS_ADMIN");
  if (attr.enable_stats.type != bpf::BPF_STATS_RUN_TIME) return base::Error(EINVAL, "unknown kind of statistics");
  return install(client, std::make_shared<StatsSwitch>(state.run_time_users));
}

}  // namespace control
