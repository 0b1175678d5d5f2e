// SPDX-License-Identifier: Apache-2.0
#include "control/load_object.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "bpf/btf/host_btf.h"
#include "bpf/load/loader_limits.h"
#include "control/door_server.h"
#include "control/hex.h"
#include "control/loader_process.h"
#include "control/object_file.h"

namespace control {
namespace {

using bpf::load::Message;
using bpf::load::MessageKind;
using nlohmann::json;

// One loader at work, from its start to its result.
class Session {
 public:
  Session(Door& door, const LoadRequest& request)
      : door_(door), request_(request), server_(door, geteuid(), request.caps) {
    server_.client().on_prog_load = [this](LoadReport report) { note(std::move(report)); };
    server_.client().on_pin = [this](const std::string& path) { pins_.push_back(path); };
    if (!request.vmlinux_btf.empty()) server_.client().kernel_types = [this] { return kernel_types(); };
  }
  ~Session() { drop_pins(); }

  base::Result<json> run(const char* mode) {
    SLUICE_TRY(const base::UniqueFd object, open_object_file(request_.path));
    SLUICE_TRY(const base::UniqueFd types, open_vmlinux());
    SLUICE_TRY(LoaderProcess loader, LoaderProcess::start(request_.loader));
    const std::string text = json{{"mode", mode},
                                  {"name", object_name()},
                                  {"pin_root", request_.pin_root.empty() ? door_.config().pin_root : request_.pin_root},
                                  {"programs", request_.programs},
                                  {"max_entries", request_.max_entries},
                                  {"log_level", request_.log_level}}
                                 .dump();
    const int fds[] = {object.get(), types.get()};
    SLUICE_CHECK(loader.channel().send(MessageKind::load, std::as_bytes(std::span(text)), fds));
    return serve(loader);
  }

  WireClient& client() { return server_.client(); }
  void keep_pins() { pins_.clear(); }
  // The last report of a program with that name, since its turn was announced.
  const LoadReport* find_report(const std::string& program, const std::string& name) const {
    const auto row = reports_.find(program);
    if (row == reports_.end()) return nullptr;
    const std::string stored = name.substr(0, bpf::BPF_OBJ_NAME_LEN - 1);
    for (auto report = row->second.rbegin(); report != row->second.rend(); ++report)
      if (report->name == stored) return &*report;
    return nullptr;
  }
  // The sentence behind the command that made loading fail, if a command did.
  std::string failure() const { return failure_; }

 private:
  // libbpf repeats a refused load once or twice with a longer log; objects have a few hundred programs.
  static constexpr std::size_t kReportsMax = 4096;

  base::Result<json> serve(LoaderProcess& loader) {
    for (;;) {
      auto message = loader.channel().receive(bpf::load::kLoaderSilenceMsMax);
      if (!message) {
        if (message.error().code() == ETIMEDOUT) return base::Error(ETIMEDOUT, "the loader process hangs");
        return base::Error(EIO, "the loader process " + loader.wait());
      }
      switch (message->kind) {
        case MessageKind::call: SLUICE_CHECK(serve_call(loader.channel(), *message)); break;
        case MessageKind::opened: SLUICE_CHECK(begin_program(loader.channel(), *message)); break;
        case MessageKind::bind: SLUICE_CHECK(answer_bind(loader.channel(), message->body)); break;
        case MessageKind::result: return parse_result(message->body);
        default: return base::Error(EPROTO, "the loader process sent what it must not");
      }
    }
  }

  base::Status serve_call(bpf::load::Channel& channel, const Message& message) {
    client().last_error.clear();
    SLUICE_CHECK(server_.serve(channel, message));
    failure_ = client().last_error;  // what libbpf asked again in another way, and got, is no failure
    return base::success();
  }

  base::Status begin_program(bpf::load::Channel& channel, const Message& message) {
    const json head = json::parse(message.body.begin(), message.body.end(), nullptr, false);
    current_ = head.is_object() ? head.value("program", std::string()) : std::string();
    failure_.clear();
    drop_pins();  // alone means without what the program before left behind
    return channel.send(MessageKind::opened, base::ConstBytes{});
  }

  base::Result<std::vector<GlobalBytes>> ask_globals(base::ConstBytes raw_types) const {
    if (!request_.set_globals) return std::vector<GlobalBytes>{};
    if (raw_types.empty())
      return base::Error(EINVAL, "the object has no BTF, so its global variables have no names (clang -g)");
    SLUICE_TRY(const bpf::btf::Btf types, bpf::btf::Btf::parse(raw_types));
    return request_.set_globals(types);
  }

