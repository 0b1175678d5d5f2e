// SPDX-License-Identifier: Apache-2.0
#include "config/node.h"

#include <algorithm>
#include <charconv>

namespace config {
namespace {

template <class T>
std::optional<T> parse_whole(std::string_view text, int base) noexcept {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// One step of a JSON pointer, unescaped.
std::string take_step(std::string_view& pointer) {
  pointer.remove_prefix(1);
  const std::size_t slash = std::min(pointer.find('/'), pointer.size());
  std::string step;
  for (std::size_t i = 0; i < slash; ++i) {
    if (pointer[i] == '~' && i + 1 < slash) {
      step += pointer[++i] == '1' ? '/' : '~';
    } else {
      step += pointer[i];
    }
  }
  pointer.remove_prefix(slash);
  return step;
}

const Node* child(const Node& node, const std::string& step) noexcept {
  if (node.is_map()) return node.find(step);
  if (!node.is_list()) return nullptr;
  const auto index = parse_whole<std::size_t>(step, 10);
  return index && *index < node.items.size() ? &node.items[*index] : nullptr;
}

bool is_index(std::string_view step) {
  return !step.empty() && std::all_of(step.begin(), step.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

const Member* Node::find_member(std::string_view name) const noexcept {
  for (const Member& member : members) {
    if (member.key.text == name) return &member;
  }
  return nullptr;
}

const Node* Node::find(std::string_view name) const noexcept {
  const Member* member = find_member(name);
  return member ? &member->value : nullptr;
}

std::optional<bool> Node::as_bool() const noexcept {
  if (!is_scalar() || quoted) return std::nullopt;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

std::optional<std::uint64_t> Node::as_unsigned() const noexcept {
  if (!is_scalar() || quoted) return std::nullopt;
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.starts_with("0x")) return parse_whole<std::uint64_t>(digits.substr(2), 16);
  if (digits.starts_with("0o")) return parse_whole<std::uint64_t>(digits.substr(2), 8);
  return parse_whole<std::uint64_t>(digits, 10);
}

std::optional<std::int64_t> Node::as_signed() const noexcept {
  if (!is_scalar() || quoted) return std::nullopt;
  if (text.starts_with('-')) return parse_whole<std::int64_t>(text, 10);
  const auto value = as_unsigned();
  if (!value || *value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<double> Node::as_float() const noexcept {
  if (!is_scalar() || quoted || text.empty()) return std::nullopt;
  const char first = text.starts_with('-') || text.starts_with('+') ? text.c_str()[1] : text[0];
  if (first != '.' && (first < '0' || first > '9')) return std::nullopt;
  const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
  double value = 0;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::string_view> Node::as_text() const noexcept {
  if (!is_scalar()) return std::nullopt;
  return text;
}

std::string_view Node::type_word() const noexcept {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a mapping";
    case Kind::kScalar:
      break;
  }
  if (as_bool()) return "true or false";
  return as_unsigned() || as_signed() || as_float() ? "a number" : "text";
}

bool Node::operator==(const Node& other) const noexcept {
  if (kind != other.kind) return false;
  if (is_scalar()) return is_text() == other.is_text() && text == other.text;
  return items == other.items && members == other.members;
}

bool Member::operator==(const Member& other) const noexcept {
  return key.text == other.key.text && value == other.value;
}

std::string pointer_join(std::string_view pointer, std::string_view key) {
  std::string joined(pointer);
  joined += '/';
  for (const char c : key) {
    if (c == '~') {
      joined += "~0";
    } else if (c == '/') {
      joined += "~1";
    } else {
      joined += c;
    }
  }
  return joined;
}

std::string pointer_join(std::string_view pointer, std::size_t index) {
  return std::string(pointer) + '/' + std::to_string(index);
}

std::string pointer_to_words(std::string_view pointer) {
  std::string words;
  while (!pointer.empty()) {
    const std::string step = take_step(pointer);
    if (is_index(step)) {
      words += '[' + step + ']';
    } else {
      if (!words.empty()) words += '.';
      words += step;
    }
  }
  return words;
}

const Node* find_node(const Node& root, std::string_view pointer) noexcept {
  const Node* node = &root;
  while (node && !pointer.empty()) node = child(*node, take_step(pointer));
  return node;
}

const Node& nearest_node(const Node& root, std::string_view pointer) noexcept {
  const Node* node = &root;
  while (!pointer.empty()) {
    const Node* next = child(*node, take_step(pointer));
    if (!next) break;
    node = next;
  }
  return *node;
}

}  // namespace config
