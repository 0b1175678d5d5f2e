// SPDX-License-Identifier: Apache-2.0
// sluice: the command line. Talks to a running daemon, or starts sluice-engine for what needs none.
//
// Cost      prog show answers within 10 ms: neither LLVM nor DPDK is linked.
// Errors    exit status 0 good, 1 the operation failed, 2 wrong command line, 69 (EX_UNAVAILABLE) no daemon answers;
//           exec: that of the command, 127 there is none, 126 it cannot be started.
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>

#include "control/cli/commands.h"
#include "control/cli/connection.h"
#include "control/cli/exec.h"
#include "control/cli/machine.h"

namespace control::cli {
namespace {

constexpr const char* kVersion = "sluice " SLUICE_VERSION;

struct Options {
  std::string socket = "/run/sluice/sluice.sock";
  bool json = false;
  bool pretty = false;
  std::vector<std::string> words;
};

int fail(const Options& options, const base::Error& error, int status) {
  if (options.json) std::printf("%s\n", Json{{"error", error.what()}}.dump(options.pretty ? 4 : -1).c_str());
  else std::fprintf(stderr, "sluice: %s\n", error.what().c_str());
  return status;
}

// The engine stands beside this program, here as in the build folder.
int start_engine(const Options& options) {
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::string engine = (self.parent_path() / "sluice-engine").string();
  std::vector<char*> argv{const_cast<char*>("sluice")};
  for (const std::string& word : options.words) argv.push_back(const_cast<char*>(word.c_str()));
  if (options.json) argv.push_back(const_cast<char*>(options.pretty ? "-p" : "-j"));
  argv.push_back(nullptr);
  execv(engine.c_str(), argv.data());
  return fail(options, {errno, "cannot start " + engine + ": " + std::strerror(errno)}, 1);
}

// As a shell: 126 and 127 for a command that cannot be started.
int start_command(const Options& options) {
  const base::Error error = exec_command(options.socket, std::span(options.words).subspan(1));
  switch (error.code()) {
    case ECONNREFUSED: return fail(options, error, EX_UNAVAILABLE);
    case EINVAL: return fail(options, error, 2);
    case ENOENT: return fail(options, error, 127);
    default: return fail(options, error, 126);
  }
}

bool is_offline_verb(const std::string& word) { return word == "verify" || word == "test-run"; }

// "exec [-s SOCKET] [--] COMMAND ...": what follows the command's name is the command's own.
base::Result<Options> parse_exec(Options options, std::span<const std::string> words) {
  options.words = {"exec"};
  while (!words.empty() && words[0].starts_with("-")) {
    const bool last = words[0] == "--";
    if (!last && (words[0] != "-s" || words.size() < 2))
      return base::Error(EINVAL, "exec: unknown option '" + words[0] + "'");
    if (!last) options.socket = words[1];
    words = words.subspan(last ? 1 : 2);
    if (last) break;
  }
  options.words.insert(options.words.end(), words.begin(), words.end());
  return options;
}

// Options stand before the object; an off-line verb has its own behind it.
base::Result<Options> parse_options(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (is_offline_verb(word) && options.words.empty()) {
      options.words.assign(words.begin() + std::ptrdiff_t(i), words.end());
      return options;
    }
    if (word == "exec" && options.words.empty())
      return parse_exec(std::move(options), std::span(words).subspan(i + 1));
    if (word == "-j" || word == "--json") options.json = true;
    else if (word == "-p" || word == "--pretty") options.json = options.pretty = true;
    else if (word == "-V" || word == "--version") options.words = {"version"};
    else if (word == "-h" || word == "--help") options.words = {"help"};
    else if (word == "-s" && i + 1 < words.size()) options.socket = words[++i];
    else if (word == "--force" && is_machine_verb(options.words)) options.words.push_back(word);
    else if (word.starts_with("-")) return base::Error(EINVAL, "unknown option '" + word + "'");
    else options.words.push_back(word);
  }
  return options;
}

int run_command(const Options& options, const Invocation& invocation) {
  const Command& command = *invocation.command;
  auto value = ask(options.socket, {{"noun", command.noun}, {"verb", command.verb}, {"args", invocation.args}});
  if (!value) return fail(options, value.error(), value.error().code() == ECONNREFUSED ? EX_UNAVAILABLE : 1);
  if (!options.json) {
    command.print(*value);
    return 0;
  }
  // One thing that was asked for by name comes without a list around it, as bpftool prints it.
  const bool single = !invocation.args.empty() && value->is_array() && value->size() == 1;
  Json shown = single ? (*value)[0] : *value;
  for (const char* contents : {"entries", "code"})
    if (single && shown.contains(contents)) shown = Json(shown[contents]);
  std::printf("%s\n", shown.dump(options.pretty ? 4 : -1, ' ', false, Json::error_handler_t::replace).c_str());
  return 0;
}

int run(const std::vector<std::string>& words) {
  auto options = parse_options(words);
  if (!options) return fail({}, options.error(), 2);
  if (options->words == std::vector<std::string>{"version"}) {
    std::printf("%s\n", kVersion);
    return 0;
  }
  if (!options->words.empty() && is_offline_verb(options->words[0])) return start_engine(*options);
  if (!options->words.empty() && options->words[0] == "exec") return start_command(*options);
  if (is_machine_verb(options->words)) return run_machine_verb(options->words);
  auto invocation = parse_command(options->words);
  if (!invocation) return fail(*options, invocation.error(), 2);
  if (!invocation->command) {
    std::fputs(help().c_str(), options->words.empty() ? stderr : stdout);
    return options->words.empty() ? 2 : 0;
  }
  return run_command(*options, *invocation);
}

}  // namespace
}  // namespace control::cli

int main(int argc, char** argv) { return control::cli::run({argv + 1, argv + argc}); }
