// SPDX-License-Identifier: Apache-2.0
// object_oracle — whole objects as clang makes them: what `sluice verify` says of every program of one, and what the
// host's kernel says when it is given the same programs. Between the object and libbpf stands the same preparation
// (bpf/load/prepare.h), so the kernel judges that as well.
//
//   object_oracle SLUICE OBJECT ACCEPTED_MIN
//
// Shape     accepted or not, and the errno, must be equal. No answer ("unsupported") is a difference.
// Errors    exit 1 and every difference; 77 where bpf(2) or the kernel's BTF cannot be used.
// Source    the running kernel. It does not know infrared receivers, and refuses every trampoline (fentry, LSM) with
//           EPERM before it looks: of those only an answer is asked.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "bpf/load/command_edits.h"
#include "bpf/load/loader_object.h"
#include "bpf/load/prepare.h"
#include "bpf/load/sections.h"

namespace {

using nlohmann::json;

constexpr int kSkipped = 77;
constexpr char kKernelTypes[] = "/sys/kernel/btf/vmlinux";
constexpr unsigned kArena = 33;

struct Verdict {
  int error = 0;
  std::string section, why;
  bool unsupported = false;
};
using Verdicts = std::map<std::string, Verdict>;

Verdicts ask_host(const bpf::load::Prepared& object, const bpf::load::Described& listed) {
  Verdicts out;
  for (const auto& row : listed.programs) {
    bpf::load::LoadPlan plan{.object_name = "oracle", .programs = {row.name}};
    bpf::load::warnings().take();
    const auto done = bpf::load::load_object(object, plan, [](auto) -> base::Result<std::vector<bpf::load::Bind>> {
      return std::vector<bpf::load::Bind>{};
    });
    Verdict& verdict = out[row.name];
    verdict.section = row.section;
    if (!done) verdict.error = done.error().code();
    for (const std::string& line : bpf::load::warnings().take()) verdict.why += "      " + line + "\n";
  }
  return out;
}

base::Result<Verdicts> ask_us(const std::string& sluice, const std::string& object) {
  const std::string command = "'" + sluice + "' verify '" + object + "' --btf " + kKernelTypes + " -j";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) return base::Error(errno, "popen");
  std::string text;
  std::array<char, 4096> chunk{};
  for (std::size_t n; (n = fread(chunk.data(), 1, chunk.size(), pipe.get())) > 0;) text.append(chunk.data(), n);
  const json rows = json::parse(text, nullptr, false);
  if (!rows.is_array()) return base::Error(EPROTO, "sluice verify printed no rows: " + text.substr(0, 400));
  Verdicts out;
  for (const json& row : rows)
    out[row.value("name", "")] = {row.value("errno", 0), row.value("section", ""),
                                  "      " + row.value("reason", std::string()) + "\n",
                                  row.value("unsupported", false)};
  return out;
}

bool host_knows(const Verdict& host) {
  return host.error != EPERM && host.section != "lirc_mode2";
}

int compare(const Verdicts& host, const Verdicts& ours, unsigned accepted_min) {
  unsigned equal = 0, accepted = 0, unasked = 0, differ = 0;
  for (const auto& [name, theirs] : host) {
    const auto found = ours.find(name);
    const Verdict mine = found == ours.end() ? Verdict{.error = ENOENT, .why = "      no answer\n"} : found->second;
    const bool same = found != ours.end() && !mine.unsupported && (!host_knows(theirs) || mine.error == theirs.error);
    equal += same;
    accepted += same && mine.error == 0;
    unasked += !host_knows(theirs);
    if (same) continue;
    ++differ;
    std::printf("%s (%s): host %d, ours %d%s\n    host:\n%s    ours:\n%s", name.c_str(), theirs.section.c_str(),
                theirs.error, mine.error, mine.unsupported ? ", unsupported" : "", theirs.why.c_str(),
                mine.why.c_str());
  }
  std::printf("%zu programs: %u equal, %u of them accepted, %u that the host does not judge, %u differ\n", host.size(),
              equal, accepted, unasked, differ);
  return differ != 0 || accepted < accepted_min ? 1 : 0;
}

}  // namespace

extern "C" {

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

long __wrap_syscall(long number, ...) {
  std::array<long, 6> a{};
  va_list args;
  va_start(args, number);
  for (long& v : a) v = va_arg(args, long);
  va_end(args);
  if (number != SYS_bpf) return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  const auto to_kernel = [](unsigned cmd, void* attr, unsigned size) -> long {
    const long result = __real_syscall(SYS_bpf, cmd, attr, size);
    if (result < 0) return -errno;
    // An arena has an address before a program uses it; today's libbpf maps it as well. The mapping goes with us.
    std::array<unsigned, 4> head{};  // map_type, key_size, value_size, max_entries
    std::memcpy(head.data(), attr, sizeof head);
    if (cmd == 0 && head[0] == kArena)
      mmap(nullptr, head[3] * 4096UL, PROT_READ | PROT_WRITE, MAP_SHARED, static_cast<int>(result), 0);
    return result;
  };
  const long result = bpf::load::command_edits().run(static_cast<unsigned>(a[0]), reinterpret_cast<void*>(a[1]),
                                                     static_cast<unsigned>(a[2]), to_kernel);
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // extern "C"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  if (geteuid() != 0 || access(kKernelTypes, R_OK) != 0) {
    std::printf("SKIPPED: no bpf(2) or no BTF of the host's kernel here\n");
    return kSkipped;
  }
  std::ifstream file(argv[2], std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (auto known = bpf::load::register_sections(); !known) return 2;
  const bpf::load::Prepared object = bpf::load::prepare(std::as_bytes(std::span(bytes)));
  const auto listed = bpf::load::list_object(object, {.object_name = "oracle", .all = true});
  const auto ours = ask_us(argv[1], argv[2]);
  if (!listed || !ours) {
    std::printf("%s\n%s\n", listed ? "" : std::string(listed.error().what()).c_str(),
                ours ? "" : std::string(ours.error().what()).c_str());
    for (const std::string& line : bpf::load::warnings().take()) std::printf("  %s\n", line.c_str());
    return 1;
  }
  return compare(ask_host(object, *listed), *ours, static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)));
}
