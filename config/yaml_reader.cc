// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <istream>
#include <map>
#include <set>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include "config/bounds.h"
#include "config/text.h"

namespace config {
namespace {

// What an event handler throws to end the parse; caught in read_yaml.
struct Stop {
  Code code;
  Mark mark;
  std::string message;
};

// Turns yaml-cpp's places (line and byte, from 0) into marks. Places come in nearly ascending order, so the column of
// the last one is where counting goes on: a file of one line stays linear.
class Marker {
 public:
  Marker(const Sources& sources, int file) : sources_(sources), file_(file) {}

  Mark at(const YAML::Mark& place) { return make(place, 1); }

  // The range of a scalar as it stands in the source.
  Mark of_scalar(const YAML::Mark& place, std::string_view value) {
    return make(place, token_bytes(rest_of_line(place), value));
  }

  std::string_view rest_of_line(const YAML::Mark& place) const {
    const std::string_view line = sources_.line(file_, place.line + 1);
    return line.substr(std::min(line.size(), static_cast<std::size_t>(std::max(place.column, 0))));
  }

 private:
  Mark make(const YAML::Mark& place, std::size_t bytes) {
    const std::string_view line = sources_.line(file_, place.line + 1);
    const std::size_t begin = std::min(line.size(), static_cast<std::size_t>(std::max(place.column, 0)));
    if (place.line != last_line_ || begin < last_offset_) {
      last_line_ = place.line;
      last_offset_ = 0;
      last_column_ = 1;
    }
    last_column_ += column_of_offset(line.substr(last_offset_), begin - last_offset_) - 1;
    last_offset_ = begin;
    const int width = column_of_offset(line.substr(begin), bytes) - 1;
    return {file_, place.line + 1, last_column_, last_column_ + std::max(width, 1)};
  }

  static std::size_t token_bytes(std::string_view rest, std::string_view value) {
    if (rest.empty()) return 1;
    if (rest[0] == '"' || rest[0] == '\'') return quoted_bytes(rest);
    if (rest[0] == '|' || rest[0] == '>') return 1;
    if (!value.empty() && rest.starts_with(value)) return value.size();
    return std::max<std::size_t>(1, std::min(rest.find_first_of(" \t,]}"), rest.size()));
  }

  static std::size_t quoted_bytes(std::string_view rest) {
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[0] == '"' && rest[i] == '\\') {
        ++i;
      } else if (rest[i] == rest[0]) {
        if (rest[0] == '"' || i + 1 >= rest.size() || rest[i + 1] != '\'') return i + 1;
        ++i;
      }
    }
    return rest.size();
  }

  const Sources& sources_;
  int file_;
  int last_line_ = -1;
  std::size_t last_offset_ = 0;
  int last_column_ = 1;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(Diagnostics& diagnostics, int file, std::size_t& nodes_left)
      : diagnostics_(diagnostics), marker_(diagnostics.sources, file), nodes_left_(nodes_left) {}

