// SPDX-License-Identifier: Apache-2.0
// snapshot.h — the counters of all workers, collected as one consistent cut. See Lane::publish_if_wanted.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/accounting.h"
#include "dataplane/topology.h"
#include "dataplane/worker.h"

namespace dataplane {

Snapshot take_snapshot(const Topology& topology, const std::vector<std::unique_ptr<Worker>>& workers, Shared& shared,
                       bool running);

}  // namespace dataplane