  base::Status answer_bind(bpf::load::Channel& channel, base::ConstBytes raw_types) {
    json answer{{"set", json::array()}};
    if (const auto globals = ask_globals(raw_types); !globals) {
      answer = {{"error", globals.error().what()}, {"errno", globals.error().code()}};
    } else {
      for (const GlobalBytes& b : *globals)
        answer["set"].push_back({{"map", b.section}, {"offset", b.offset}, {"hex", to_hex(b.bytes)}});
    }
    const std::string text = answer.dump(-1, ' ', false, json::error_handler_t::replace);
    return channel.send(MessageKind::bind, std::as_bytes(std::span(text)));
  }

  void drop_pins() {
    for (const std::string& path : pins_) (void)door_.unpin(path);
    pins_.clear();
  }

  static base::Result<json> parse_result(base::ConstBytes body) {
    const auto* text = reinterpret_cast<const char*>(body.data());
    json result = json::parse(text, text + body.size(), nullptr, false);
    if (!result.is_object()) return base::Error(EPROTO, "the loader process sent a malformed result");
    return result;
  }

  void note(LoadReport report) {
    if (report_count_ >= kReportsMax) return;
    ++report_count_;
    reports_[current_].push_back(std::move(report));
  }

  std::string object_name() const {
    std::string name = std::filesystem::path(request_.path).filename().string();
    return name.substr(0, name.find('.'));
  }

