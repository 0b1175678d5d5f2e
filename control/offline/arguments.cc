// SPDX-License-Identifier: Apache-2.0
#include "control/offline/arguments.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <span>

namespace control::offline {
namespace {

using base::u32;
using SetFn = base::Status (*)(Arguments&, const std::string& value);

base::Error bad(std::string sentence) { return {EINVAL, std::move(sentence)}; }

base::Result<u32> parse_u32(const std::string& text) {
  u32 v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size()) return bad("'" + text + "' is not a number");
  return v;
}

base::Status set_repeat(Arguments& a, const std::string& value) {
  SLUICE_TRY(a.repeat, parse_u32(value));
  return a.repeat ? base::success() : base::Status(bad("must be at least 1"));
}
base::Status set_cpu(Arguments& a, const std::string& value) {
  SLUICE_TRY(a.cpu, parse_u32(value));
  return base::success();
}
base::Status set_engine(Arguments& a, const std::string& value) {
  if (value != "jit" && value != "interp") return bad("must be jit or interp, not '" + value + "'");
  a.interpret = value == "interp";
  return base::success();
}

template <auto member>
base::Status set_text(Arguments& a, const std::string& value) {
  a.*member = value;
  return base::success();
}
template <auto member>
base::Status set_flag(Arguments& a, const std::string&) {
  a.*member = true;
  return base::success();
}

base::Status set_unprivileged(Arguments& a, const std::string&) {
  a.caps = bpf::kNoCapabilities;
  return base::success();
}
base::Status set_caps(Arguments& a, const std::string& value) {
  a.caps = bpf::kNoCapabilities;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t end = std::min(value.find(',', at), value.size());
    const std::string name = value.substr(at, end - at);
    at = end + 1;
    if (name == "none") continue;
    if (name == "bpf") a.caps.bpf = true;
    else if (name == "perfmon") a.caps.perfmon = true;
    else if (name == "net_admin") a.caps.net_admin = true;
    else if (name == "sys_admin") a.caps = {};
    else return bad("'" + name + "' is none of bpf, perfmon, net_admin, sys_admin, none");
  }
  return base::success();
}

struct Option {
  std::string_view name;
  std::string_view value;      // what it is called in the usage; empty: a flag
  std::string_view verb;       // empty: both
  std::string_view help;
  SetFn set;
};

constexpr Option kOptions[] = {
    {"--prog", "NAME", "", "the program, by function or section name", set_text<&Arguments::prog>},
    {"--btf", "FILE", "verify", "verify against the types of this vmlinux", set_text<&Arguments::btf>},
    {"--unpriv", "", "verify", "as Linux judges programs of a user without capabilities", set_unprivileged},
    {"--caps", "LIST", "verify", "of a user with these: bpf,perfmon,net_admin (sys_admin: all, none)", set_caps},
    {"--data-in", "FILE", "test-run", "the packet (64 zero bytes without it)", set_text<&Arguments::data_in>},
    {"--data-out", "FILE", "test-run", "where to write the packet afterwards", set_text<&Arguments::data_out>},
    {"--ctx-in", "FILE", "test-run", "the context struct before", set_text<&Arguments::ctx_in>},
    {"--ctx-out", "FILE", "test-run", "where to write the context struct afterwards", set_text<&Arguments::ctx_out>},
    {"--repeat", "N", "test-run", "number of runs, on the same packet", set_repeat},
    {"--cpu", "N", "test-run", "CPU to run on", set_cpu},
    {"--engine", "jit|interp", "test-run", "what runs the program (jit)", set_engine},
    {"--dump-maps", "", "test-run", "print the maps afterwards", set_flag<&Arguments::dump_maps>},
    {"-j", "", "", "JSON on one line", set_flag<&Arguments::json>},
    {"-p", "", "", "JSON for people", set_flag<&Arguments::pretty>},
    {"-v", "", "verify", "print the verifier's whole log", set_flag<&Arguments::verbose>},
};

const Option* find_option(const std::string& name, const std::string& verb) {
  for (const Option& option : kOptions)
    if (option.name == name && (option.verb.empty() || option.verb == verb)) return &option;
  return nullptr;
}

base::Status parse_words(Arguments& a, std::span<const std::string> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with("-") || word == "-") {
      if (!a.object.empty()) return bad("one object at a time: '" + a.object + "' and '" + word + "'");
      a.object = word;
      continue;
    }
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const Option* option = find_option(name, a.verb);
    if (!option) return bad("unknown option '" + name + "' for " + a.verb);
    std::string value;
    if (!option->value.empty()) {
      if (equals != word.npos) value = word.substr(equals + 1);
      else if (i + 1 < words.size()) value = words[++i];
      else return bad(name + " needs " + std::string(option->value));
    }
    if (auto set = option->set(a, value); !set) return std::move(set.error()).in(name);
  }
  return base::success();
}

std::string usage_of(std::string_view verb) {
  std::string out = "  sluice " + std::string(verb) + " OBJECT [OPTIONS]\n";
  for (const Option& option : kOptions) {
    if (!option.verb.empty() && option.verb != verb) continue;
    std::string head =
        "      " + std::string(option.name) + (option.value.empty() ? "" : " " + std::string(option.value));
    head.resize(std::max<std::size_t>(head.size() + 2, 32), ' ');
    out += head + std::string(option.help) + "\n";
  }
  return out;
}

}  // namespace

base::Result<Arguments> parse_arguments(std::vector<std::string> words) {
  Arguments a;
  if (words.empty() || (words[0] != "verify" && words[0] != "test-run")) return bad("no verb: verify or test-run");
  a.verb = words[0];
  SLUICE_CHECK(parse_words(a, std::span(words).subspan(1)));
  if (a.object.empty()) return bad(a.verb + ": which object?");
  if (a.verb == "test-run" && a.prog.empty()) return bad("test-run: which program? (--prog NAME)");
  a.json |= a.pretty;
  return a;
}

std::string usage() { return "usage:\n" + usage_of("verify") + usage_of("test-run"); }

}  // namespace control::offline
