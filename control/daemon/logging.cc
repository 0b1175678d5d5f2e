// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace control {
namespace {

constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::err, spdlog::level::warn, spdlog::level::info,
                                                 spdlog::level::info, spdlog::level::debug};

// rte_log's eight levels in spdlog's words. DPDK's "notice" and "info" tell what its drivers do: debug for us.
spdlog::level::level_enum eal_level(base::u32 level) {
  if (level <= 4) return spdlog::level::err;
  return level == 5 ? spdlog::level::warn : spdlog::level::debug;
}

// DPDK says this at every start with telemetry, about a socket that nobody asked for.
constexpr std::string_view kNoLegacySocket = "No legacy callbacks, legacy socket not created";

}  // namespace

void set_up_logging(const config::Log& log) {
  auto logger = spdlog::get("sluiced");
  if (!logger) logger = spdlog::stderr_logger_mt("sluiced");
  logger->set_level(kLevels[int(log.level)]);
  if (log.format == config::LogFormat::kJson)
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","message":"%v"})",
                        spdlog::pattern_time_type::utc);
  else
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%fZ sluiced %l %v", spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(logger);
}

void log_info(std::string_view topic, std::string_view sentence) { spdlog::info("{}: {}", topic, sentence); }
void log_warning(std::string_view topic, std::string_view sentence) { spdlog::warn("{}: {}", topic, sentence); }
void log_eal_line(base::u32 level, const std::string& line) {
  const bool harmless = line.find(kNoLegacySocket) != line.npos;
  spdlog::log(harmless ? spdlog::level::debug : eal_level(level), "dpdk: {}", line);
}

}  // namespace control
