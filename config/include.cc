// SPDX-License-Identifier: Apache-2.0
// The `include` key: patterns, files in name order, one tree.
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <vector>

#include "config/source_file.h"
#include "config/yaml_reader.h"

namespace config {
namespace {

std::vector<std::string> expand(const std::string& pattern) {
  std::vector<std::string> paths;
  glob_t found{};
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string identity(const std::string& path) {
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

class Merger {
 public:
  Merger(Diagnostics& diagnostics, Budget& budget) : diagnostics_(diagnostics), budget_(budget) {}

  void include_pattern(Node& root, const Node& pattern, const Where& where, const std::string& directory) {
    const std::string full = (std::filesystem::path(directory) / pattern.text).lexically_normal().string();
    const std::vector<std::string> paths = expand(full);
    if (paths.empty()) {
      // A plain name is a promise; a pattern may match nothing yet.
      const bool is_pattern = full.find_first_of("*?[") != std::string::npos;
      diagnostics_.add(is_pattern ? Code::kIncludeNoMatch : Code::kFileUnreadable, where, pattern.mark,
                       is_pattern ? "no file matches '" + full + "'" : "no file '" + full + "'");
    }
    for (const std::string& path : paths) {
      if (!seen_.insert(identity(path)).second) continue;
      if (seen_.size() > kIncludedFilesMax + 1) {
        diagnostics_.add(Code::kIncludeTooMany, where, pattern.mark,
                         "more than " + std::to_string(kIncludedFilesMax) + " files are included");
        return;
      }
      include_file(root, path);
    }
  }

  // The including file is not included again.
  void mark_seen(const std::string& path) { seen_.insert(identity(path)); }

 private:
  void include_file(Node& root, const std::string& path) {
    const auto file = read_source(diagnostics_, path, budget_);
    if (!file) return;
    auto tree = read_yaml(diagnostics_, *file, budget_.nodes);
    if (!tree) return;
    if (!tree->is_map()) {
      diagnostics_.add(Code::kWrongType, {}, tree->mark,
                       "an included file holds a mapping of sections, not " + std::string(tree->type_word()));
      return;
    }
    if (const Member* nested = tree->find_member("include")) {
      diagnostics_.add(Code::kIncludeNested, {}, nested->key.mark, "an included file cannot include others");
      std::erase_if(tree->members, [](const Member& m) { return m.key.text == "include"; });
    }
    merge(root, std::move(*tree), {});
  }

  void merge(Node& into, Node from, const Where& where) {
    for (Member& member : from.members) {
      const Where here = where / member.key.text;
      auto* mine = const_cast<Member*>(into.find_member(member.key.text));
      if (!mine) {
        into.members.push_back(std::move(member));
      } else if (mine->value.is_null()) {
        mine->value = std::move(member.value);
      } else if (mine->value.is_map() && member.value.is_map()) {
        merge(mine->value, std::move(member.value), here);
      } else if (mine->value.is_list() && member.value.is_list()) {
        std::move(member.value.items.begin(), member.value.items.end(), std::back_inserter(mine->value.items));
      } else if (!member.value.is_null() && !is_same_version(here, mine->value, member.value)) {
        Diagnostic& d = diagnostics_.add(Code::kDuplicateKey, here, member.key.mark,
                                         "duplicate key '" + member.key.text + "' in an included file");
        d.notes.push_back({mine->key.mark, "'" + member.key.text + "' stands here already"});
      }
    }
  }

  // An included file may say for which version it is written.
  static bool is_same_version(const Where& where, const Node& a, const Node& b) {
    return where.pointer == "/version" && a == b;
  }

  Diagnostics& diagnostics_;
  Budget& budget_;
  std::set<std::string> seen_;
};

}  // namespace

void merge_includes(Diagnostics& diagnostics, Node& root, const std::string directory, Budget& budget) {
  const Node* found = root.find("include");
  if (!found) return;
  const Node include = *found;
  std::erase_if(root.members, [](const Member& m) { return m.key.text == "include"; });

  Merger merger(diagnostics, budget);
  merger.mark_seen(diagnostics.sources.name(0));
  const Where where = Where{} / "include";
  if (include.is_null()) return;
  if (!include.is_list()) {
    diagnostics.add(Code::kWrongType, where, include.mark,
                    "must be a list of file patterns, not " + std::string(include.type_word()));
    return;
  }
  for (std::size_t i = 0; i < include.items.size(); ++i) {
    const Node& pattern = include.items[i];
    if (pattern.is_scalar() && !pattern.text.empty()) {
      merger.include_pattern(root, pattern, where / i, directory);
    } else {
      diagnostics.add(Code::kWrongType, where / i, pattern.mark,
                      "must be a file pattern, not " + std::string(pattern.type_word()));
    }
  }
}

}  // namespace config
