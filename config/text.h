// SPDX-License-Identifier: Apache-2.0
// text.h — UTF-8, columns, near-miss spelling and lists of words: what sentences about a text file need.
//
// Threads   pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

// Bytes of the character that begins with `first`; 1 for a byte that begins none.
std::size_t character_size(char first) noexcept;
// Does the character at `offset` take two columns of a terminal?
bool is_wide(std::string_view text, std::size_t offset) noexcept;
// Byte offset of column `column` (from 1) of a line; the line's size when it is shorter.
std::size_t offset_of_column(std::string_view line, int column) noexcept;
// Column (from 1) of byte `offset` of a line.
int column_of_offset(std::string_view line, std::size_t offset) noexcept;

// Offset of the first byte that is not UTF-8 text: a broken sequence, or a control character other than tab and line
// ends.
std::optional<std::size_t> find_non_text(std::string_view text) noexcept;
// Control characters and broken bytes as \xNN: what is printed cannot steer a terminal.
std::string printable(std::string_view text);

// The candidate that `word` was most likely meant to be; nothing when none is near, or two are equally. Case and '_'
// for '-' count as nothing.
std::optional<std::string> suggest(std::string_view word, const std::vector<std::string>& candidates);
// Number of letters to insert, delete, replace or swap with a neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b);
// "w0, w1, w2"; after `max` of them ", … (12 more)". "none" when there are none.
std::string join_words(const std::vector<std::string>& words, std::size_t max = 12);

}  // namespace config
