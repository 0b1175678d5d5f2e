// SPDX-License-Identifier: Apache-2.0
// words.h — the words of the file for the values of enums, in one place for reading and for showing.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "config/config.h"

namespace config {

template <class Enum, std::size_t count>
using WordTable = std::array<std::pair<std::string_view, Enum>, count>;

inline constexpr WordTable<MemoryMode, 2> kMemoryModes{
    {{"hugepages", MemoryMode::kHugepages}, {"no-huge", MemoryMode::kNoHuge}}};
inline constexpr WordTable<MemoryFallback, 2> kMemoryFallbacks{
    {{"none", MemoryFallback::kNone}, {"no-huge", MemoryFallback::kNoHuge}}};
inline constexpr WordTable<Iova, 3> kIovas{{{"auto", Iova::kAuto}, {"va", Iova::kVa}, {"pa", Iova::kPa}}};
inline constexpr WordTable<Poll, 2> kPolls{{{"adaptive", Poll::kAdaptive}, {"busy", Poll::kBusy}}};
inline constexpr WordTable<MemifRole, 2> kMemifRoles{{{"server", MemifRole::kServer}, {"client", MemifRole::kClient}}};
inline constexpr WordTable<SocketMode, 2> kSocketModes{
    {{"server", SocketMode::kServer}, {"client", SocketMode::kClient}}};
inline constexpr WordTable<Hook, 5> kHooks{{{"xdp", Hook::kXdp},
                                             {"tcx-ingress", Hook::kTcxIngress},
                                             {"tcx-egress", Hook::kTcxEgress},
                                             {"clsact-ingress", Hook::kClsactIngress},
                                             {"clsact-egress", Hook::kClsactEgress}}};
inline constexpr WordTable<LogFormat, 3> kLogFormats{
    {{"auto", LogFormat::kAuto}, {"text", LogFormat::kText}, {"json", LogFormat::kJson}}};
inline constexpr WordTable<LogLevel, 5> kLogLevels{{{"error", LogLevel::kError},
                                                    {"warn", LogLevel::kWarning},
                                                    {"notice", LogLevel::kNotice},
                                                    {"info", LogLevel::kInfo},
                                                    {"debug", LogLevel::kDebug}}};

template <class Enum, std::size_t count>
constexpr std::string_view word_of(const WordTable<Enum, count>& table, Enum value) noexcept {
  for (const auto& [word, row] : table) {
    if (row == value) return word;
  }
  return {};
}

}  // namespace config
