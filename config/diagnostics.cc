// SPDX-License-Identifier: Apache-2.0
#include "config/diagnostics.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>

#include "config/bounds.h"

namespace config {
namespace {

constexpr int kExitConfig = 78;  // EX_CONFIG

constexpr CodeInfo kCodes[] = {
#define SLUICE_CONFIG_ERROR(number, name, severity, what) {Code::k##name, Severity::k##severity, #name, what},
#include "config/errors.def"
};

constexpr bool codes_ascend() {
  for (std::size_t i = 1; i < std::size(kCodes); ++i) {
    if (kCodes[i - 1].code >= kCodes[i].code) return false;
  }
  return true;
}
static_assert(codes_ascend(), "errors.def: numbers ascend, so that each exists once");

auto place_of(const Diagnostic& d) {
  return std::tie(d.mark.file, d.mark.line, d.mark.column);
}

}  // namespace

const CodeInfo& code_info(Code code) noexcept {
  return *std::lower_bound(std::begin(kCodes), std::end(kCodes), code,
                           [](const CodeInfo& row, Code wanted) { return row.code < wanted; });
}

std::string code_text(Code code) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "E%04u", static_cast<unsigned>(code) % 10000u);
  return text.data();
}

int Sources::add(std::string name, std::string text, std::string directory) {
  File file{std::move(name), std::move(text), std::move(directory), {0}};
  for (std::size_t i = 0; i < file.text.size(); ++i) {
    if (file.text[i] == '\n') file.line_starts.push_back(i + 1);
  }
  files_.push_back(std::move(file));
  return static_cast<int>(files_.size()) - 1;
}

std::string_view Sources::line(int file, int line) const {
  if (file < 0 || static_cast<std::size_t>(file) >= files_.size() || line < 1) return {};
  const File& f = files_[static_cast<std::size_t>(file)];
  const auto index = static_cast<std::size_t>(line) - 1;
  if (index >= f.line_starts.size()) return {};
  // No search for the end: it would make a file of one line cost the square of its length.
  const std::size_t begin = f.line_starts[index];
  const std::size_t end = index + 1 < f.line_starts.size() ? f.line_starts[index + 1] - 1 : f.text.size();
  std::string_view text = std::string_view(f.text).substr(begin, end - begin);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

Diagnostic& Diagnostics::add(Code code, const Where& where, Mark mark, std::string message) {
  const Severity severity = code_info(code).severity;
  ++(severity == Severity::kError ? error_count_ : warning_count_);
  Diagnostic diagnostic{code, severity, where.pointer, mark, std::move(message), {}};
  if (list_.size() >= kDiagnosticsMax) {
    ++dropped_count_;
    dropped_ = std::move(diagnostic);
    return dropped_;
  }
  list_.push_back(std::move(diagnostic));
  return list_.back();
}

Diagnostic& Diagnostics::add(Code code, const Where& where, std::string message) {
  return add(code, where, value_mark(where), std::move(message));
}

Mark Diagnostics::value_mark(const Where& where) const {
  const Mark mark = nearest_node(tree_, where.pointer).mark;
  return mark.known() || sources.count() == 0 ? mark : Mark{.file = 0};
}

Mark Diagnostics::key_mark(const Where& where) const {
  const std::size_t slash = where.pointer.rfind('/');
  if (slash == std::string::npos) return value_mark(where);
  const Node* parent = find_node(tree_, std::string_view(where.pointer).substr(0, slash));
  const Node* value = find_node(tree_, where.pointer);
  if (parent && value) {
    for (const Member& member : parent->members) {
      if (&member.value == value) return member.key.mark;
    }
  }
  return value_mark(where);
}

bool Diagnostics::has_error_below(std::string_view pointer) const noexcept {
  return std::any_of(list_.begin(), list_.end(), [&](const Diagnostic& d) {
    return d.severity == Severity::kError && d.pointer.starts_with(pointer) &&
           (d.pointer.size() == pointer.size() || d.pointer[pointer.size()] == '/');
  });
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<const Diagnostic*> order;
  for (const Diagnostic& d : list_) order.push_back(&d);
  // What stands at one place keeps the order in which it was found, which is that of list_.
  std::sort(order.begin(), order.end(), [](const Diagnostic* a, const Diagnostic* b) {
    return std::tuple_cat(place_of(*a), std::tie(a)) < std::tuple_cat(place_of(*b), std::tie(b));
  });
  std::vector<Diagnostic> list;
  for (const Diagnostic* d : order) list.push_back(*d);
  if (dropped_count_ > 0) {
    list.push_back(
        {dropped_.code, dropped_.severity, "", {}, std::to_string(dropped_count_) + " more are not shown", {}});
  }
  return list;
}

int exit_code(const Diagnostics& diagnostics) noexcept {
  return diagnostics.ok() ? 0 : kExitConfig;
}

}  // namespace config
