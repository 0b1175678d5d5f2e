// SPDX-License-Identifier: Apache-2.0
// The part of JSON Schema (draft 7) that v1.json uses, told in sentences.
#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "config/schema.h"
#include "config/text.h"
#include "config/units.h"

namespace config {
namespace {

using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

const Json& schema() {
  static const Json parsed = Json::parse(kSchemaText);
  return parsed;
}

Words to_words(const Json& list) {
  Words words;
  for (const Json& item : list) words.push_back(item.is_string() ? item.get<std::string>() : item.dump());
  return words;
}

Words keys_of(const Json& object) {
  Words words;
  for (const auto& [key, value] : object.items()) words.push_back(key);
  return words;
}

// The words of an enum without those whose feature does not exist yet.
Words available_words(const Json& s) {
  const Json planned = s.value("x-planned-values", Json::object());
  Words words = to_words(s["enum"]);
  std::erase_if(words, [&](const std::string& word) { return planned.contains(word); });
  return words;
}

bool allows_type(const Json& s, std::string_view type) {
  const auto found = s.find("type");
  if (found == s.end()) return true;
  if (found->is_string()) return found->get<std::string>() == type;
  return std::any_of(found->begin(), found->end(), [&](const Json& t) { return t.get<std::string>() == type; });
}

bool has_content(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return false;
    case Node::Kind::kScalar:
      return true;
    case Node::Kind::kList:
      return !node.items.empty();
    case Node::Kind::kMap:
      // A mapping of empty things says nothing either: `capture: { sessions: [] }`.
      return std::any_of(node.members.begin(), node.members.end(),
                         [](const Member& m) { return has_content(m.value); });
  }
  return false;
}

std::string did_you_mean(std::string_view word, const Words& candidates) {
  const auto near = suggest(word, candidates);
  return near ? "; did you mean '" + *near + "'?" : "";
}

std::string shown(const Node& node) {
  constexpr std::size_t kShownMax = 40;
  if (!node.is_scalar()) return std::string(node.type_word());
  std::string text = node.text.substr(0, offset_of_column(node.text, kShownMax + 1));
  if (text.size() < node.text.size()) text += "…";
  return "'" + text + "'";
}

struct UnitForm {
  const char* words;
  std::function<bool(std::string_view)> reads;
};

const std::map<std::string, UnitForm, std::less<>>& unit_forms() {
  static const std::map<std::string, UnitForm, std::less<>> forms = {
      {"size",
       {"a size in bytes such as 4096, 64K, 512M or 2G", [](auto t) { return parse_size_bytes(t).has_value(); }}},
      {"count", {"a number such as 65536, 64k or 4M", [](auto t) { return parse_count(t).has_value(); }}},
      {"time", {"a time with its unit, such as 50us, 1ms or 2s", [](auto t) { return parse_time_ns(t).has_value(); }}},
      {"rate", {"a rate such as 100/s or 10/m", [](auto t) { return parse_rate(t).has_value(); }}},
  };
  return forms;
}

class Explainer {
 public:
  explicit Explainer(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void visit(const Node& node, const Json& raw, const Where& where) {
    const Json& s = resolve(raw);
    if (const auto planned = find_planned(raw, s)) {
      if (has_content(node)) {
        diagnostics_.add(Code::kNotAvailable, where, diagnostics_.key_mark(where), "not available yet: " + *planned);
      } else if (!node.is_null()) {
        check_type(node, s, where);
      }
      return;
    }
    if (node.is_null() && allows_type(s, "null")) return;
    if (s.contains("x-auto") && node.is_scalar() && node.text == "auto") return;
    if (s.contains("x-unit")) return visit_unit(node, s, where);
    if (!check_type(node, s, where)) return;
    if (node.is_scalar()) return visit_scalar(node, s, where);
    if (node.is_list()) return visit_list(node, s, where);
    if (node.is_map()) visit_map(node, s, where);
  }

 private:
  static const Json& resolve(const Json& s) {
    const Json* at = &s;
    while (at->is_object() && at->contains("$ref")) {
      // Ours all begin with "#", and point into definitions.
      const auto ref = at->at("$ref").get<std::string>();
      at = &schema().at(Json::json_pointer(ref.substr(1)));
    }
    return *at;
  }

  static std::optional<std::string> find_planned(const Json& raw, const Json& s) {
    for (const Json* at : {&raw, &s}) {
      if (at->is_object() && at->contains("x-planned")) return at->at("x-planned").get<std::string>();
    }
    return std::nullopt;
  }

  void add(Code code, const Where& where, const Node& node, std::string message) {
    diagnostics_.add(code, where, node.mark, std::move(message));
  }

  static std::string expected(const Json& s) {
    if (s.contains("x-words") && allows_type(s, "array")) return s["x-words"].get<std::string>();
    if (s.contains("x-auto"))
      return allows_type(s, "array") ? "a list, or the word auto" : "a whole number, or the word auto";
    if (s.contains("enum") && allows_type(s, "string")) return "one of " + join_words(available_words(s));
    if (allows_type(s, "object")) return "a mapping of keys to values";
    if (allows_type(s, "array")) return "a list";
    if (allows_type(s, "integer")) return "a whole number below 2^64";
    if (allows_type(s, "boolean")) return "true or false";
    return "text";
  }

  static bool fits_type(const Node& node, const Json& s) {
    if (!s.contains("type")) return true;
    if (node.is_null()) return allows_type(s, "null");
    if (node.is_map()) return allows_type(s, "object");
    if (node.is_list()) return allows_type(s, "array");
    if (node.as_bool()) return allows_type(s, "boolean");
    if (node.as_signed() || node.as_unsigned()) return allows_type(s, "integer");
    return allows_type(s, "string") && !s.contains("x-auto") && !node.as_float();
  }

  // What is wrong is often only the quotes: say so.
  static std::string hint(const Node& node, const Json& s) {
    const bool wants_text = allows_type(s, "string") && !s.contains("x-auto");
    if (wants_text && node.is_null() && !node.text.empty()) {
      return "; bare " + node.text + " is YAML's nothing, write \"" + node.text + "\" in quotes";
    }
    if (!node.is_scalar()) return "";
    if (wants_text && !node.quoted) return "; write \"" + node.text + "\" in quotes";
    Node bare = node;
    bare.quoted = false;
    if (node.quoted && fits_type(bare, s)) return "; write it without quotes";
    for (const std::string_view word : {"yes", "on", "y"}) {
      if (allows_type(s, "boolean") && node.text == word) return "; write true";
    }
    for (const std::string_view word : {"no", "off", "n"}) {
      if (allows_type(s, "boolean") && node.text == word) return "; write false";
    }
    return "";
  }

  bool check_type(const Node& node, const Json& s, const Where& where) {
    if (fits_type(node, s)) return true;
    // Of a number or a truth value the text says what it is.
    const std::string got = node.is_text() ? "text " + shown(node) : shown(node);
    add(Code::kWrongType, where, node, "must be " + expected(s) + ", not " + got + hint(node, s));
    return false;
  }

  void visit_unit(const Node& node, const Json& s, const Where& where) {
    const UnitForm& form = unit_forms().at(s["x-unit"].get<std::string>());
    if (!node.is_scalar()) {
      add(Code::kWrongType, where, node,
          std::string("must be ") + form.words + ", not " + std::string(node.type_word()));
    } else if (!form.reads(node.text) || node.text.size() > s.value("maxLength", std::size_t{32})) {
      add(Code::kBadUnit, where, node, shown(node) + " is not " + form.words);
    } else if (s["x-unit"] == "count") {
      check_range(node, *parse_count(node.text), s, where);
    }
  }

  void check_range(const Node& node, std::uint64_t value, const Json& s, const Where& where) {
    const auto low = s.value("minimum", std::uint64_t{0});
    const auto high = s.value("maximum", UINT64_MAX);
    if (value >= low && value <= high) return;
    add(Code::kOutOfRange, where, node,
        "must be from " + std::to_string(low) + " to " + std::to_string(high) + ", not " + node.text);
  }

  void visit_scalar(const Node& node, const Json& s, const Where& where) {
    if (s.contains("enum")) return check_enum(node, s, where);
    if (allows_type(s, "integer") && s.contains("type")) {
      if (const auto value = node.as_unsigned()) return check_range(node, *value, s, where);
      if (node.as_signed()) {
        add(Code::kOutOfRange, where, node, "must not be negative: " + node.text);
        return;
      }
    }
    if (allows_type(s, "string") && s.contains("type")) check_text(node, s, where);
  }

  void check_enum(const Node& node, const Json& s, const Where& where) {
    const Words words = to_words(s["enum"]);
    const Words available = available_words(s);
    const Json planned = s.value("x-planned-values", Json::object());
    if (where.pointer == "/version" && node.text != words.front()) {
      add(Code::kVersion, where, node, "this program reads version " + words.front() + ", not " + node.text);
    } else if (std::find(words.begin(), words.end(), node.text) == words.end()) {
      add(Code::kNotOneOf, where, node,
          shown(node) + " is not one of " + join_words(available, 16) + did_you_mean(node.text, words));
    } else if (planned.contains(node.text)) {
      add_planned_value(node, planned[node.text].get<std::string>(), available, where);
    }
  }

  void add_planned_value(const Node& node, const std::string& why, const Words& available, const Where& where) {
    const std::string have = " (available: " + join_words(available) + ")";
    if (why == "hook") {
      add(Code::kHookNotAvailable, where, node, "hook '" + node.text + "' is not available yet" + have);
    } else {
      add(Code::kNotAvailable, where, node, "'" + node.text + "' is not available yet: " + why + have);
    }
  }

  void check_text(const Node& node, const Json& s, const Where& where) {
    const auto size_min = s.value("minLength", std::size_t{0});
    const auto size_max = s.value("maxLength", SIZE_MAX);
    // In bytes, which is at least as strict as the schema's characters.
    if (node.text.size() < size_min) {
      add(Code::kWrongLength, where, node, "must not be empty");
    } else if (node.text.size() > size_max) {
      add(Code::kWrongLength, where, node,
          "is " + std::to_string(node.text.size()) + " bytes long; at most " + std::to_string(size_max) +
              " are allowed");
    } else if (s.contains("pattern") && !std::regex_search(node.text, pattern(s["pattern"].get<std::string>()))) {
      add(Code::kBadForm, where, node, shown(node) + " is not " + s.value("x-words", "of the form required here"));
    }
  }

  const std::regex& pattern(const std::string& text) {
    auto found = patterns_.find(text);
    if (found == patterns_.end()) found = patterns_.emplace(text, std::regex(text)).first;
    return found->second;
  }

  void visit_list(const Node& node, const Json& s, const Where& where) {
    const auto count_min = s.value("minItems", std::size_t{0});
    const auto count_max = s.value("maxItems", SIZE_MAX);
    if (node.items.size() < count_min) {
      add(Code::kWrongLength, where, node, "must not be empty");
    } else if (node.items.size() > count_max) {
      add(Code::kWrongLength, where, node,
          "has " + std::to_string(node.items.size()) + " items; at most " + std::to_string(count_max) + " are allowed");
    }
    if (!s.contains("items")) return;
    for (std::size_t i = 0; i < node.items.size(); ++i) visit(node.items[i], s["items"], where / i);
  }

  void visit_map(const Node& node, const Json& s, const Where& where) {
    static const Json kNone = Json::object();
    const Json& properties = s.contains("properties") ? s["properties"] : kNone;
    check_required(node, s, where, "");
    for (const Member& member : node.members) {
      const Where here = where / member.key.text;
      if (properties.contains(member.key.text)) {
        visit(member.value, properties[member.key.text], here);
      } else {
        visit_additional(member, properties, s, here);
      }
    }
    check_dependencies(node, s, where);
    check_conditions(node, s, where);
  }

  void visit_additional(const Member& member, const Json& properties, const Json& s, const Where& here) {
    if (!s.contains("additionalProperties")) return;
    const Json& additional = s["additionalProperties"];
    if (additional.is_boolean()) {
      if (additional.get<bool>()) return;
      const Words known = keys_of(properties);
      std::string advice = did_you_mean(member.key.text, known);
      if (advice.empty()) advice = " (known here: " + join_words(known, 24) + ")";
      add(Code::kUnknownKey, here, member.key, "unknown key '" + member.key.text + "'" + advice);
      return;
    }
    if (s.contains("propertyNames")) check_key(member.key, s["propertyNames"], here);
    visit(member.value, additional, here);
  }

  void check_key(const Node& key, const Json& names, const Where& here) {
    if (names.contains("enum")) {
      const Words known = to_words(names["enum"]);
      if (std::find(known.begin(), known.end(), key.text) == known.end()) {
        add(Code::kUnknownKey, here, key,
            "unknown key '" + key.text + "'" + did_you_mean(key.text, known) + " (known here: " + join_words(known) +
                ")");
      }
      return;
    }
    const bool fits = key.text.size() <= names.value("maxLength", SIZE_MAX) &&
                      std::regex_search(key.text, pattern(names["pattern"].get<std::string>()));
    if (!fits) add(Code::kBadForm, here, key, shown(key) + " is not a name");
  }

  // Is there an unknown key that was meant to be `key`? Then that is the error, and not that `key` is missing.
  static bool is_misspelt(const Node& node, const Json& properties, const std::string& key) {
    return std::any_of(node.members.begin(), node.members.end(), [&](const Member& m) {
      return !properties.contains(m.key.text) && suggest(m.key.text, keys_of(properties)) == key;
    });
  }

  void check_required(const Node& node, const Json& s, const Where& where, const std::string& whose) {
    if (!s.contains("required")) return;
    for (const std::string& key : to_words(s["required"])) {
      if (node.find(key) || (s.contains("properties") && is_misspelt(node, s["properties"], key))) continue;
      add(Code::kMissingKey, where, node, whose + "required key '" + key + "' is missing");
    }
  }

  // v1.json uses `dependencies` for keys that only some kinds of port have.
  void check_dependencies(const Node& node, const Json& s, const Where& where) {
    if (!s.contains("dependencies")) return;
    const Node* kind = node.find("kind");
    if (!kind || !kind->is_scalar()) return;
    const Words kinds = to_words(s["properties"]["kind"]["enum"]);
    if (std::find(kinds.begin(), kinds.end(), kind->text) == kinds.end()) return;
    for (const Member& member : node.members) {
      if (!s["dependencies"].contains(member.key.text)) continue;
      const Words of = to_words(s["dependencies"][member.key.text]["properties"]["kind"]["enum"]);
      if (std::find(of.begin(), of.end(), kind->text) != of.end()) continue;
      add(Code::kWrongKind, where / member.key.text, member.key,
          "key '" + member.key.text + "' belongs to ports of kind " + join_words(of) + "; this one is of kind " +
              kind->text);
    }
  }

  // allOf of { if: { properties: { KEY: { const: WORD } } }, then: … }: what one kind or one hook requires.
  void check_conditions(const Node& node, const Json& s, const Where& where) {
    if (!s.contains("allOf")) return;
    for (const Json& rule : s["allOf"]) {
      const auto condition = rule["if"]["properties"].begin();
      const std::string key = condition.key();
      const auto word = condition.value()["const"].get<std::string>();
      const Node* chosen = node.find(key);
      if (!chosen || !chosen->is_scalar() || chosen->text != word) continue;
      const Json& then = rule["then"];
      check_required(node, then, where, key + " " + word + ": ");
      if (!then.contains("properties")) continue;
      for (const auto& [name, value] : then["properties"].items()) {
        if (const Node* found = node.find(name)) visit(*found, value, where / name);
      }
    }
  }

  Diagnostics& diagnostics_;
  std::map<std::string, std::regex> patterns_;
};

}  // namespace

void explain_schema(Diagnostics& diagnostics, const Node& root) {
  Explainer(diagnostics).visit(root, schema(), {});
}

}  // namespace config
