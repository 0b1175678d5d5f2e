// SPDX-License-Identifier: Apache-2.0
// Runs the cases under tests/data/verifier: our verdict must be the expected one, and so must the host kernel's.
//
// Shape     a file holds cases: `== a sentence`, optional `type: raw_tracepoint`, `flags: strict freq sleepable`,
//           `unchanged` among the flags: no seed of the fuzzer, for a change of it crashes Linux 6.18;
//           `license: proprietary`, `caps: bpf perfmon net_admin` of which the loader has those named (`caps: none`),
//           `attach: devmap` or a number, with the name of a hook in the kernel's types,
//           or STRUCT::MEMBER for struct_ops,
//           `host: EPERM` where the host does not load the type whatever the program is, `host: accept` where it
//           accepts and we know better (docs/differences-from-linux.md), `host: any` where it is not asked,
//           signatures of its functions (tests/support/case_btf.h), or `types: maps`: they and all types are those of
//           maps.bpf.c, where the program is `entry`, and typeid(NAME) is a struct's id; the program
//           (tests/support/asm.h), then `accept` or `reject ERRNO sentence of the log`.
//           Maps: 0 array 16x4, 1 hash 8->24, 2 array of one 16, 3 the same frozen and read-only, 4 per-CPU array,
//           `kcall NAME` calls a function of the running kernel, `r1 = ksym NAME` loads the address of a variable,
//           STRUCT::MEMBER is a member's offset there.
//           5 devmap, 6 prog_array, 7 write-only (for programs) array; those of maps.bpf.c by name: map[ring].
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <sstream>
#include <string>

#include "bpf/abi/flags.h"
#include "bpf/btf/kernel_btf.h"
#include "bpf/registry/registry.h"
#include "bpf/verifier/verifier.h"
#include "tests/data/case_fuzz.h"
#include "tests/support/asm.h"
#include "tests/support/case_btf.h"
#include "tests/support/host_kernel.h"
#include "tests/support/kernel_types.h"
#include "tests/support/object_btf.h"
#include "tests/support/program_maker.h"

