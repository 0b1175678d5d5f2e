// SPDX-License-Identifier: Apache-2.0
// Every command of bpf(2), the same attrs to the host kernel and to our door: what one answers the other must answer.
//
// Cases     for each command of abi_cases: attr sizes 0..512 with and without junk in the last byte, one page and one
//           byte more; each byte of the attr changed in two ways; each field given the values of its kind.
// Usage     abi_oracle [--verbose] [--cmd N]. Exit 0 all agree but for the differences listed below, each of which must
//           occur; 1 something else differs; 77 no host kernel to ask.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/oracle/abi_cases.h"
#include "tests/oracle/abi_known.h"
#include "tests/support/host_kernel.h"

namespace abi_oracle {
namespace {

using base::u8;
using bpf::bpf_attr;

constexpr int kSkipped = 77;
constexpr u32 kSizeMax = 512;

struct Case {
  const Command& command;
  std::string what;    // for people
  const Field* field;  // that was changed; null: none in particular
  std::vector<u8> ours, hosts;
};

struct Totals {
  u64 cases = 0, agreed = 0, known = 0, left_out = 0;
};

class Oracle {
 public:
  explicit Oracle(bool verbose) : verbose_(verbose), host_(make_host_world()), ours_(make_our_world()) {}

  bool make() { return host_->make() && ours_->make(); }

  void run(const Command& command) {
    const Totals before = totals_;
    sizes(command);
    bytes(command);
    fields(command);
    std::printf("%-36.*s %6llu cases\n", int(command.name.size()), command.name.data(),
                static_cast<unsigned long long>(totals_.cases - before.cases));
  }

  // 0: nothing but what is listed, and each reason occurs. (A single row may depend on what lies in memory.)
  int tell(bool all_commands) const {
    for (const auto& [text, count] : surprises_)
      std::printf("DIFFERS %5llu x %s\n", static_cast<unsigned long long>(count), text.c_str());
    bool stale = false;
    std::map<std::string, u64> reasons;
    for (const Known& row : known_differences()) {
      const auto seen = seen_.find(&row);
      reasons[row.reason] += seen == seen_.end() ? 0 : seen->second;
    }
    for (const auto& [reason, count] : reasons) {
      if (count != 0)
        std::printf("listed  %5llu x %s\n", static_cast<unsigned long long>(count), reason.c_str());
      else if (all_commands)
        stale = true, std::printf("STALE: listed, but nothing differs so: %s\n", reason.c_str());
    }
    std::printf("%llu cases, %llu agree, %llu differ as listed, %llu left out: too large, or about others\n",
                static_cast<unsigned long long>(totals_.cases), static_cast<unsigned long long>(totals_.agreed),
                static_cast<unsigned long long>(totals_.known), static_cast<unsigned long long>(totals_.left_out));
    return surprises_.empty() && !stale ? 0 : 1;
  }

 private:
  static std::vector<u8> build(const World& world, const Command& command, const Field* changed, const Value& value,
                               std::size_t size = sizeof(bpf_attr)) {
    std::vector<u8> attr(std::max(size, sizeof(bpf_attr)));
    for (const Field& field : command.fields) {
      const u64 v = world.resolve(&field == changed ? value : field.base);
      std::memcpy(attr.data() + field.offset, &v, field.bytes);
    }
    if (command.cmd == bpf::BPF_TASK_FD_QUERY && (!changed || changed != &command.fields[0])) {
      const u32 pid = u32(getpid());
      std::memcpy(attr.data() + command.fields[0].offset, &pid, sizeof pid);
    }
    attr.resize(size);
    return attr;
  }

  Case both(const Command& command, std::string what, const Field* field, const Value& value, std::size_t size) {
    return {command, std::move(what), field, build(*ours_, command, field, value, size),
            build(*host_, command, field, value, size)};
  }

  static std::vector<Field>::const_iterator field_at(const Command& command, std::size_t at) {
    return std::ranges::find_if(
        command.fields, [at](const Field& f) { return at >= f.offset && at < std::size_t(f.offset) + f.bytes; });
  }
  // A changed descriptor or id would be another number in either world.
  static bool changes_object(const Command& command, std::size_t at) {
    const auto field = field_at(command, at);
    return field != command.fields.end() && (field->kind == Kind::fd || field->kind == Kind::id);
  }

  void sizes(const Command& command) {
    for (u32 size = 0; size <= kSizeMax; ++size) {
      ask(both(command, "size " + std::to_string(size), nullptr, {}, size));
      if (size == 0 || changes_object(command, size - 1)) continue;
      Case junk = both(command, "size " + std::to_string(size) + " with junk at its end", nullptr, {}, size);
      junk.ours.back() ^= 0x40, junk.hosts.back() ^= 0x40;
      ask(std::move(junk));
    }
    for (const u32 size : {4096U, 4097U}) ask(both(command, "size " + std::to_string(size), nullptr, {}, size));
  }

