// SPDX-License-Identifier: Apache-2.0
// node.h — one value of a configuration file, with the place where it stands.
//
// Shape     null, scalar, list or mapping. A scalar keeps its text as written; what it means (number, address, name) is
//           decided by who reads it, so 0x10, 10.0.0.1 and "10" are all still there when BTF says what was meant.
// Threads   plain values; no sharing.
// Lifetime  owns its children. A Mark is an index into the Sources of the load it came from.
// Cost      about 120 bytes a node; the reader bounds the number of nodes (bounds.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

// A range of one line. Lines and columns count from 1; columns count characters, not bytes; end_column is one past the
// end.
struct Mark {
  int file = -1;  // index into Sources; -1: nowhere in particular
  int line = 0;
  int column = 0;
  int end_column = 0;

  bool known() const noexcept { return file >= 0; }
};

struct Member;

struct Node {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  bool quoted = false;  // "8" is text, 8 is a number
  std::string text;     // of a scalar
  std::vector<Node> items;
  std::vector<Member> members;
  Mark mark;

  bool is_null() const noexcept { return kind == Kind::kNull; }
  bool is_scalar() const noexcept { return kind == Kind::kScalar; }
  bool is_list() const noexcept { return kind == Kind::kList; }
  bool is_map() const noexcept { return kind == Kind::kMap; }

  // The value of key `name` of a mapping, or nullptr.
  const Node* find(std::string_view name) const noexcept;
  const Member* find_member(std::string_view name) const noexcept;

  // What the scalar means under YAML 1.2's core schema; nothing when it means something else. 0x and 0o are understood.
  std::optional<bool> as_bool() const noexcept;
  std::optional<std::uint64_t> as_unsigned() const noexcept;
  std::optional<std::int64_t> as_signed() const noexcept;
  std::optional<double> as_float() const noexcept;
  // Any scalar read as text, quoted or not.
  std::optional<std::string_view> as_text() const noexcept;

  // A scalar that cannot be anything but text: quoted, or neither number nor true or false.
  bool is_text() const noexcept {
    return is_scalar() && (quoted || (!as_bool() && !as_unsigned() && !as_signed() && !as_float()));
  }

  // "text", "number", "true or false", "list", "mapping", "nothing": for sentences.
  std::string_view type_word() const noexcept;

  // Same content; marks are not compared, nor the quotes of what is text without them too.
  bool operator==(const Node& other) const noexcept;
};

struct Member {
  Node key;  // always a scalar
  Node value;

  bool operator==(const Member& other) const noexcept;
};

// One JSON pointer step: "/ports/list" + "0" -> "/ports/list/0". '~' and '/' in a key are escaped as RFC 6901 has it.
std::string pointer_join(std::string_view pointer, std::string_view key);
std::string pointer_join(std::string_view pointer, std::size_t index);
// "/ports/list/0/queues/1/worker" -> "ports.list[0].queues[1].worker"
std::string pointer_to_words(std::string_view pointer);
// The node at `pointer` below `root`; nullptr when there is none.
const Node* find_node(const Node& root, std::string_view pointer) noexcept;
// The node, or else the nearest one above it: where an error about an absent key points.
const Node& nearest_node(const Node& root, std::string_view pointer) noexcept;

}  // namespace config
