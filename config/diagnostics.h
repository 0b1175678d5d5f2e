// SPDX-License-Identifier: Apache-2.0
// diagnostics.h — what is wrong with a configuration, where it stands, and how it is told.
//
// Shape     Sources (the text of each file read) + a list of Diagnostic; codes come from errors.def.
//           Whoever finds a problem adds it: the reader, the checks, and after them the daemon, which knows objects,
//           devices and memory, and names the place by JSON pointer: diagnostics.add(Code::kMapEntry, map.at /
//           "entries", …).
// Threads   one thread.
// Lifetime  owns the text it quotes.
// Cost      control path only. At most kDiagnosticsMax are kept; the rest are counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/node.h"

namespace config {

enum class Severity : std::uint8_t { kError, kWarning };

enum class Code : std::uint16_t {
#define SLUICE_CONFIG_ERROR(number, name, severity, what) k##name = number,
#include "config/errors.def"
};

struct CodeInfo {
  Code code;
  Severity severity;
  const char* name;
  const char* what;
};
const CodeInfo& code_info(Code code) noexcept;
std::string code_text(Code code);  // "E0312"

// Where an item of the configuration stands: a JSON pointer into the merged files. Compares equal to every other, so
// that two configurations with the same meaning are equal wherever they were written.
struct Where {
  std::string pointer;

  Where operator/(std::string_view key) const { return {pointer_join(pointer, key)}; }
  Where operator/(std::size_t index) const { return {pointer_join(pointer, index)}; }
  bool operator==(const Where&) const noexcept { return true; }
};

struct Note {
  Mark mark;
  std::string message;
};

struct Diagnostic {
  Code code;
  Severity severity;
  std::string pointer;  // "" for the file as a whole
  Mark mark;
  std::string message;
  std::vector<Note> notes;
};

// The files of one load, by index.
class Sources {
 public:
  // `directory`: what relative paths in the text are relative to. A file that could not be read has an empty text.
  int add(std::string name, std::string text, std::string directory = ".");

  std::size_t count() const noexcept { return files_.size(); }
  const std::string& name(int file) const { return files_[static_cast<std::size_t>(file)].name; }
  const std::string& text(int file) const { return files_[static_cast<std::size_t>(file)].text; }
  const std::string& directory(int file) const { return files_[static_cast<std::size_t>(file)].directory; }
  // Line `line` (from 1) without its end; empty when there is none.
  std::string_view line(int file, int line) const;

 private:
  struct File {
    std::string name;
    std::string text;
    std::string directory;
    std::vector<std::size_t> line_starts;
  };
  std::vector<File> files_;
};

class Diagnostics {
 public:
  Sources sources;

  // The tree that pointers are resolved in; kept, so that later stages need the pointer only.
  void set_tree(Node tree) { tree_ = std::move(tree); }
  const Node& tree() const noexcept { return tree_; }

  // Adds one; the reference is good until the next add. Severity is the code's.
  Diagnostic& add(Code code, const Where& where, std::string message);
  Diagnostic& add(Code code, const Where& where, Mark mark, std::string message);
  // The key at `where` rather than its value: for keys that should not be there.
  Mark key_mark(const Where& where) const;
  Mark value_mark(const Where& where) const;

  bool ok() const noexcept { return error_count_ == 0; }
  std::size_t error_count() const noexcept { return error_count_; }
  std::size_t warning_count() const noexcept { return warning_count_; }
  // In the order they were found.
  const std::vector<Diagnostic>& list() const noexcept { return list_; }
  // Is there an error at `pointer` or below it?
  bool has_error_below(std::string_view pointer) const noexcept;
  // Sorted by file, line, column; stable. Ends with a count of what did not fit, if anything.
  std::vector<Diagnostic> sorted() const;

 private:
  Node tree_;
  std::vector<Diagnostic> list_;
  std::size_t dropped_count_ = 0;
  Diagnostic dropped_{};  // what add() hands out when the list is full
  std::size_t error_count_ = 0;
  std::size_t warning_count_ = 0;
};

// Compiler style: place, severity, sentence, the line and a caret; the notes; a last line that counts.
// Empty when there is nothing to tell. `program` begins the last line.
std::string render_text(const Diagnostics& diagnostics, std::string_view program = "sluiced");
// [{"file","line","column","endColumn","severity","code","path","message","notes"?}]; "[]" when there is nothing to
// tell.
std::string render_json(const Diagnostics& diagnostics);
// 0, or 78 (EX_CONFIG) when there are errors.
int exit_code(const Diagnostics& diagnostics) noexcept;

}  // namespace config
