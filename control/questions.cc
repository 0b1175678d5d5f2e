// SPDX-License-Identifier: Apache-2.0
// The lines of fdinfo in Linux's words and order: tools read them by name.
#include "control/questions.h"

#include <cstdio>

#include "bpf/btf/host_btf.h"
#include "bpf/registry/registry.h"
#include "control/door_server.h"

namespace control {
namespace {

namespace load = bpf::load;

constexpr u64 kPage = 4096;

template <class... Args>
void line(std::string& out, const char* format, Args... args) {
  char text[96];
  std::snprintf(text, sizeof text, format, args...);
  out += text;
}

std::string hex(const std::array<u8, 8>& bytes) {
  std::string out;
  for (const u8 byte : bytes) line(out, "%02x", byte);
  return out;
}

std::string map_lines(const Map& map) {
  const bpf::MapSpec& spec = map.spec();
  std::string out;
  line(out, "map_type:\t%u\n", unsigned(spec.type));
  line(out, "key_size:\t%u\n", spec.key_size);
  line(out, "value_size:\t%u\n", spec.value_size);
  line(out, "max_entries:\t%u\n", spec.max_entries);
  line(out, "map_flags:\t0x%x\n", spec.map_flags);
  line(out, "map_extra:\t0x%llx\n", static_cast<unsigned long long>(spec.map_extra));
  line(out, "memlock:\t%llu\n", static_cast<unsigned long long>(map.memory_bytes()));
  line(out, "map_id:\t%u\n", map.id());
  line(out, "frozen:\t%u\n", map.frozen ? 1U : 0U);
  if (map.owner.type != bpf::BPF_PROG_TYPE_UNSPEC) {
    line(out, "owner_prog_type:\t%u\n", unsigned(map.owner.type));
    line(out, "owner_jited:\t%u\n", 1U);
  }
  return out;
}

std::string program_lines(const Door& door, const Program& program) {
  const RunStats stats = door.config().run_stats ? door.config().run_stats(program.id()) : RunStats{};
  const u64 pages = (program.memory_bytes() + kPage - 1) / kPage;
  std::string out;
  line(out, "prog_type:\t%u\n", unsigned(program.info().type));
  line(out, "prog_jited:\t%u\n", program.code() ? 1U : 0U);
  line(out, "prog_tag:\t%s\n", hex(program.info().tag).c_str());
  line(out, "memlock:\t%llu\n", static_cast<unsigned long long>(pages * kPage));
  line(out, "prog_id:\t%u\n", program.id());
  line(out, "run_time_ns:\t%llu\n", static_cast<unsigned long long>(stats.run_time_ns));
  line(out, "run_cnt:\t%llu\n", static_cast<unsigned long long>(stats.run_cnt));
  line(out, "recursion_misses:\t%llu\n", 0ULL);
  line(out, "verified_insns:\t%u\n", program.info().verify.verified_insns);
  return out;
}

std::string link_lines(const Link& link) {
  bpf::bpf_link_info info{};
  link.fill_info(info);
  std::string out = "link_type:\t" + std::string(bpf::kLinkTypes[link.type()].name) + "\n";
  line(out, "link_id:\t%u\n", link.id());
  line(out, "prog_tag:\t%s\n", hex(link.program()->info().tag).c_str());
  line(out, "prog_id:\t%u\n", link.program()->id());
  if (link.type() == bpf::BPF_LINK_TYPE_XDP) line(out, "ifindex:\t%u\n", info.xdp.ifindex);
  if (link.type() == bpf::BPF_LINK_TYPE_TCX) {
    line(out, "ifindex:\t%u\n", info.tcx.ifindex);
    line(out, "attach_type:\t%u (%s)\n", info.tcx.attach_type,
         info.tcx.attach_type == bpf::BPF_TCX_INGRESS ? "ingress" : "egress");
  }
  return out;
}

std::string fdinfo(const Door& door, const Object& object) {
  if (object.kind() == ObjectKind::map) return map_lines(static_cast<const Map&>(object));
  if (object.kind() == ObjectKind::prog) return program_lines(door, static_cast<const Program&>(object));
  if (object.kind() == ObjectKind::link) return link_lines(static_cast<const Link&>(object));
  if (object.kind() == ObjectKind::btf) return "btf_id:\t" + std::to_string(object.id()) + "\n";
  return {};
}

std::string port_lines(const DeviceTable* devices) {
  std::string out;
  if (devices)
    for (const auto& [ifindex, name] : devices->names()) out += std::to_string(ifindex) + " " + name + "\n";
  return out;
}

}  // namespace

AnswerText answer_question(Door& door, Client& client, RingWatch* rings, const Asked& asked) {
  base::Result<Target> target = base::Error(EBADF, "no descriptor came along");
  if (!asked.numbers.empty()) target = client.find(asked.numbers[0]);
  switch (asked.question) {
    case load::Question::fdinfo:
      return {target ? fdinfo(door, *target->object) : std::string(), {}};
    case load::Question::ports:
      return {port_lines(door.config().devices), {}};
    case load::Question::host_types: {
      const auto types = bpf::btf::host_btf();
      return {{reinterpret_cast<const char*>(types.data()), types.size()}, {}};
    }
    case load::Question::pin_root:
      return {door.config().pin_root, {}};
    case load::Question::watch:
      if (!rings || !target || !target->access.read || asked.fds.size() != 2) return {};
      return {{}, rings->add(target->object, asked.fds[1].get())};
    case load::Question::route:
      client.reclaim();  // a link that was closed without a word holds no hook
      return {door.answer_route(client, asked.bytes), {}};
  }
  return {};
}

base::Status DoorServer::answer_question(load::Channel& channel, const load::Message& message) {
  load::BodyReader reader(message.body);
  load::AskHead head{};
  if (!reader.take(head) || head.fd_count != message.fds.size()) return base::Error(EPROTO, "malformed question");
  std::vector<int> numbers(head.fd_count);
  for (int& number : numbers)
    if (!reader.take(number)) return base::Error(EPROTO, "malformed question: numbers are cut off");
  client_.begin(numbers, message.fds);
  const AnswerText answer =
      control::answer_question(door_, client_, rings_, {head.question, numbers, message.fds, reader.rest()});
  std::vector<int> fds;
  for (const auto& fd : answer.fds) fds.push_back(fd.get());
  return channel.send(load::MessageKind::text, std::as_bytes(std::span(answer.text)), fds);
}

}  // namespace control
