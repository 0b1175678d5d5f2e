// SPDX-License-Identifier: Apache-2.0
#include "config/units.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <span>

namespace config {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

constexpr std::uint64_t kKi = 1024;
constexpr Unit kSizes[] = {{"", 1},
                           {"B", 1},
                           {"K", kKi},
                           {"k", kKi},
                           {"KiB", kKi},
                           {"M", kKi* kKi},
                           {"MiB", kKi* kKi},
                           {"G", kKi* kKi* kKi},
                           {"GiB", kKi* kKi* kKi},
                           {"T", kKi* kKi* kKi* kKi},
                           {"TiB", kKi* kKi* kKi* kKi}};
constexpr Unit kCounts[] = {{"", 1}, {"k", 1000}, {"K", 1000}, {"M", 1'000'000}, {"G", 1'000'000'000}};
constexpr Unit kTimes[] = {{"ns", 1},
                           {"us", 1000},
                           {"µs", 1000},
                           {"ms", 1'000'000},
                           {"s", 1'000'000'000},
                           {"m", 60'000'000'000},
                           {"h", 3'600'000'000'000}};
constexpr Unit kPeriods[] = {{"/s", 1}, {"/m", 60}, {"/min", 60}, {"/h", 3600}};

// Digits, and at most one point with digits after it.
struct Decimal {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0;
  std::uint64_t fraction_scale = 1;  // fraction / fraction_scale
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<Decimal> take_decimal(std::string_view& text) noexcept {
  Decimal d;
  const char* end = text.data() + text.size();
  auto [after, error] = std::from_chars(text.data(), end, d.whole);
  if (error != std::errc{} || !is_digit(text[0])) return std::nullopt;
  if (after + 1 < end && *after == '.' && is_digit(after[1])) {
    constexpr std::uint64_t kScaleMax = 1'000'000'000;
    for (++after; after < end && is_digit(*after); ++after) {
      if (d.fraction_scale >= kScaleMax) return std::nullopt;
      d.fraction = d.fraction * 10 + static_cast<std::uint64_t>(*after - '0');
      d.fraction_scale *= 10;
    }
  }
  text.remove_prefix(static_cast<std::size_t>(after - text.data()));
  return d;
}

// One space may stand between a number and its unit, as in the schema's patterns.
std::string_view behind_space(std::string_view text) {
  return text.starts_with(' ') ? text.substr(1) : text;
}

const Unit* find_unit(std::span<const Unit> units, std::string_view suffix) {
  for (const Unit& unit : units) {
    if (unit.suffix == suffix) return &unit;
  }
  return nullptr;
}

// decimal × factor, when that is a whole number that fits.
std::optional<std::uint64_t> scale(const Decimal& d, std::uint64_t factor) {
  using Wide = unsigned __int128;
  const Wide part = Wide{d.fraction} * factor;
  if (part % d.fraction_scale != 0) return std::nullopt;
  const Wide value = Wide{d.whole} * factor + part / d.fraction_scale;
  if (value > UINT64_MAX) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

std::optional<std::uint64_t> parse_scaled(std::string_view text, std::span<const Unit> units) noexcept {
  const auto d = take_decimal(text);
  const Unit* unit = d ? find_unit(units, behind_space(text)) : nullptr;
  return unit ? scale(*d, unit->factor) : std::nullopt;
}

double to_double(const Decimal& d) {
  return static_cast<double>(d.whole) + static_cast<double>(d.fraction) / static_cast<double>(d.fraction_scale);
}

std::string format_scaled(std::uint64_t value, std::initializer_list<Unit> units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) return std::to_string(value / unit.factor) + std::string(unit.suffix);
  }
  return std::to_string(value);
}

}  // namespace

std::optional<std::uint64_t> parse_size_bytes(std::string_view text) noexcept {
  return parse_scaled(text, kSizes);
}
std::optional<std::uint64_t> parse_count(std::string_view text) noexcept {
  return parse_scaled(text, kCounts);
}

std::optional<std::uint64_t> parse_time_ns(std::string_view text) noexcept {
  if (text == "0") return 0;  // the only time that needs no unit
  return parse_scaled(text, kTimes);
}

std::optional<CountPerSeconds> parse_rate(std::string_view text) noexcept {
  const auto d = take_decimal(text);
  const Unit* period = d ? find_unit(kPeriods, behind_space(text)) : nullptr;
  if (!period || d->fraction != 0 || d->whole > UINT32_MAX) return std::nullopt;
  return CountPerSeconds{static_cast<std::uint32_t>(d->whole), static_cast<std::uint32_t>(period->factor)};
}

std::optional<double> parse_fraction(std::string_view text) noexcept {
  const auto above = take_decimal(text);
  if (!above) return std::nullopt;
  double value = to_double(*above);
  if (text.starts_with('/')) {
    text.remove_prefix(1);
    const auto below = take_decimal(text);
    if (!below || to_double(*below) == 0) return std::nullopt;
    value /= to_double(*below);
  }
  if (!text.empty() || value > 1) return std::nullopt;
  return value;
}

std::string format_size(std::uint64_t bytes) {
  return format_scaled(bytes, {{"T", kKi * kKi * kKi * kKi}, {"G", kKi * kKi * kKi}, {"M", kKi * kKi}, {"K", kKi}});
}

std::string format_time(std::uint64_t ns) {
  return format_scaled(ns, {{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1000}, {"ns", 1}});
}

std::string format_rate(CountPerSeconds rate) {
  for (const Unit& period : kPeriods) {
    if (period.factor == rate.seconds) return std::to_string(rate.count) + std::string(period.suffix);
  }
  return std::to_string(rate.count) + "/s";
}

std::string format_mebibytes(std::uint64_t bytes) {
  char text[48];
  std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1024.0 * 1024.0));
  return text;
}

}  // namespace config