namespace {

using std::string;

struct Case {
  string name, code, message, flags, attach, type;
  bpf::Capabilities caps;
  std::vector<string> functions;
  bool object_types = false;  // its BTF is that of maps.bpf.c
  bool proprietary = false;
  int error = 0;
  std::optional<int> host;  // all that the host answers
};

constexpr int kAny = -1;  // what the host says depends on its configuration: it is not asked

const std::map<string, int> kErrnos = {
    {"EACCES", EACCES}, {"EINVAL", EINVAL},         {"E2BIG", E2BIG},   {"EPERM", EPERM},   {"ENOTSUPP", 524},
    {"EFAULT", EFAULT}, {"EOPNOTSUPP", EOPNOTSUPP}, {"ENOENT", ENOENT}, {"EEXIST", EEXIST}, {"accept", 0},
    {"any", kAny},      {"EBUSY", EBUSY},           {"ERANGE", ERANGE}};

// Maps, and the templates of inner ones, that every case may use; their types in all.btf.
bool add_maps(bpf::ProgSource& all) {
  all.maps = support::fuzz_maps();
  bpf::MapFacts progs;
  progs.type = bpf::BPF_MAP_TYPE_PROG_ARRAY;
  progs.key_size = progs.value_size = progs.max_entries = 4;
  progs.name = "progs";
  all.maps.push_back(progs);
  bpf::MapFacts write_only = all.maps[2];
  write_only.map_flags = bpf::BPF_F_WRONLY_PROG;
  all.maps.push_back(write_only);
  // Constant text: "%d %s", "%q" from 6, "100%%" from 9, a control character at 15.
  static constexpr char kText[] = "%d %s\0%q\000100%%\0\x01\0\0\0\0\0\0";
  bpf::MapFacts text = all.maps[3];
  text.value_size = sizeof kText;
  const auto bytes = std::as_bytes(std::span(kText));
  text.contents.assign(bytes.begin(), bytes.end());
  text.name = "text";
  all.maps.push_back(text);
  bpf::MapFacts arena;
  arena.type = bpf::BPF_MAP_TYPE_ARENA;
  arena.max_entries = 16;
  arena.map_flags = bpf::BPF_F_MMAPABLE;
  arena.map_extra = base::u64{1} << 44;
  arena.name = "arena";
  all.maps.push_back(arena);
  arena.map_extra *= 2;
  arena.name = "arena_other";
  all.maps.push_back(arena);
  const auto elf = support::Elf::open(CASE_MAPS);
  const auto named =
      elf ? support::read_object_btf(*elf) : base::Result<support::ObjectBtf>(base::Error(EINVAL, "elf"));
  if (!named) {
    std::printf("%s: %s\n", CASE_MAPS, named.error().what().c_str());
    return false;
  }
  for (const auto& [name, facts] : named->maps) all.maps.push_back(facts);
  all.inner_maps = named->inner_maps;
  all.btf = named->blob;
  return true;
}

// typeid(name) -> the struct's id in the types of maps.bpf.c
string number_types(string code, const std::vector<std::byte>& blob) {
  static const std::regex named("typeid\\((\\w+)\\)");
  std::smatch m;
  if (!std::regex_search(code, m, named)) return code;
  const auto types = bpf::btf::Btf::parse(blob);
  while (std::regex_search(code, m, named)) {
    const auto id = types->find(m[1].str(), bpf::BTF_KIND_STRUCT);
    code = m.prefix().str() + (id ? std::to_string(*id) : "no_such_type") + m.suffix().str();
  }
  return code;
}

// map[name] -> map[index]
string number_maps(string code, const std::vector<bpf::MapFacts>& maps) {
  static const std::regex named("map\\[([a-z_]\\w*)\\]");
  std::smatch m;
  while (std::regex_search(code, m, named)) {
    std::size_t index = 0;
    while (index < maps.size() && maps[index].name != m[1].str()) ++index;
    code.replace(static_cast<std::size_t>(m.position(1)), static_cast<std::size_t>(m.length(1)), std::to_string(index));
  }
  return code;
}

bool read_cases(const std::filesystem::path& path, std::vector<Case>& cases) {
  std::ifstream in(path);
  string line;
  Case c;
  while (std::getline(in, line)) {
    const auto value = [&line](const char* key) { return line.substr(std::strlen(key)); };
    if (line.starts_with("== ")) {
      c = Case{};
      c.name = path.stem().string() + ": " + value("== ");
    } else if (line.starts_with("flags: ")) {
      c.flags = value("flags: ");
    } else if (line.starts_with("host: ")) {
      c.host = kErrnos.at(value("host: "));
    } else if (line.starts_with("type: ")) {
      c.type = value("type: ");
    } else if (line.starts_with("caps: ")) {
      const auto has = [&line](const char* cap) { return line.find(cap) != string::npos; };
      c.caps = {.bpf = has("bpf"), .perfmon = has("perfmon"), .net_admin = has("net_admin")};
    } else if (line.starts_with("attach: ")) {
      c.attach = value("attach: ");
    } else if (line.starts_with("static ") || line.starts_with("global ")) {
      c.functions.push_back(line);
    } else if (line == "types: maps") {
      c.object_types = true;
    } else if (line == "license: proprietary") {
      c.proprietary = true;
    } else if (line == "accept") {
      cases.push_back(c);
    } else if (line.starts_with("reject ")) {
      std::istringstream words(value("reject "));
      string error;
      words >> error;
      if (!kErrnos.contains(error)) {
        std::printf("%s: unknown errno %s\n", c.name.c_str(), error.c_str());
        return false;
      }
      c.error = kErrnos.at(error);
      std::getline(words >> std::ws, c.message);
      cases.push_back(c);
    } else {
      c.code += line + "\n";
    }
  }
  return true;
}

// `kcall NAME` -> an instruction with the function's id. False: the kernel has no such function.
bool resolve_kernel_calls(string& code) {
  static const std::regex call("kcall (\\w+)"), field("(\\w+)::(\\w+)");
  std::smatch m;
  while (std::regex_search(code, m, call)) {
    const auto types = support::kernel_types();
    const auto id = types ? types->find(m[1].str(), bpf::BTF_KIND_FUNC) : std::nullopt;
    if (!id) return false;
    code = m.prefix().str() + "raw 85 0 2 0 " + std::to_string(*id) + m.suffix().str();
  }
  static const std::regex symbol("r(\\d) = ksym (\\w+)");
  while (std::regex_search(code, m, symbol)) {
    const auto types = support::kernel_types();
    auto id = types ? types->find(m[2].str(), bpf::BTF_KIND_VAR) : std::nullopt;
    if (types && !id) id = types->find(m[2].str(), bpf::BTF_KIND_FUNC);
    if (types && !id) id = types->find(m[2].str(), bpf::BTF_KIND_STRUCT);
    if (!id) return false;
    code = m.prefix().str() + "raw 18 " + m[1].str() + " 3 0 " + std::to_string(*id) + "\nraw 00 0 0 0 0" +
           m.suffix().str();
  }
  while (std::regex_search(code, m, field)) {  // +struct::member: its offset
    const auto types = support::kernel_types();
    const auto id = types ? types->find(m[1].str(), bpf::BTF_KIND_STRUCT) : std::nullopt;
    if (!id) return false;
    std::optional<base::u32> offset;
    for (base::u32 k = 0; k < types->types().vlen(*id); ++k)
      if (types->types().string_at(types->types().member(*id, k).name_off) == m[2].str())
        offset = types->types().member(*id, k).bit_offset / 8;
    if (!offset) return false;
    code = m.prefix().str() + std::to_string(*offset) + m.suffix().str();
  }
  return true;
}

void attach_to_member(bpf::ProgSource& source, const string& name, const string& member) {
  const auto types = support::kernel_types();
  const auto id = types ? types->find(name, bpf::BTF_KIND_STRUCT) : std::nullopt;
  for (base::u32 k = 0; id && k < types->types().vlen(*id); ++k)
    if (types->types().string_at(types->types().member(*id, k).name_off) == member) {
      source.attach_btf_id = *id;
      source.expected_attach_type = static_cast<bpf::bpf_attach_type>(k);
    }
}

bpf::ProgSource make_source(const Case& c, const bpf::ProgSource& all, std::vector<bpf::bpf_insn> insns) {
  bpf::ProgSource s;
  s.type = bpf::BPF_PROG_TYPE_XDP;
  s.name = "case";
  s.gpl_compatible = !c.proprietary;
  s.caps = c.caps;
  if (c.flags.find("strict") != string::npos) s.prog_flags |= bpf::BPF_F_STRICT_ALIGNMENT;
  if (c.flags.find("freq") != string::npos) s.prog_flags |= bpf::BPF_F_TEST_STATE_FREQ;
  if (c.flags.find("sleepable") != string::npos) s.prog_flags |= bpf::BPF_F_SLEEPABLE;
  if (!c.type.empty())
    for (base::u32 t = 1; t < bpf::kProgTypes.size(); ++t)
      if (bpf::kProgTypes[t].name == c.type) s.type = static_cast<bpf::bpf_prog_type>(t);
  const auto member = c.attach.find("::");  // of a struct of functions
  if (member != string::npos)
    attach_to_member(s, c.attach.substr(0, member), c.attach.substr(member + 2));
  else if (c.attach == "devmap")
    s.expected_attach_type = bpf::BPF_XDP_DEVMAP;
  else if (!c.attach.empty())
    s.expected_attach_type = static_cast<bpf::bpf_attach_type>(std::stoi(c.attach));
  if (const auto space = c.attach.find(' '); space != string::npos && support::kernel_types()) {
    const string hook = c.attach.substr(space + 1);
    const base::u32 kind = hook.starts_with("btf_trace_") ? bpf::BTF_KIND_TYPEDEF : bpf::BTF_KIND_FUNC;
    s.attach_btf_id = support::kernel_types()->find(hook, kind).value_or(0);
  }
  // Only the maps that it names, numbered anew: each is judged with the program.
  std::map<base::s32, base::s32> numbers;
  for (std::size_t i = 0; i < insns.size(); ++i) {
    if (!bpf::insn_is_ld_imm64(insns[i])) continue;
    const bool map = insns[i].src_reg == bpf::BPF_PSEUDO_MAP_FD || insns[i].src_reg == bpf::BPF_PSEUDO_MAP_VALUE;
    if (map && static_cast<std::size_t>(insns[i].imm) < all.maps.size()) {
      const auto [at, added] = numbers.try_emplace(insns[i].imm, static_cast<base::s32>(s.maps.size()));
      if (added) s.maps.push_back(all.maps[static_cast<std::size_t>(insns[i].imm)]);
      insns[i].imm = at->second;
    }
    ++i;
  }
  s.inner_maps = all.inner_maps;
  s.insns = std::move(insns);
  return s;
}

bool same(const char* who, const Case& c, int error, const string& log) {
  const bool ok = error == c.error && (c.message.empty() || log.find(c.message) != string::npos);
  if (!ok)
    std::printf("FAILED %s\n  %s says %d (%s), expected %d '%s'\n%s\n", c.name.c_str(), who, error,
                std::strerror(error), c.error, c.message.c_str(), log.c_str());
  return ok;
}

// The host's log of a program that it walks for long would take minutes: it is asked for statistics alone.
void print_both(const Case& c, const bpf::ProgSource& source, const bpf::ProgSource& for_host,
                std::span<const support::Fd> maps) {
  constexpr unsigned kLong = 20000;
  const auto ours = bpf::verifier::verify(source, {.kernel = support::kernel_types});
  const bool is_long = ours.stats.verified_insns > kLong;
  const base::u32 level = is_long ? 4 : base::u32{bpf::BPF_LOG_LEVEL2};
  const auto verdict = support::host_load(for_host, maps);
  const auto host = support::host_load(for_host, maps, level);
  const auto told = bpf::verifier::verify(source, {.kernel = support::kernel_types, .log_level = level});
  std::printf("===== %s\nours %d\n%s\nhost %d\n%s\n", c.name.c_str(), told.error, told.log.c_str(), verdict.error,
              host.log.c_str());
}

}  // namespace

