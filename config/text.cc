// SPDX-License-Identifier: Apache-2.0
#include "config/text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace config {
namespace {

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

bool is_continuation(std::string_view text, std::size_t i) {
  return i < text.size() && (byte_at(text, i) & 0xc0) == 0x80;
}

// The code point at `i` and its size; size 0 when the bytes are not a shortest-form sequence of a scalar value.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t size = 0;
};

CodePoint decode(std::string_view text, std::size_t i) {
  const std::size_t size = character_size(text[i]);
  const std::uint32_t first = byte_at(text, i);
  if (size == 1) return first < 0x80 ? CodePoint{first, 1} : CodePoint{};
  std::uint32_t value = first & (0x7fu >> size);
  for (std::size_t k = 1; k < size; ++k) {
    if (!is_continuation(text, i + k)) return {};
    value = value << 6 | (byte_at(text, i + k) & 0x3fu);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[size] || value > 0x10ffff || surrogate) return {};
  return {value, size};
}

bool is_control(std::uint32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfeff || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

std::string spelling(std::string_view word) {
  std::string plain(word);
  for (char& c : plain) {
    if (c == '_') c = '-';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return plain;
}

}  // namespace

std::size_t character_size(char first) noexcept {
  const auto byte = static_cast<unsigned char>(first);
  if (byte >= 0xf0 && byte < 0xf8) return 4;
  if (byte >= 0xe0 && byte < 0xf0) return 3;
  if (byte >= 0xc0 && byte < 0xe0) return 2;
  return 1;
}

bool is_wide(std::string_view text, std::size_t offset) noexcept {
  struct Range {
    std::uint32_t first, last;
  };
  // Unicode East Asian Width W and F, in blocks.
  constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                             {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                             {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
  const CodePoint c = decode(text, offset);
  return std::any_of(std::begin(kWide), std::end(kWide),
                     [&](const Range& r) { return c.value >= r.first && c.value <= r.last; });
}

std::size_t offset_of_column(std::string_view line, int column) noexcept {
  std::size_t offset = 0;
  for (int c = 1; c < column && offset < line.size(); ++c) offset += character_size(line[offset]);
  return std::min(offset, line.size());
}

int column_of_offset(std::string_view line, std::size_t offset) noexcept {
  int column = 1;
  for (std::size_t i = 0; i < offset && i < line.size(); ++column) i += character_size(line[i]);
  return column;
}

std::optional<std::size_t> find_non_text(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = decode(text, i);
    if (c.size == 0 || is_control(c.value)) return i;
    i += c.size;
  }
  return std::nullopt;
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = decode(text, i);
    const std::size_t size = std::max<std::size_t>(c.size, 1);
    if (c.size > 0 && !is_control(c.value) && c.value != '\n' && c.value != '\r') {
      out += text.substr(i, size);
    } else {
      for (std::size_t k = 0; k < size; ++k) {
        char escape[8];
        std::snprintf(escape, sizeof escape, "\\x%02x", byte_at(text, i + k));
        out += escape;
      }
    }
    i += size;
  }
  return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the optimal string alignment table: the row two above is what a swap of neighbours continues.
  std::vector<std::size_t> above2(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, above[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], above2[j - 2] + 1);
    }
    std::swap(above2, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::optional<std::string> suggest(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t kWordMax = 64;  // the table is quadratic, and nothing of ours is longer
  if (word.size() > kWordMax) return std::nullopt;
  const std::string wanted = spelling(word);
  std::optional<std::string> best;
  // One letter in three may be wrong; two equally near candidates are no help, and of w3 and w0 neither is a
  // misspelling.
  std::size_t best_distance = wanted.size() / 3 + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kWordMax) continue;
    const std::size_t distance = edit_distance(wanted, spelling(candidate));
    if (distance == best_distance) best.reset();
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::string join_words(const std::vector<std::string>& words, std::size_t max) {
  if (words.empty()) return "none";
  std::string joined;
  for (std::size_t i = 0; i < words.size() && i < max; ++i) joined += (i ? ", " : "") + words[i];
  if (words.size() > max) joined += ", … (" + std::to_string(words.size() - max) + " more)";
  return joined;
}

}  // namespace config
