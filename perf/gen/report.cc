// SPDX-License-Identifier: Apache-2.0
#include "perf/gen/report.h"

#include <fmt/format.h>

namespace perf {

using nlohmann::json;

json report_json(const GenOptions& o, const TrafficResult& r) {
  const auto ns = [&](std::uint64_t cycles) { return double(cycles) / r.tsc_hz * 1e9; };
  const auto at = [&](double fraction) { return ns(r.latency_cycles.percentile(fraction)); };
  json out = {{"vdevs", o.vdevs},
              {"flows", o.flows},
              {"size", o.size_text},
              {"seconds", r.seconds},
              {"wanted_mpps", o.rate_mpps},
              {"sent_mpps", double(r.sent) / r.seconds / 1e6},
              {"returned_mpps", double(r.returned_in_time) / r.seconds / 1e6},
              {"sent", r.sent},
              {"warmup_sent", r.warmup_sent},
              {"refused", r.refused},
              {"not_offered", r.not_offered},
              {"received", r.back.received},
              {"reordered", r.back.reordered},
              {"duplicates", r.back.duplicates},
              {"too_late", r.back.too_late},
              {"foreign", r.back.foreign},
              {"longest_gap_us", ns(r.longest_gap_cycles) / 1e3}};
  if (o.sink_expected) {
    out["lost"] = r.lost();
    out["latency_ns"] = {{"min", ns(r.latency_cycles.min())},
                         {"p50", at(0.5)},
                         {"p90", at(0.9)},
                         {"p99", at(0.99)},
                         {"p99.9", at(0.999)},
                         {"max", ns(r.latency_cycles.max())}};
  }
  return out;
}

std::string report_text(const GenOptions& o, const TrafficResult& r) {
  const json j = report_json(o, r);
  std::string text = fmt::format("sent      {:>12} frames of {} bytes, {} flows, {:.3f} Mpps\n", r.sent, o.size_text,
                                 o.flows, j["sent_mpps"].get<double>());
  if (r.refused) text += fmt::format("refused   {:>12} by a full link\n", r.refused);
  if (r.not_offered) text += fmt::format("withheld  {:>12} while this process did not run\n", r.not_offered);
  if (!o.sink_expected) return text;
  text += fmt::format("returned  {:>12} in time, {:.3f} Mpps\n", r.returned_in_time, j["returned_mpps"].get<double>());
  text += fmt::format("lost      {:>12}   reordered {}   duplicates {}   too late {}   foreign {}\n", r.lost(),
                      r.back.reordered, r.back.duplicates, r.back.too_late, r.back.foreign);
  const json& l = j["latency_ns"];
  text += fmt::format(
      "latency   {:.2f} us min, {:.2f} p50, {:.2f} p99, {:.2f} p99.9, {:.2f} max; longest gap here {:.1f} us\n",
      l["min"].get<double>() / 1e3, l["p50"].get<double>() / 1e3, l["p99"].get<double>() / 1e3,
      l["p99.9"].get<double>() / 1e3, l["max"].get<double>() / 1e3, j["longest_gap_us"].get<double>());
  return text;
}

}  // namespace perf
