// SPDX-License-Identifier: Apache-2.0
// config_fuzz — mutated configurations: nothing throws, nothing crashes, and what is said stands inside the file.
//
//   config_fuzz --cases DIR [--seed S] [--seconds T]      a slice of random mutations of the cases' files
//   Built with -fsanitize=fuzzer and -DCONFIG_LIBFUZZER the same check is a libFuzzer target.
//
// Errors    exit 1 with the seed and the text at the first broken promise; a crash speaks for itself.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/memory_need.h"
#include "tests/support/slice.h"

namespace {

// What is promised for any text. Returns the promise that was broken, or nothing.
std::string broken_promise(const std::string& text) {
  const auto result = config::load_text(text, "fuzz.yaml", "/etc/sluice", {.includes = false});
  if (result.ok() != result.diagnostics.ok()) return "a configuration exists exactly when there are no errors";
  for (const config::Diagnostic& d : result.diagnostics.list()) {
    if (d.code == config::Code::kSchema) return "the explainer finds what the judge finds: " + d.message;
    if (d.message.empty()) return "every problem has a sentence";
    const std::string_view line = result.diagnostics.sources.line(d.mark.file, d.mark.line);
    // What is not text is not kept, and not shown.
    if (d.code != config::Code::kFileNotText && d.mark.line > 0 && d.mark.column > static_cast<int>(line.size()) + 1)
      return "every place is inside its line";
  }
  const std::string told = config::render_text(result.diagnostics);
  if (!result.ok() && told.empty()) return "an error is told";
  if (config::render_json(result.diagnostics).front() != '[') return "the JSON form is a list";
  if (!result.ok()) return {};
  const std::string shown = config::show(*result.config);
  const auto again = config::load_text(shown, "shown.yaml", "/elsewhere");
  if (!again.ok()) return "what is shown loads:\n" + shown + config::render_text(again.diagnostics);
  if (!(*again.config == *result.config)) return "what is shown is equal:\n" + shown;
  (void)config::pool_needs(*result.config);
  return {};
}

// Texts of a .cases file, without what is expected of them.
void read_seeds(const std::filesystem::path& path, std::vector<std::string>& seeds) {
  std::ifstream stream(path);
  bool inside = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("=== ")) {
      seeds.emplace_back();
      inside = true;
    } else if (line == ">>>") {
      inside = false;
    } else if (inside) {
      seeds.back() += line + "\n";
    }
  }
}

class Mutator {
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  template <class List>
  const auto& pick(const List& list) {
    return list[below(std::size(list))];
  }

 public:
  Mutator(std::uint64_t seed, const std::vector<std::string>& seeds) : random_(seed), seeds_(seeds) {}

  std::string next() {
    std::string text = pick(seeds_);
    for (std::uint64_t i = below(4) + 1; i > 0; --i) mutate(text);
    return text;
  }

 private:
  void mutate(std::string& text) {
    static constexpr std::string_view kPieces[] = {"{",
                                                   "}",
                                                   "[",
                                                   "]",
                                                   ": ",
                                                   ", ",
                                                   "- ",
                                                   "\n",
                                                   "  ",
                                                   "\"",
                                                   "'",
                                                   "&a ",
                                                   "*a",
                                                   "!!str ",
                                                   "# ",
                                                   "null",
                                                   "true",
                                                   "-1",
                                                   "0x",
                                                   "1e9",
                                                   "auto",
                                                   "---",
                                                   "...",
                                                   "|\n",
                                                   ">-\n",
                                                   "? ",
                                                   "<<: ",
                                                   "\xc3",
                                                   "é",
                                                   "\t",
                                                   "99999999999999999999",
                                                   "4294967296",
                                                   "!x ",
                                                   "%",
                                                   "@",
                                                   "`",
                                                   "~",
                                                   "~: ",
                                                   "\r\n",
                                                   "\\x",
                                                   "name",
                                                   "kind",
                                                   "list",
                                                   "ports",
                                                   "\"\\x00\"",
                                                   "0.5",
                                                   "1/0",
                                                   "9G",
                                                   "2001:db8::/32",
                                                   "forward p"};
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min<std::size_t>(below(12), text.size() - at);
    switch (below(6)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, pick(kPieces));
        break;
      case 2:
        text.replace(at, length, pick(kPieces));
        break;
      case 3:
        text.insert(below(text.size() + 1), text.substr(at, below(60)));
        break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(random_());
        break;
      default:
        splice(text, at);
    }
  }

  void splice(std::string& text, std::size_t at) {
    const std::string& other = pick(seeds_);
    text = text.substr(0, at) + other.substr(below(other.size() + 1));
  }

  std::mt19937_64 random_;
  const std::vector<std::string>& seeds_;
};

}  // namespace

#ifdef CONFIG_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string broken = broken_promise(std::string(reinterpret_cast<const char*>(data), size));
  if (!broken.empty()) {
    std::fprintf(stderr, "broken: %s\n", broken.c_str());
    std::abort();
  }
  return 0;
}
#else
int main(int argc, char** argv) {
  std::uint64_t seed = support::slice_seed();
  double seconds = 8;
  std::vector<std::string> seeds;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 0);
    if (name == "--seconds") seconds = support::slice_length(std::strtod(argv[i + 1], nullptr));
    if (name != "--cases") continue;
    // In order: a seed means the same texts in every checkout.
    std::set<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i + 1])) files.insert(entry.path());
    for (const auto& file : files) read_seeds(file, seeds);
  }
  // Most cases are bad ones, and most mutations make bad ones of good: begin with good ones as often.
  std::vector<std::string> good;
  for (const std::string& text : seeds) {
    if (config::load_text(text, "seed.yaml").ok()) good.push_back(text);
  }
  for (std::size_t i = 0, bad = seeds.size(); !good.empty() && i < bad; ++i) seeds.push_back(good[i % good.size()]);
  if (seeds.empty()) {
    std::fprintf(stderr, "usage: config_fuzz --cases DIR [--seed S] [--seconds T]\n");
    return 2;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  Mutator mutator(seed, seeds);
  std::uint64_t count = 0, accepted = 0;
  // One text in a hundred is still good: so many, however slow the machine.
  constexpr std::uint64_t kTextsMin = 2000;
  for (; count < kTextsMin || std::chrono::steady_clock::now() < end; ++count) {
    const std::string text = mutator.next();
    const std::string broken = broken_promise(text);
    accepted += config::load_text(text, "fuzz.yaml", "/etc/sluice", {.includes = false}).ok();
    if (broken.empty()) continue;
    std::printf("seed %llu, text %llu: %s\n--- text\n%s\n---\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(count), broken.c_str(), text.c_str());
    return 1;
  }
  std::printf("seed %llu: %llu texts, %llu accepted\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(accepted));
  return accepted > 0 && accepted < count ? 0 : 1;  // all or none: then the mutations tell nothing
}
#endif
