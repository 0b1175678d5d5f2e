// SPDX-License-Identifier: Apache-2.0
// report.h — what a run of perf/gen found, for people and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "perf/gen/options.h"
#include "perf/gen/traffic.h"

namespace perf {

nlohmann::json report_json(const GenOptions& options, const TrafficResult& result);
std::string report_text(const GenOptions& options, const TrafficResult& result);

}  // namespace perf
