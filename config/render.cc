// SPDX-License-Identifier: Apache-2.0
// Diagnostics as text for people and editors, and as JSON for programs.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "config/diagnostics.h"
#include "config/text.h"

namespace config {
namespace {

// A line longer than this is cut around the place: a file can be one line of megabytes.
constexpr int kShownColumnsMax = 160;
constexpr int kShownBefore = 80;

std::string place(const Diagnostics& diagnostics, Mark mark) {
  if (!mark.known()) return {};
  std::string text = printable(diagnostics.sources.name(mark.file));
  if (mark.line > 0) text += ":" + std::to_string(mark.line) + ":" + std::to_string(std::max(mark.column, 1));
  return text + ": ";
}

// The characters of a line that are shown, and which column the first of them is.
struct Window {
  std::string text;
  int first_column = 1;
  bool cut_before = false;
};

Window window_around(std::string_view line, int column) {
  Window window;
  if (column > kShownColumnsMax) {
    window.first_column = column - kShownBefore;
    window.cut_before = true;
  }
  const std::size_t begin = offset_of_column(line, window.first_column);
  const std::size_t end = offset_of_column(line, window.first_column + kShownColumnsMax);
  window.text = std::string(line.substr(begin, end - begin));
  return window;
}

std::string caret_line(const Window& window, Mark mark) {
  std::string carets;
  int column = window.first_column;
  for (std::size_t i = 0; i < window.text.size() && column < mark.column; ++column) {
    const std::size_t size = character_size(window.text[i]);
    carets += window.text[i] == '\t' ? std::string("\t") : std::string(is_wide(window.text, i) ? 2 : 1, ' ');
    i += size;
  }
  for (; column < mark.column; ++column) carets += ' ';
  carets += '^';
  const int end = std::min(mark.end_column, window.first_column + kShownColumnsMax);
  for (int c = mark.column + 1; c < end; ++c) carets += '~';
  return carets;
}

std::string quoted_source(const Diagnostics& diagnostics, Mark mark) {
  const std::string_view line = diagnostics.sources.line(mark.file, mark.line);
  if (!mark.known() || line.empty()) return {};
  const Window window = window_around(line, mark.column);
  char number[16];
  std::snprintf(number, sizeof number, "%5d", mark.line);
  const std::string dots = window.cut_before ? "..." : "";
  return std::string(number) + " | " + dots + window.text + "\n      | " + std::string(dots.size(), ' ') +
         caret_line(window, mark) + "\n";
}

std::string count_of(std::size_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

const char* severity_word(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

nlohmann::ordered_json mark_json(const Diagnostics& diagnostics, Mark mark) {
  nlohmann::ordered_json json;
  json["file"] = mark.known() ? printable(diagnostics.sources.name(mark.file)) : "";
  json["line"] = mark.line;
  json["column"] = mark.column;
  json["endColumn"] = std::max(mark.end_column, mark.column);
  return json;
}

}  // namespace

std::string render_text(const Diagnostics& diagnostics, std::string_view program) {
  std::string out;
  for (const Diagnostic& d : diagnostics.sorted()) {
    const std::string words = pointer_to_words(d.pointer);
    out += place(diagnostics, d.mark) + severity_word(d.severity) + ": ";
    if (!words.empty()) out += printable(words) + ": ";
    out += printable(d.message) + "\n" + quoted_source(diagnostics, d.mark);
    for (const Note& note : d.notes) out += place(diagnostics, note.mark) + "note: " + printable(note.message) + "\n";
  }
  if (out.empty()) return out;
  out += std::string(program) + ": " + count_of(diagnostics.error_count(), "error") + ", " +
         count_of(diagnostics.warning_count(), "warning");
  if (!diagnostics.ok()) out += "; configuration not applied";
  return out + "\n";
}

std::string render_json(const Diagnostics& diagnostics) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Diagnostic& d : diagnostics.sorted()) {
    nlohmann::ordered_json item = mark_json(diagnostics, d.mark);
    item["severity"] = severity_word(d.severity);
    item["code"] = code_text(d.code);
    item["path"] = d.pointer;
    item["message"] = d.message;
    for (const Note& note : d.notes) {
      nlohmann::ordered_json json = mark_json(diagnostics, note.mark);
      json["message"] = note.message;
      item["notes"].push_back(std::move(json));
    }
    list.push_back(std::move(item));
  }
  return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace config