  void bytes(const Command& command) {
    for (std::size_t at = 0; at < sizeof(bpf_attr); ++at)
      for (const u8 flip : {u8{0x01}, u8{0x80}}) {
        const auto field = field_at(command, at);
        if (changes_object(command, at)) continue;
        Case changed = both(command, "byte " + std::to_string(at) + " ^ " + std::to_string(flip),
                            field == command.fields.end() ? nullptr : &*field, {}, sizeof(bpf_attr));
        if (field != command.fields.end()) {
          changed.ours = build(*ours_, command, nullptr, {});
          changed.hosts = build(*host_, command, nullptr, {});
        }
        changed.ours[at] ^= flip, changed.hosts[at] ^= flip;
        ask(std::move(changed));
      }
  }

  void fields(const Command& command) {
    for (const Field& field : command.fields)
      for (const Value& value : values_of(field))
        ask(both(
            command,
            "byte " + std::to_string(field.offset) + " = " +
                (value.sym == Sym::number ? std::to_string(value.number) : "object " + std::to_string(int(value.sym))),
            &field, value, sizeof(bpf_attr)));
  }

  void ask(Case c) {
    bpf_attr seen{};
    std::memcpy(&seen, c.hosts.data(), std::min(c.hosts.size(), sizeof seen));
    if (too_large(c.command.cmd, seen) || !same_question(c)) {
      ++totals_.left_out;
      return;
    }
    ++totals_.cases;
    const long host = call(*host_, c.command, c.hosts);
    const long ours = call(*ours_, c.command, c.ours);
    if (host >= 0 || ours >= 0) mend(c.command.spoils);
    judge(c, seen, ours, host);
  }

  // An id that is not the world's own is somebody else's on the host, unless it is one that nobody can have.
  bool same_question(const Case& c) const {
    if (c.command.fields.empty() || c.command.fields[0].kind != Kind::id) return true;
    const auto fine = [&](const World& world, const std::vector<u8>& attr) {
      u32 id = 0;
      std::memcpy(&id, attr.data(), std::min(attr.size(), sizeof id));
      const bool own = c.command.cmd == bpf::BPF_TASK_FD_QUERY ? id == u32(getpid())
                       : c.command.gives_fd                    ? id == world.resolve(c.command.fields[0].base)
                                                               : false;
      return own || id == 0 || id >= 1U << 30;
    };
    return fine(*ours_, c.ours) && fine(*host_, c.hosts);
  }

  void mend(Spoils what) {
    if (!host_->mend(what) || !ours_->mend(what)) std::exit(1);
  }

  // A descriptor is closed at once: 0 stands for any success.
  static long call(World& world, const Command& command, std::vector<u8>& attr) {
    const long rc = world.call(command.cmd, attr.data(), u32(attr.size()));
    if (rc >= 0 && command.gives_fd) close(int(rc));
    return rc >= 0 ? 0 : rc;
  }

  void judge(const Case& c, const bpf_attr& attr, long ours, long host) {
    if (ours == host) {
      ++totals_.agreed;
      return;
    }
    for (const Known& row : known_differences())
      if (row.cmd == c.command.cmd && row.ours == -ours && row.host == -host && (!row.when || row.when(attr))) {
        ++totals_.known;
        ++seen_[&row];
        return;
      }
    const auto text = [](long rc) {
      return rc ? std::string(strerrorname_np(int(-rc)) ? strerrorname_np(int(-rc)) : "524") : "ok";
    };
    const std::string at = c.field ? "byte " + std::to_string(c.field->offset) : c.what.substr(0, c.what.find(' '));
    const std::string key = std::string(c.command.name) + ", " + (verbose_ ? c.what : at) + ": ours " + text(ours) +
                            ", host " + text(host) + (verbose_ ? "" : " (e.g. " + c.what + ")");
    ++surprises_[verbose_ ? key : unify(c, at, text(ours), text(host), key)];
  }

  // One line for all cases of a command and a field that differ alike: the first is the example.
  std::string unify(const Case& c, const std::string& at, const std::string& ours, const std::string& host,
                    const std::string& key) {
    return lines_.try_emplace(std::string(c.command.name) + at + ours + host, key).first->second;
  }

  bool verbose_;
  std::unique_ptr<World> host_;
  std::unique_ptr<World> ours_;
  Totals totals_;
  std::map<std::string, std::string> lines_;
  std::map<std::string, u64> surprises_;
  std::map<const Known*, u64> seen_;
};

int run(int argc, char** argv) {
  bool verbose = false;
  long only = -1;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--verbose") == 0) verbose = true;
    if (std::strcmp(argv[i], "--cmd") == 0 && i + 1 < argc) only = std::atol(argv[++i]);
  }
  if (const auto& why = support::host_kernel_unusable()) {
    std::printf("SKIPPED: host kernel is no oracle here: %s\n", why->c_str());
    return kSkipped;
  }
  if (!enter_network()) {
    std::printf("SKIPPED: no network namespace with two devices can be made here\n");
    return kSkipped;
  }
  Oracle oracle(verbose);
  if (!oracle.make()) return 1;
  for (const Command& command : commands())
    if (only < 0 || u32(only) == command.cmd) oracle.run(command);
  return oracle.tell(only < 0);
}

}  // namespace
}  // namespace abi_oracle

int main(int argc, char** argv) {
  return abi_oracle::run(argc, argv);
}
