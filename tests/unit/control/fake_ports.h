// SPDX-License-Identifier: Apache-2.0
// fake_ports.h — ports without a data path: what a door's links do to them is written down.
#pragma once

#include <map>

#include "control/door.h"

namespace control_test {

class FakePorts final : public control::PortHooks, public control::DeviceTable {
 public:
  static constexpr base::u32 kFirst = 2, kLast = 4;  // ifindexes that exist

  bool has_ifindex(base::u32 ifindex) const override { return ifindex >= kFirst && ifindex <= kLast; }
  base::u32 rx_queue_count(base::u32) const override { return 1; }
  std::vector<std::pair<base::u32, std::string>> names() const override {
    std::vector<std::pair<base::u32, std::string>> names;
    for (base::u32 i = kFirst; i <= kLast; ++i) names.emplace_back(i, "port" + std::to_string(i));
    return names;
  }

  base::Status set_xdp(base::u32 ifindex, const std::shared_ptr<control::Program>& program) override {
    if (refuse) return base::Error(ENOMEM, "refused");
    ++changes;
    if (program)
      programs[ifindex] = program->id();
    else
      programs.erase(ifindex);
    return base::success();
  }
  base::Status set_tc(base::u32 ifindex, control::TcHook hook,
                      const std::vector<std::shared_ptr<control::Program>>& list) override {
    if (refuse) return base::Error(ENOMEM, "refused");
    ++changes;
    auto& ids = chains[{ifindex, hook}];
    ids.clear();
    for (const auto& program : list) ids.push_back(program->id());
    return base::success();
  }
  void want_run_time(bool on) override { timed = on; }
  std::vector<control::PortState> states() const override {
    std::vector<control::PortState> all;
    for (const auto& [ifindex, name] : names()) all.push_back({ifindex, name, {}, 1500, 1, 1, true, true});
    return all;
  }

  control::DoorConfig config() {
    control::DoorConfig config;
    config.ports = this;
    config.devices = this;
    config.engine = control::Engine::interp;
    return config;
  }

  std::map<base::u32, base::u32> programs;  // id by ifindex
  std::map<std::pair<base::u32, control::TcHook>, std::vector<base::u32>> chains;  // ids in order
  int changes = 0;
  bool timed = false;
  bool refuse = false;
};

}  // namespace control_test
