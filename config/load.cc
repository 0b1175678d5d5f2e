// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <exception>
#include <utility>

#include "config/decode.h"
#include "config/schema.h"
#include "config/source_file.h"
#include "config/yaml_reader.h"

namespace config {
namespace {

void run_checks(Result& result, Node root) {
  Diagnostics& diagnostics = result.diagnostics;
  diagnostics.set_tree(std::move(root));
  const Node& tree = diagnostics.tree();
  if (!tree.is_map()) {
    const bool empty = tree.is_null() && tree.text.empty();
    diagnostics.add(
        empty ? Code::kFileEmpty : Code::kWrongType, {},
        empty ? "the file is empty" : "must be a mapping of sections, not " + std::string(tree.type_word()));
    return;
  }
  explain_schema(diagnostics, tree);
  if (diagnostics.ok()) judge_schema(diagnostics, tree);
  Config config = decode(diagnostics, tree);
  check_config(diagnostics, config);
  if (diagnostics.ok()) result.config = std::move(config);
}

void load_source(Result& result, int file, const Options& options, Budget& budget) {
  auto root = read_yaml(result.diagnostics, file, budget.nodes);
  if (!root) return;
  if (options.includes && root->is_map()) {
    merge_includes(result.diagnostics, *root, result.diagnostics.sources.directory(file), budget);
  }
  run_checks(result, std::move(*root));
}

// Nothing of ours throws; what libraries throw when memory runs out or a pattern is too much for them ends here.
template <class Work>
Result guarded(Work work) {
  Result result;
  try {
    work(result);
  } catch (const std::exception& e) {
    result.config.reset();
    result.diagnostics.add(Code::kFileUnreadable, {}, Mark{},
                           std::string("the configuration could not be read: ") + e.what());
  }
  return result;
}

}  // namespace

Result load(const std::string& path, const Options& options) {
  return guarded([&](Result& result) {
    Budget budget;
    if (const auto file = read_source(result.diagnostics, path, budget)) load_source(result, *file, options, budget);
  });
}

Result load_text(std::string text, std::string name, const std::string& directory, const Options& options) {
  return guarded([&](Result& result) {
    Budget budget;
    if (text.size() > kFileBytesMax) {
      const int file = result.diagnostics.sources.add(std::move(name), {}, directory);
      result.diagnostics.add(Code::kFileTooLarge, {}, Mark{.file = file},
                             "larger than " + std::to_string(kFileBytesMax >> 20) + " MiB");
      return;
    }
    budget.bytes -= text.size();
    if (const auto file = add_source(result.diagnostics, std::move(name), std::move(text), directory)) {
      load_source(result, *file, options, budget);
    }
  });
}

}  // namespace config
