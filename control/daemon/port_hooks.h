// SPDX-License-Identifier: Apache-2.0
// port_hooks.h — what the door's links stand on: the hooks of the running data path's ports.
//
// Shape     PortHooks over a Dataplane. It also tells the data path which maps a broadcast may mean, and keeps the
//           counts of each program's runs, whether it is attached at the time or not.
// Threads   control thread.
// Lifetime  before connect() and after disconnect() there are no ports: attaching is ENODEV, letting go does nothing.
//           The Dataplane outlives the time between the two.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "control/door.h"
#include "dataplane/dataplane.h"

namespace control {

class DataplaneHooks final : public PortHooks {
 public:
  // `run_time`: it is taken all the time, whatever clients want.
  base::Status connect(dataplane::Dataplane& dataplane, std::span<const std::unique_ptr<drivers::Port>> ports,
                       const std::map<std::string, u32>& ifindexes, bool run_time);
  void disconnect() { dataplane_ = nullptr; }

  base::Status set_xdp(u32 ifindex, const std::shared_ptr<Program>& program) override;
  base::Status set_tc(u32 ifindex, TcHook hook, const std::vector<std::shared_ptr<Program>>& programs) override;
  void use_in_entries(const std::shared_ptr<Program>& program) override;
  void want_run_time(bool on) override;
  std::vector<PortState> states() const override;

  // A broadcast may go to every map of devices there is, and frames to every map of CPUs.
  void add_device_map(const std::shared_ptr<Map>& map);
  RunStats run_stats(u32 program_id) const;
  // Now and then: lets go of what is known about maps and programs that are gone.
  void poll();

 private:
  struct Runs {
    std::weak_ptr<Program> program;
    std::shared_ptr<dataplane::RunCounters> counters;
    std::weak_ptr<dataplane::AttachedProgram> attached;  // one for all ports
  };
  // Workers read the entries until the data path has forgotten the map.
  struct DeviceMap {
    std::weak_ptr<Map> map;
    std::shared_ptr<bpf::Map> memory;
  };

  base::Result<std::string> find_port(u32 ifindex) const;
  std::shared_ptr<dataplane::AttachedProgram> attached(const std::shared_ptr<Program>& program);
  base::Status tell(u32 id, const DeviceMap& map);

  dataplane::Dataplane* dataplane_ = nullptr;
  std::span<const std::unique_ptr<drivers::Port>> ports_;  // as the data path numbers them
  std::map<u32, std::string> names_;      // of the ports, by ifindex
  std::map<u32, Runs> runs_;              // by program id
  std::map<u32, DeviceMap> device_maps_;  // by id
  std::map<u32, std::weak_ptr<Program>> entry_programs_;  // by id; the data path keeps them
  bool always_timed_ = false;
};

}  // namespace control
