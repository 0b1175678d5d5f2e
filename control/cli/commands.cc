// SPDX-License-Identifier: Apache-2.0
#include "control/cli/commands.h"

#include <algorithm>
#include <charconv>

#include "control/cli/print.h"

namespace control::cli {
namespace {

constexpr std::string_view kProgIds = "id name tag pinned";
constexpr std::string_view kMapIds = "id name pinned";
constexpr std::string_view kLinkIds = "id pinned";

constexpr Command kCommands[] = {
    {"prog", "show", Select::optional, kProgIds, "programs that are loaded", print_programs},
    {"prog", "dump xlated", Select::required, kProgIds, "eBPF instructions of a program", print_xlated},
    {"prog", "dump jited", Select::required, kProgIds, "machine code of a program", print_jited},
    {"map", "show", Select::optional, kMapIds, "maps that are there", print_maps},
    {"map", "dump", Select::required, kMapIds, "entries of a map", print_dump},
    {"link", "show", Select::optional, kLinkIds, "links that hold programs on hooks", print_links},
    {"link", "detach", Select::required, kLinkIds, "take a link's program off its hook", print_nothing},
    {"port", "show", Select::optional, "name", "ports, their counters and their drops", print_table},
    {"worker", "show", Select::optional, "name", "workers and what they do", print_table},
};

base::Error bad(std::string sentence) { return {EINVAL, std::move(sentence)}; }

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto blank = list.find(' ');
    if (list.substr(0, blank) == word) return true;
    list.remove_prefix(blank == list.npos ? list.size() : blank + 1);
  }
  return false;
}

std::string nouns() {
  std::string out;
  for (const Command& c : kCommands)
    if (out.find(c.noun) == out.npos) out += (out.empty() ? "" : ", ") + std::string(c.noun);
  return out;
}

// "id N | name S", for the usage.
std::string identifier_usage(std::string_view list) {
  struct Form {
    std::string_view word, form;
  };
  constexpr Form kForms[] = {{"id", "id N"}, {"name", "name S"}, {"tag", "tag T"}, {"pinned", "pinned F"}};
  std::string out;
  for (const Form& f : kForms)
    if (has_word(list, f.word)) out += (out.empty() ? "" : " | ") + std::string(f.form);
  return out;
}

base::Status parse_identifier(const Command& command, std::span<const std::string> words, Json& args) {
  const std::string usage = "{ " + identifier_usage(command.identifiers) + " }";
  if (words.empty()) {
    if (command.select != Select::required) return base::success();
    return bad(std::string(command.noun) + " " + std::string(command.verb) + ": which one? " + usage);
  }
  if (!has_word(command.identifiers, words[0])) return bad("expected " + usage + ", not '" + words[0] + "'");
  if (words.size() < 2) return bad("'" + words[0] + "' needs a value");
  if (words.size() > 2) return bad("'" + words[2] + "' is one word too many");
  if (words[0] != "id") {
    args[words[0]] = words[1];
    return base::success();
  }
  unsigned id = 0;
  const char* end = words[1].data() + words[1].size();
  if (const auto r = std::from_chars(words[1].data(), end, id); r.ec != std::errc{} || r.ptr != end)
    return bad("'" + words[1] + "' is not an id");
  args["id"] = id;
  return base::success();
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

base::Result<Invocation> parse_command(std::span<const std::string> words) {
  if (words.empty() || words[0] == "help") return Invocation{};
  const std::string& noun = words[0];
  std::string verb = words.size() > 1 ? words[1] : "show";
  if (verb == "list") verb = "show";
  if (verb == "help") return Invocation{};
  if (std::ranges::none_of(kCommands, [&](const Command& c) { return c.noun == noun; }))
    return bad("unknown object '" + noun + "' (have: " + nouns() + ", config init, verify, test-run, exec)");
  // Some verbs are two words: "dump xlated".
  std::size_t used = std::min<std::size_t>(2, words.size());
  const auto find = [&](const std::string& wanted) {
    return std::ranges::find_if(kCommands, [&](const Command& c) { return c.noun == noun && c.verb == wanted; });
  };
  auto command = find(verb);
  if (command == std::end(kCommands) && words.size() > 2) {
    command = find(verb + " " + words[2]);
    used = 3;
  }
  if (command == std::end(kCommands)) return bad("'" + noun + "' has no command '" + verb + "'");
  Invocation invocation{command, Json::object()};
  SLUICE_CHECK(parse_identifier(*command, words.subspan(used), invocation.args));
  return invocation;
}

std::string help() {
  std::string out = "usage: sluice [-j | -p] [-s SOCKET] OBJECT COMMAND ...\n\n";
  for (const Command& c : kCommands) {
    std::string head = "  sluice " + std::string(c.noun) + " " + std::string(c.verb);
    if (c.select == Select::optional) head += " [" + identifier_usage(c.identifiers) + "]";
    if (c.select == Select::required) head += " { " + identifier_usage(c.identifiers) + " }";
    head.resize(std::max<std::size_t>(head.size() + 2, 64), ' ');
    out += head + std::string(c.help) + "\n";
  }
  out +=
      "\nwithout a daemon:\n"
      "  sluice verify OBJECT [--prog NAME] [--btf FILE] [-v]           a verdict for each program of an object\n"
      "  sluice test-run OBJECT --prog NAME [...]                       run a program on a packet (test-run --help)\n"
      "  sluice port bind ADDRESS|INTERFACE [--force]                   give a card to vfio-pci, for kind pci\n"
      "  sluice port unbind ADDRESS                                     give it back to the kernel's driver\n"
      "  sluice config init                                             print a configuration for the cards here\n"
      "\nfor other programs:\n"
      "  sluice exec -- COMMAND ...                                     its bpf(2) is the daemon's: bpftool, libbpf\n"
      "\noptions:\n"
      "  -j          JSON on one line\n"
      "  -p          JSON for people\n"
      "  -s SOCKET   control socket of the daemon (/run/sluice/sluice.sock)\n"
      "  -V          version\n"
      "\nexit status: 0 good, 1 failed, 2 wrong command line, 69 no daemon answers\n";
  return out;
}

}  // namespace control::cli