  bool has_document() const noexcept { return documents_ > 0; }
  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& place) override {
    if (++documents_ > 1) {
      throw Stop{Code::kSecondDocument, marker_.at(place), "a second document begins here; a file holds one"};
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& place, YAML::anchor_t anchor) override {
    // Of "null" and "~" the text is kept, so that a sentence can say what was written.
    const std::string_view rest = marker_.rest_of_line(place);
    Node node;
    for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
      if (rest.starts_with(word)) node.text = word;
    }
    node.mark = marker_.of_scalar(place, node.text);
    accept(std::move(node), anchor, 1, 1);
  }

  void OnScalar(const YAML::Mark& place, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.text = value;
    node.mark = marker_.of_scalar(place, value);
    // Paths and names end at it, wherever they are handed on.
    if (value.find('\0') != std::string::npos)
      throw Stop{Code::kSyntax, node.mark, "a text with a NUL character in it"};
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!node.quoted) check_tag(tag, node.mark);
    accept(std::move(node), anchor, 1, 1);
  }

  void OnAlias(const YAML::Mark& place, YAML::anchor_t anchor) override {
    const Mark mark = marker_.at(place);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Stop{Code::kSyntax, mark, "an alias inside the value it stands for"};
    const Anchored& anchored = found->second;
    // Before the copy: this is where a bomb would go off.
    take_nodes(anchored.count, mark);
    nodes_left_ += 1;  // accept() takes one itself
    check_depth(anchored.height, mark);
    accept(Node(anchored.node), YAML::NullAnchor, anchored.count, anchored.height);
  }

  void OnSequenceStart(const YAML::Mark& place, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::kList, place, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& place, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::kMap, place, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::size_t count = 1;   // nodes below and this one, aliases expanded
    std::size_t height = 1;  // of the tree below and this one
    bool has_key = false;
    bool drop_value = false;  // the key was wrong: its value has no place
    Node key;
    std::set<std::string, std::less<>> keys;
  };
  struct Anchored {
    Node node;
    std::size_t count;
    std::size_t height;
  };

  void check_tag(const std::string& tag, Mark mark) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    constexpr std::string_view kStandard = "tag:yaml.org,2002:";
    const std::string written = tag.starts_with(kStandard) ? "!!" + tag.substr(kStandard.size()) : tag;
    throw Stop{Code::kTag, mark, "YAML tag '" + written + "' is not understood here; only !!str is"};
  }

  void take_nodes(std::size_t count, Mark mark) {
    if (count > nodes_left_) {
      throw Stop{Code::kTooManyNodes, mark,
                 "the file has more than " + std::to_string(kNodesMax) + " values, with aliases expanded"};
    }
    nodes_left_ -= count;
  }

  void check_depth(std::size_t height, Mark mark) {
    if (stack_.size() + height > kDepthMax) {
      throw Stop{Code::kTooDeep, mark, "nested deeper than " + std::to_string(kDepthMax) + " levels"};
    }
  }

  void open(Node::Kind kind, const YAML::Mark& place, const std::string& tag, YAML::anchor_t anchor) {
    Frame frame;
    frame.node.kind = kind;
    frame.node.mark = marker_.at(place);
    check_tag(tag, frame.node.mark);
    check_depth(1, frame.node.mark);
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    accept(std::move(frame.node), frame.anchor, frame.count, frame.height);
  }

  void accept(Node node, YAML::anchor_t anchor, std::size_t count, std::size_t height) {
    take_nodes(1, node.mark);
    if (anchor != YAML::NullAnchor) {
      take_nodes(count, node.mark);  // the anchor keeps a copy
      anchors_.insert_or_assign(anchor, Anchored{node, count, height});
    }
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    frame.count += count;
    frame.height = std::max(frame.height, height + 1);
    if (frame.node.is_list()) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.has_key) {
      accept_key(frame, std::move(node));
    } else {
      frame.has_key = false;
      if (!frame.drop_value) frame.node.members.push_back({std::move(frame.key), std::move(node)});
    }
  }

  void accept_key(Frame& frame, Node key) {
    frame.has_key = true;
    frame.drop_value = true;
    if (!key.is_scalar()) {
      const std::string what(key.text.empty() ? key.type_word() : key.text);
      diagnostics_.add(Code::kKeyNotText, here(), key.mark, "a key must be text, not " + what);
    } else if (key.text == "<<" && !key.quoted) {
      diagnostics_.add(Code::kMergeKey, here(), key.mark,
                       "merge keys (<<) are not supported; an alias for the whole value is");
    } else if (!frame.keys.insert(key.text).second) {
      const Member* first = frame.node.find_member(key.text);
      Diagnostic& d =
          diagnostics_.add(Code::kDuplicateKey, here() / key.text, key.mark, "duplicate key '" + key.text + "'");
      if (first) d.notes.push_back({first->key.mark, "'" + key.text + "' stands here already"});
    } else {
      frame.drop_value = false;
      frame.key = std::move(key);
    }
  }

  // The place of the mapping on top of the stack.
  Where here() const {
    Where where;
    for (std::size_t i = 0; i + 1 < stack_.size(); ++i) {
      const Frame& frame = stack_[i];
      where = frame.node.is_list() ? where / frame.node.items.size() : where / frame.key.text;
    }
    return where;
  }

  Diagnostics& diagnostics_;
  Marker marker_;
  std::size_t& nodes_left_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  Node root_;
  int documents_ = 0;
};

// A stream over text that is not copied.
class TextStream final : public std::streambuf {
 public:
  explicit TextStream(const std::string& text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

void parse(TreeBuilder& builder, const std::string& text) {
  TextStream buffer(text);
  std::istream stream(&buffer);
  YAML::Parser parser(stream);
  while (parser.HandleNextDocument(builder)) {
  }
}

std::string sentence(const std::string& yaml_message) {
  std::string text = yaml_message;
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return "not valid YAML: " + text;
}

}  // namespace

std::optional<Node> read_yaml(Diagnostics& diagnostics, int file, std::size_t& nodes_left) {
  TreeBuilder builder(diagnostics, file, nodes_left);
  Marker marker(diagnostics.sources, file);
  const Mark whole{.file = file};
  try {
    parse(builder, diagnostics.sources.text(file));
    if (builder.has_document()) return builder.take_root();
    diagnostics.add(Code::kFileEmpty, {}, whole, "the file is empty");
  } catch (const Stop& stop) {
    diagnostics.add(stop.code, {}, stop.mark, stop.message);
  } catch (const YAML::Exception& e) {
    const bool placed = !e.mark.is_null();
    diagnostics.add(Code::kSyntax, {}, placed ? marker.at(e.mark) : whole, sentence(e.msg));
  } catch (const std::exception& e) {
    diagnostics.add(Code::kSyntax, {}, whole, sentence(e.what()));
  }
  return std::nullopt;
}

}  // namespace config