// Usage: verifier_cases DIRECTORY
//        verifier_cases --show FILE: both logs of every case
//        verifier_cases DIRECTORY --mutate COUNT SEED: changes of the cases
int main(int argc, char** argv) {
  std::vector<Case> cases;
  if (argc < 2) return 2;
  const bool show = argc == 3 && string(argv[1]) == "--show";
  if (show && !read_cases(argv[2], cases)) return 1;
  if (!show)
    for (const auto& file : std::filesystem::directory_iterator(argv[1]))
      if (file.path().extension() == ".cases" && !read_cases(file.path(), cases)) return 1;
  bpf::ProgSource all;
  if (!add_maps(all)) return 1;
  const auto& unusable = support::host_kernel_unusable();
  if (unusable) std::printf("SKIPPED for the host kernel (%s): only our own verdicts are checked\n", unusable->c_str());
  auto fds = support::host_make_maps(all);
  // A map's own protection against Spectre depends on who made it.
  auto without_perfmon = [&all] {
    const support::LoweredCapabilities lowered({.bpf = true, .perfmon = false, .net_admin = true});
    return support::host_make_maps(all);
  }();
  const auto& closed = support::host_closed_to_unprivileged();
  if (closed) std::printf("SKIPPED for the host kernel (%s): cases without CAP_BPF are ours alone\n", closed->c_str());
  if (!unusable && (!fds || !without_perfmon)) {
    std::printf("maps: %s\n", fds.error().what().c_str());
    return 1;
  }
  const bool fuzzes = argc == 5 && string(argv[2]) == "--mutate";
  std::vector<FuzzCase> seeds;
  int failed = 0, skipped = 0;
  for (const Case& c : cases) {
    string code = c.code;
    code = number_types(std::move(code), all.btf);
    if (!resolve_kernel_calls(code)) {
      std::printf("SKIPPED %s: this kernel's types lack a function or field of it\n", c.name.c_str());
      ++skipped;
      continue;
    }
    std::map<string, std::size_t> labels;
    auto insns = support::assemble(number_maps(code, all.maps), &labels);
    if (!insns) {
      std::printf("FAILED %s\n  %s\n", c.name.c_str(), insns.error().what().c_str());
      ++failed;
      continue;
    }
    auto source = make_source(c, all, *insns);
    if (auto added = c.object_types ? support::use_object_types(source, all.btf, labels)
                                    : support::add_functions(source, c.functions, labels);
        !added) {
      std::printf("FAILED %s\n  %s\n", c.name.c_str(), added.error().what().c_str());
      ++failed;
      continue;
    }
    auto for_host = source;  // whose maps are those of all cases
    for_host.insns = *insns;
    if (fuzzes) {
      if (c.flags.find("unchanged") != string::npos || c.host == kAny) continue;
      for_host.maps = all.maps;
      seeds.push_back({c.name, for_host});
      continue;
    }
    const auto& maps = c.caps.perfmon ? *fds : *without_perfmon;
    if (show) {
      print_both(c, source, for_host, maps);
      continue;
    }
    // The log of a million instructions takes long and does not fit the host's buffer.
    const base::u32 level = c.message.empty() ? 0U : base::u32{bpf::BPF_LOG_LEVEL2};
    const auto ours = bpf::verifier::verify(source, {.kernel = support::kernel_types, .log_level = level});
    bool ok = same("ours", c, ours.error, ours.log) && !ours.unsupported;
    if (!unusable && c.host != kAny && (c.caps.bpf || !closed)) {
      const auto host = support::host_load(for_host, maps, level);
      ok &= c.host ? host.error == *c.host : same("the host kernel", c, host.error, host.log);
    }
    failed += !ok;
  }
  if (show) return 0;
  if (fuzzes) {
    const FuzzOptions options{.count = std::stoull(argv[3]), .seed = std::stoull(argv[4]),
                              .kernel = support::kernel_types};
    constexpr int kSkipped = 77;  // meson's word for it
    if (unusable) return kSkipped;
    return fuzz_cases(seeds, *fds, *without_perfmon, options) ? 0 : 1;
  }
  constexpr std::size_t kCasesMin = 90;  // a reader that loses cases must not look like success
  std::printf("%zu cases, %d failed, %d skipped\n", cases.size(), failed, skipped);
  return failed != 0 || cases.size() < kCasesMin ? 1 : 0;
}