  // Read once, when the first program needs them. Null: the file is no BTF.
  std::shared_ptr<const bpf::btf::KernelBtf> kernel_types() {
    if (asked_kernel_types_) return kernel_types_;
    asked_kernel_types_ = true;
    std::ifstream file(request_.vmlinux_btf, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    if (auto types = bpf::btf::KernelBtf::parse(std::as_bytes(std::span(bytes)))) kernel_types_ = *std::move(types);
    return kernel_types_;
  }

  base::Result<base::UniqueFd> open_vmlinux() const {
    if (!request_.vmlinux_btf.empty()) {
      base::UniqueFd fd(open(request_.vmlinux_btf.c_str(), O_RDONLY | O_CLOEXEC));
      if (!fd) return base::Error(errno, request_.vmlinux_btf + ": " + std::strerror(errno));
      return fd;
    }
    base::UniqueFd fd(memfd_create("sluice-btf", MFD_CLOEXEC));
    const auto types = bpf::btf::host_btf();
    if (!fd || write(fd.get(), types.data(), types.size()) != ssize_t(types.size()))
      return base::Error(errno, std::string("cannot lay out the host's BTF: ") + std::strerror(errno));
    // What the loader re-opens must be readable for the user it becomes.
    fchmod(fd.get(), 0444);
    return fd;
  }

  Door& door_;
  const LoadRequest& request_;
  DoorServer server_;
  std::vector<std::string> pins_;
  std::map<std::string, std::vector<LoadReport>> reports_;
  std::size_t report_count_ = 0;
  std::string current_;
  std::string failure_;
  bool asked_kernel_types_ = false;
  std::shared_ptr<const bpf::btf::KernelBtf> kernel_types_;
};

std::vector<std::string> warnings_of(const json& row) {
  std::vector<std::string> out;
  for (const json& line : row.value("warnings", json::array()))
    if (line.is_string()) out.push_back(line.get<std::string>());
  return out;
}

// Lines that only announce others.
constexpr std::string_view kNoise[] = {"-- BEGIN", "BPF program load failed", "Retrying without BTF"};
bool is_noise(const std::string& line) {
  return std::any_of(std::begin(kNoise), std::end(kNoise), [&](auto noise) { return line.find(noise) != line.npos; });
}

// Of libbpf's lines the one that says why: they come from the inside to the outside, each less precise than the one
// before.
std::string best_line(const std::vector<std::string>& lines) {
  const auto line = std::find_if_not(lines.begin(), lines.end(), is_noise);
  if (line != lines.end()) return *line;
  return lines.empty() ? std::string() : lines.front();
}

std::string join(std::string head, const std::string& tail) {
  if (tail.empty()) return head;
  return head.empty() ? tail : std::move(head) + ": " + tail;
}

// "MAP_CREATE: map 'm': ..." -> "map 'm': ...": who loads an object did not give the command.
std::string without_command(const std::string& sentence) {
  const auto colon = sentence.find(": ");
  const bool command = colon != sentence.npos && std::all_of(sentence.begin(), sentence.begin() + std::ptrdiff_t(colon),
                                                             [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
  return command ? sentence.substr(colon + 2) : sentence;
}

// libbpf says itself that it was a command of its which failed; the door knows why.
bool is_command_failure(const std::vector<std::string>& lines) {
  return std::ranges::any_of(lines, [](const std::string& line) {
    return line.find("failed to create") != line.npos || line.starts_with("BTF loading error") ||
           line.find("failed to pin") != line.npos;
  });
}

// Why loading failed, from the most to the least precise source: a program's own report, the command that failed,
// libbpf.
std::string why(const Session& session, const std::string& program, const std::string& name, const json& row) {
  if (const LoadReport* report = session.find_report(program, name); report && report->error)
    return join("program '" + name + "'", report->sentence);
  const std::vector<std::string> lines = warnings_of(row);
  if (is_command_failure(lines) && !session.failure().empty()) return without_command(session.failure());
  const std::string line = best_line(lines);
  return line.empty() ? row.value("error", std::string("the object cannot be loaded")) : line;
}

base::Error object_error(const Session& session, const json& result) {
  const int code = result.value("errno", EINVAL);
  // The program that was refused is the last one reported.
  std::string sentence;
  for (const std::string& line : warnings_of(result))
    if (line.starts_with("prog '")) {
      const auto end = line.find('\'', 6);
      if (end != line.npos) sentence = why(session, "", line.substr(6, end - 6), result);
      if (!sentence.empty()) break;
    }
  if (sentence.empty()) sentence = why(session, "", "", result);
  return {code > 0 ? code : EINVAL, std::move(sentence)};
}

template <class T>
std::shared_ptr<T> find_handled(Session& session, const std::shared_ptr<T>& object) {
  // A hostile loader could name any id: only what it has a handle of counts.
  return object && session.client().has(*object) ? object : nullptr;
}

base::Result<LoadedObject> collect(Door& door, Session& session, const json& result) {
  LoadedObject out;
  out.warnings = warnings_of(result);
  for (const json& row : result.value("programs", json::array())) {
    auto program = find_handled(session, door.find_program(row.value("id", 0U)));
    if (!program) return base::Error(EPROTO, "the loader names a program it did not load");
    out.programs.push_back(
        {row.value("name", ""), row.value("section", ""), program->info().type, Handle(program), program});
  }
  for (const json& row : result.value("maps", json::array())) {
    auto map = find_handled(session, door.find_map(row.value("id", 0U)));
    if (!map) continue;  // libbpf makes no map for data that nothing uses
    out.maps.push_back({row.value("name", ""), row.value("section", ""), Handle(map), map});
  }
  return out;
}

}  // namespace

const LoadedProgram* LoadedObject::find_program(std::string_view name) const {
  for (const LoadedProgram& p : programs)
    if (p.name == name) return &p;
  for (const LoadedProgram& p : programs)
    if (p.section == name) return &p;
  return nullptr;
}

const LoadedMap* LoadedObject::find_map(std::string_view name) const {
  for (const LoadedMap& m : maps)
    if (m.name == name || (!m.section.empty() && m.section == name)) return &m;
  return nullptr;
}

base::Result<LoadedObject> load_object(Door& door, const LoadRequest& request) {
  Session session(door, request);
  auto result = session.run("load");
  if (!result) return std::move(result.error()).in(request.path);
  if (result->contains("error")) return object_error(session, *result).in(request.path);
  auto object = collect(door, session, *result);
  if (!object) return std::move(object.error()).in(request.path);
  if (object->programs.empty()) return base::Error(ENOEXEC, request.path + ": the object has no programs");
  session.keep_pins();
  return object;
}

base::Result<std::vector<Judgement>> judge_object(Door& door, const LoadRequest& request) {
  Session session(door, request);
  auto result = session.run("each");
  if (!result) return std::move(result.error()).in(request.path);
  if (result->contains("error")) return object_error(session, *result).in(request.path);
  std::vector<Judgement> out;
  for (const json& row : result->value("programs", json::array())) {
    Judgement j;
    j.name = row.value("name", "");
    j.section = row.value("section", "");
    j.type = bpf::bpf_prog_type(row.value("type", 0U));
    j.insns = row.value("insns", 0U);
    j.error = row.value("errno", 0);
    if (const LoadReport* report = session.find_report(j.name, j.name)) j.report = *report;
    // What libbpf does after the program is in (filling a prog array with programs that are left out here) is no
    // verdict.
    if (j.report.judged && j.report.error == 0) j.error = 0;
    if (j.error) j.sentence = why(session, j.name, j.name, row);
    out.push_back(std::move(j));
  }
  if (out.empty()) return base::Error(ENOEXEC, request.path + ": the object has no programs");
  return out;
}

}  // namespace control
