// SPDX-License-Identifier: Apache-2.0
// units.h — sizes, counts, times, rates and fractions as people write them.
//
// Shape     text -> exact integer; nothing when it is not of that form or does not fit. K, M, G, T are powers of 1024
// in a
//           size ("2G", "64MiB") and of 1000 in a count ("4M").
// Threads   pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace config {

struct CountPerSeconds {
  std::uint32_t count = 0;
  std::uint32_t seconds = 1;

  bool operator==(const CountPerSeconds&) const = default;
};

std::optional<std::uint64_t> parse_size_bytes(std::string_view text) noexcept;  // 4096, 64K, 2G, 1.5G, 512MiB
std::optional<std::uint64_t> parse_count(std::string_view text) noexcept;       // 4194304, 4M, 64k
std::optional<std::uint64_t> parse_time_ns(std::string_view text) noexcept;     // 0, 50us, 1.5ms, 2s, 5m, 1h
std::optional<CountPerSeconds> parse_rate(std::string_view text) noexcept;      // 100/s, 6000/m, 10/h
std::optional<double> parse_fraction(std::string_view text) noexcept;           // 1/100, 0.5, 1

// The shortest text that reads back to the same value.
std::string format_size(std::uint64_t bytes);
std::string format_time(std::uint64_t ns);
std::string format_rate(CountPerSeconds rate);
// For people: "1254.0 MiB".
std::string format_mebibytes(std::uint64_t bytes);

}  // namespace config
