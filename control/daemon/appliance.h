// SPDX-License-Identifier: Apache-2.0
// appliance.h — everything of one running sluiced, built in order from a plan and taken down in the opposite order.
//
// Shape     Plan -> EAL -> mempools -> ports -> data path. Programs are attached to it afterwards; start() lets frames
//           flow.
// Threads   control thread.
// Lifetime  members are declared in the order they are made: the compiler takes them down the other way round.
// Errors    one sentence; a port that cannot be opened is told at its place in the file as well. Nothing is left behind
//           by a start that failed half-way.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "control/daemon/assemble.h"
#include "dataplane/dataplane.h"

namespace control {

class Appliance {
 public:
  static base::Result<std::unique_ptr<Appliance>> make(const config::Config& config, const Plan& plan,
                                                       config::Diagnostics& diagnostics);
  ~Appliance();
  Appliance(const Appliance&) = delete;
  Appliance& operator=(const Appliance&) = delete;

  dataplane::Dataplane& dataplane() noexcept { return *dataplane_; }
  const drivers::Eal& eal() const noexcept { return *eal_; }
  const std::vector<std::unique_ptr<drivers::Port>>& ports() const noexcept { return ports_; }
  const std::vector<std::unique_ptr<drivers::Mempool>>& mempools() const noexcept { return mempools_; }

  base::Status start();
  // Stops the workers and the ports; counters stay readable.
  void stop();

  // True when some port has a finite input and all of those have been read to their end.
  bool is_drained() const;

 private:
  Appliance() = default;

  std::unique_ptr<drivers::Eal> eal_;
  std::vector<std::unique_ptr<drivers::Mempool>> mempools_;
  std::vector<std::unique_ptr<drivers::Port>> ports_;
  std::unique_ptr<dataplane::Dataplane> dataplane_;
};

}  // namespace control
