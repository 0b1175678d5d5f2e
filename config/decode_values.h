// SPDX-License-Identifier: Apache-2.0
// decode_values.h — one value of a mapping into one member of a struct. What is absent or of the wrong form changes
// nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/node.h"
#include "config/units.h"

namespace config {

// A mapping that may be absent.
class Fields {
 public:
  explicit Fields(const Node* node) : node_(node && node->is_map() ? node : nullptr) {}
  explicit Fields(const Node& node) : Fields(&node) {}

  const Node* find(std::string_view key) const noexcept { return node_ ? node_->find(key) : nullptr; }
  Fields below(std::string_view key) const noexcept { return Fields(find(key)); }

  void read(std::string_view key, std::string& out) const {
    if (const Node* n = find(key); n && n->is_scalar()) out = n->text;
  }
  void read(std::string_view key, bool& out) const {
    if (const Node* n = find(key)) out = n->as_bool().value_or(out);
  }
  void read(std::string_view key, std::uint32_t& out) const {
    if (const auto value = number(key)) out = *value;
  }
  // `auto` takes the value away again, so that an item can undo a default.
  void read(std::string_view key, std::optional<std::uint32_t>& out) const {
    const Node* n = find(key);
    if (n && n->is_scalar() && n->text == "auto") out.reset();
    if (const auto value = number(key)) out = value;
  }
  void read(std::string_view key, std::vector<std::string>& out) const {
    const Node* n = find(key);
    if (!n || !n->is_list()) return;
    out.clear();
    for (const Node& item : n->items) {
      if (item.is_scalar()) out.push_back(item.text);
    }
  }
  template <class Parsed, class T>
  void read_with(std::string_view key, std::optional<Parsed> (*parse)(std::string_view) noexcept, T& out) const {
    const Node* n = find(key);
    if (!n || !n->is_scalar()) return;
    if (const auto value = parse(n->text)) out = *value;
  }
  template <class Enum, std::size_t count>
  void read_word(std::string_view key, const std::array<std::pair<std::string_view, Enum>, count>& words,
                 Enum& out) const {
    const Node* n = find(key);
    if (!n || !n->is_scalar()) return;
    for (const auto& [word, value] : words) {
      if (n->text == word) out = value;
    }
  }

 private:
  std::optional<std::uint32_t> number(std::string_view key) const {
    const Node* n = find(key);
    const auto value = n ? n->as_unsigned() : std::nullopt;
    if (!value || *value > UINT32_MAX) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
  }

  const Node* node_;
};

}  // namespace config
