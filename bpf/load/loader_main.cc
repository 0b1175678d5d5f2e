// SPDX-License-Identifier: Apache-2.0
// sluice-loader: the process that lets libbpf near an object file. Started with one end of a SEQPACKET pair as
// descriptor kLoaderSocket, it takes one load message, works, answers with one result message and ends.
//
//   load    {"mode": "load"|"list"|"each", "name", "pin_root", "programs": [..], "max_entries": {..}, "log_level"}
//           beside it two descriptors: the object, the BTF that stands for vmlinux
//   opened  the object's BTF, raw; answered by
//   bind    {"set": [{"map", "offset", "hex"}]} or {"error": sentence, "errno": n}
//   result  {"programs": [{name, section, type, insns, id, errno?, error?, warnings?}], "maps": [{name, section, id}],
//            "warnings": [..]} or {"errno", "error", "warnings"}
//
// Errors    exit 0: a result was sent, whatever it says; 1: the socket broke.
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/percpu.h"
#include "base/sanitized.h"
#include "bpf/load/channel.h"
#include "bpf/load/client.h"
#include "bpf/load/loader_limits.h"
#include "bpf/load/loader_object.h"
#include "bpf/load/loader_wrap.h"
#include "bpf/load/sections.h"

namespace bpf::load {
namespace {

using nlohmann::json;

void limit(int resource, rlim_t value) {
  const rlimit bound{value, value};
  setrlimit(static_cast<__rlimit_resource>(resource), &bound);
}

// Hostile input can make a library loop or eat memory; it shall not take the machine, nor anything root may do.
void confine() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, kLoaderCpuSecondsMax);
  // AddressSanitizer reserves terabytes, and its leak check starts a thread that traces this process.
  if (!base::kSanitized) limit(RLIMIT_AS, kLoaderMemoryBytesMax);
  if (!base::kSanitized) limit(RLIMIT_NPROC, 0);
  if (geteuid() == 0) {
    constexpr uid_t kNobody = 65534;
    if (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
        setresuid(kNobody, kNobody, kNobody) != 0)
      std::fputs("sluice-loader: cannot give up privileges\n", stderr);
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of credentials clears it
    if (base::kSanitized) prctl(PR_SET_DUMPABLE, 1);
  }
}

base::Result<std::vector<std::byte>> read_all(int fd) {
  struct stat st{};
  if (fstat(fd, &st) != 0) return base::Error(errno, "the object cannot be read");
  std::vector<std::byte> bytes(std::size_t(st.st_size));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = pread(fd, bytes.data() + done, bytes.size() - done, off_t(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return base::Error(n < 0 ? errno : EIO, "the object ends early: it changes while it is read");
    done += std::size_t(n);
  }
  return bytes;
}

std::vector<std::byte> from_hex(const std::string& hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; };
  std::vector<std::byte> out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) out.push_back(std::byte(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return out;
}

LoadPlan parse_plan(const json& request) {
  LoadPlan plan;
  plan.object_name = request.value("name", "object");
  plan.pin_root = request.value("pin_root", "/sys/fs/bpf");
  plan.programs = request.value("programs", std::vector<std::string>{});
  plan.max_entries = request.value("max_entries", std::map<std::string, base::u32>{});
  plan.log_level = request.value("log_level", 0);
  return plan;
}

json to_json(const base::Error& error) {
  return {{"errno", error.code()}, {"error", error.what()}, {"warnings", warnings().take()}};
}

json to_json(const Described& object) {
  json out{{"programs", json::array()}, {"maps", json::array()}};
  for (const ProgramRow& p : object.programs)
    out["programs"].push_back(
        {{"name", p.name}, {"section", p.section}, {"type", p.type}, {"insns", p.insns}, {"id", p.id}});
  for (const MapRow& m : object.maps) out["maps"].push_back({{"name", m.name}, {"section", m.section}, {"id", m.id}});
  return out;
}

class Session {
 public:
  explicit Session(Channel& channel) : channel_(channel) {}

  json run(const json& request, const Prepared& object) {
    const std::string mode = request.value("mode", "load");
    const LoadPlan plan = parse_plan(request);
    if (mode == "each") return run_each(plan, object);
    auto done = mode == "list" ? list_object(object, plan) : load_object(object, plan, bind());
    if (!done) return to_json(done.error());
    json out = to_json(*done);
    out["warnings"] = warnings().take();
    return out;
  }

 private:
  // Every program alone: the others of the object are not loaded with it.
  json run_each(LoadPlan plan, const Prepared& object) {
    plan.all = true;
    auto listed = list_object(object, plan);
    if (!listed) return to_json(listed.error());
    json out{{"programs", json::array()}, {"maps", json::array()}, {"warnings", warnings().take()}};
    for (const ProgramRow& row : listed->programs) {
      LoadPlan alone = plan;
      alone.programs = {row.name};
      json result{{"name", row.name}, {"section", row.section}, {"type", row.type}, {"insns", row.insns}, {"id", 0}};
      announce(row);
      if (auto done = load_object(object, alone, bind()); !done) result.update(to_json(done.error()));
      else if (!done->programs.empty()) result["id"] = done->programs.front().id;
      warnings().take();
      out["programs"].push_back(std::move(result));
    }
    return out;
  }

  // Lets the server tell the programs apart whose commands it is about to see.
  void announce(const ProgramRow& row) {
    const std::string text = json{{"program", row.name}}.dump();
    (void)channel_.send(MessageKind::opened, std::as_bytes(std::span(text)));
    (void)channel_.receive();
  }

  BindFn bind() {
    return [this](base::ConstBytes btf) -> base::Result<std::vector<Bind>> {
      SLUICE_CHECK(channel_.send(MessageKind::bind, btf));
      SLUICE_TRY(const Message answer, channel_.receive());
      const json settings = json::parse(answer.body.begin(), answer.body.end(), nullptr, false);
      if (settings.is_discarded()) return base::Error(EPROTO, "malformed answer of the server");
      if (settings.contains("error"))
        return base::Error(settings.value("errno", EINVAL), settings.value("error", std::string()));
      std::vector<Bind> binds;
      for (const json& set : settings.value("set", json::array()))
        binds.push_back({set.value("map", ""), set.value("offset", 0U), from_hex(set.value("hex", ""))});
      return binds;
    };
  }

  Channel& channel_;
};

int run_loader() {
  confine();
  Channel channel{base::UniqueFd(kLoaderSocket)};
  auto message = channel.receive();
  if (!message || message->kind != MessageKind::load || message->fds.size() != 2) {
    std::fputs("sluice-loader: started by hand; it is a part of sluice and sluiced\n", stderr);
    return 1;
  }
  const json request = json::parse(message->body.begin(), message->body.end(), nullptr, false);
  DoorClient door(channel, base::possible_cpu_count());
  serve_libbpf(door, message->fds[1].get());
  json result;
  if (auto known = register_sections(); !known) result = to_json(known.error());
  else if (auto elf = read_all(message->fds[0].get()); !elf) result = to_json(elf.error());
  else result = Session(channel).run(request, prepare(*elf));
  const std::string text = result.dump(-1, ' ', false, json::error_handler_t::replace);
  return channel.send(MessageKind::result, std::as_bytes(std::span(text))) ? 0 : 1;
}

}  // namespace
}  // namespace bpf::load

int main() { return bpf::load::run_loader(); }
