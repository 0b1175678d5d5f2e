// SPDX-License-Identifier: Apache-2.0
// Runs tests/data/config/*.cases: a configuration and every word that is said about it.
//
//   === name of the case, a sentence
//   the text of sluice.yaml
//   >>>
//   what `sluiced --check` prints; nothing when all is well
//
// Beside the words: what a case refuses is refused by the judge as well wherever the schema can know, and what it
// accepts is shown, read again and equal.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "config/load.h"

namespace {

struct Case {
  std::string file;
  std::string name;
  std::string yaml;
  std::string expected;
};

std::vector<Case> read_cases(const std::filesystem::path& path) {
  std::vector<Case> cases;
  std::ifstream stream(path);
  std::string* into = nullptr;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("=== ")) {
      cases.push_back({path.filename().string(), line.substr(4), "", ""});
      into = &cases.back().yaml;
    } else if (line == ">>>" && !cases.empty()) {
      into = &cases.back().expected;
    } else if (into) {
      *into += line + "\n";
    }
  }
  return cases;
}

std::vector<Case> all_cases() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(CONFIG_CASES_DIR)) {
    if (entry.path().extension() == ".cases") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Case> cases;
  for (const auto& path : paths) {
    auto some = read_cases(path);
    cases.insert(cases.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return cases;
}

config::Result load(const Case& c) {
  return config::load_text(c.yaml, "sluice.yaml", "/etc/sluice");
}

TEST(ConfigCases, EveryCaseIsToldInExactlyItsWords) {
  const auto cases = all_cases();
  ASSERT_GE(cases.size(), 80u) << "in " << CONFIG_CASES_DIR;
  for (const Case& c : cases) {
    const auto result = load(c);
    EXPECT_EQ(config::render_text(result.diagnostics), c.expected) << c.file << ": " << c.name;
    const bool has_error = c.expected.find(" error: ") != std::string::npos;
    EXPECT_EQ(result.ok(), !has_error) << c.file << ": " << c.name;
    EXPECT_EQ(config::exit_code(result.diagnostics), has_error ? 78 : 0) << c.file << ": " << c.name;
  }
}

TEST(ConfigCases, EveryPlaceIsInsideTheFile) {
  for (const Case& c : all_cases()) {
    const auto result = load(c);
    for (const config::Diagnostic& d : result.diagnostics.sorted()) {
      if (d.mark.line == 0) continue;
      const auto lines = std::count(c.yaml.begin(), c.yaml.end(), '\n') + 1;
      EXPECT_LE(d.mark.line, lines) << c.name;
      EXPECT_GE(d.mark.column, 1) << c.name;
      EXPECT_GT(d.mark.end_column, d.mark.column) << c.name;
    }
  }
}

// A code nobody can provoke is a sentence nobody has read.
TEST(ConfigCases, EveryCodeOfYamlAndSchemaHasACase) {
  std::map<config::Code, int> seen;
  for (const Case& c : all_cases()) {
    const auto result = load(c);
    for (const config::Diagnostic& d : result.diagnostics.list()) ++seen[d.code];
  }
  const auto check = [&](config::Code code, const char* name) {
    const auto number = static_cast<unsigned>(code);
    // Files and includes have tests with files; E0299 is what must never happen; E06xx is the daemon's, but for the
    // size.
    const bool elsewhere = number < 100 && code != config::Code::kFileEmpty;
    if (elsewhere || code == config::Code::kSchema || number >= 600) return;
    EXPECT_GT(seen[code], 0) << config::code_text(code) << " " << name << " has no case";
  };
#define SLUICE_CONFIG_ERROR(number, name, severity, what) check(config::Code::k##name, #name);
#include "config/errors.def"
  EXPECT_EQ(seen[config::Code::kSchema], 0);
}

TEST(ConfigExamples, EveryExampleLoadsWithoutAWord) {
  int examples = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(EXAMPLES_DIR)) {
    if (entry.path().extension() != ".yaml") continue;
    ++examples;
    const auto result = config::load(entry.path().string());
    EXPECT_EQ(config::render_text(result.diagnostics), "");
  }
  EXPECT_GE(examples, 3);
}

TEST(ConfigCases, WhatIsAcceptedIsShownReadAgainAndEqual) {
  int accepted = 0;
  for (const Case& c : all_cases()) {
    const auto first = load(c);
    if (!first.ok()) continue;
    ++accepted;
    const std::string shown = config::show(*first.config);
    const auto second = config::load_text(shown, "shown.yaml", "/elsewhere");
    ASSERT_TRUE(second.ok()) << c.name << "\n" << shown << config::render_text(second.diagnostics);
    EXPECT_EQ(*second.config, *first.config) << c.name << "\n" << shown;
    EXPECT_EQ(config::show(*second.config), shown) << c.name;
  }
  EXPECT_GE(accepted, 10);
}

}  // namespace
