// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_LOAD and BPF_PROG_BIND_MAP: attr -> ProgSource -> builder -> live code with live maps -> object.
#include <cstring>

#include "bpf/abi/flags.h"
#include "bpf/registry/registry.h"
#include "control/prog_source.h"

namespace control {
namespace {

using bpf::bpf_attr;

constexpr u32 kKnownFlags = bpf::BPF_F_STRICT_ALIGNMENT | bpf::BPF_F_ANY_ALIGNMENT | bpf::BPF_F_TEST_RND_HI32 |
                            bpf::BPF_F_TEST_STATE_FREQ | bpf::BPF_F_SLEEPABLE | bpf::BPF_F_XDP_HAS_FRAGS |
                            bpf::BPF_F_XDP_DEV_BOUND_ONLY | bpf::BPF_F_TEST_REG_INVARIANTS | bpf::BPF_F_TOKEN_FD;

// At load time only programs that trace something name a program, or a module's types.
base::Error refuse_target(Client& client, const bpf_attr& attr) {
  const auto target = client.find(int(attr.attach_prog_fd));
  if (attr.attach_prog_fd != 0 && target && target->object->kind() == ObjectKind::btf)
    return {kErrnoNotSupp, "only the types of modules can be attach targets"};
  return {EINVAL, "this program type has no attach target at load time"};
}

base::Status check_attr(const DoorState& state, Client& client, const bpf_attr& attr) {
  if (attr.prog_flags & ~kKnownFlags) return base::Error(EINVAL, "unknown prog_flags");
  if (!client.privileged() && !state.config.unprivileged_load)
    return base::Error(EPERM, "loading programs is not permitted without CAP_BPF");
  if (attr.insn_cnt == 0 || attr.insn_cnt > u32(bpf::BPF_COMPLEXITY_LIMIT_INSNS))
    return base::Error(E2BIG, "a program has between 1 and 1,000,000 instructions");
  if (attr.prog_flags & bpf::BPF_F_TOKEN_FD) return refuse_token(client, attr.prog_token_fd);
  if (attr.signature != 0) return base::Error(EOPNOTSUPP, "signed programs are planned, not implemented yet");
  if (attr.prog_ifindex != 0) return base::Error(EINVAL, "no device takes programs of its own");
  const bool has_target = attr.prog_type == bpf::BPF_PROG_TYPE_TRACING || attr.prog_type == bpf::BPF_PROG_TYPE_LSM ||
                          (attr.prog_type == bpf::BPF_PROG_TYPE_STRUCT_OPS && attr.attach_prog_fd == 0);
  if (has_target && attr.attach_prog_fd != 0)
    return base::Error(EOPNOTSUPP, "tracing other programs or kernel modules is planned, not implemented yet");
  if (!has_target && (attr.attach_btf_id != 0 || attr.attach_prog_fd != 0)) return refuse_target(client, attr);
  return base::success();
}

LoadReport make_report(const bpf_attr& attr) {
  LoadReport report;
  if (auto name = parse_name(attr.prog_name)) report.name = *std::move(name);
  report.type = bpf::bpf_prog_type(attr.prog_type);
  report.insns = attr.insn_cnt;
  return report;
}

base::Error refused(const bpf::verifier::Verdict& verdict) {
  std::string sentence = "insn " + std::to_string(verdict.insn) + ": " + verdict.reason;
  if (!verdict.advice.empty()) sentence += " (" + verdict.advice + ")";
  return base::Error(verdict.error, std::move(sentence));
}

// A program that tail-calls through a prog array settles what that array may hold.
base::Status check_slot_owners(const ResolvedProgram& resolved, const ProgramInfo& info) {
  for (const auto& map : resolved.maps) {
    if (map->spec().type != bpf::BPF_MAP_TYPE_PROG_ARRAY) continue;
    if (!map->owner.admits(info))
      return base::Error(EINVAL, "map '" + map->spec().name + "' holds programs of another type");
    map->owner.settle(info);
  }
  return base::success();
}

ProgramInfo make_info(const Client& client, const bpf_attr& attr, ResolvedProgram& resolved,
                      const bpf::builder::BuildReply& reply) {
  ProgramInfo info;
  info.type = resolved.source.type;
  info.expected_attach_type = resolved.source.expected_attach_type;
  info.prog_flags = resolved.source.prog_flags;
  info.name = resolved.source.name;
  info.gpl_compatible = resolved.source.gpl_compatible;
  info.uid = client.uid();
  info.load_time_ns = boot_time_ns();
  info.tag = program_tag(resolved.original);
  info.xlated_bytes = attr.insn_cnt * u32(sizeof(bpf::bpf_insn));
  info.verify = reply.verdict.stats;
  info.jit_ns = reply.jit_ns;
  info.tier = reply.tier;
  info.xlated = std::move(resolved.xlated);
  info.func_info = std::move(resolved.source.func_info);
  info.line_info = std::move(resolved.source.line_info);
  return info;
}

base::Result<std::shared_ptr<Program>> make_program(DoorState& state, const Client& client, const bpf_attr& attr,
                                                    ResolvedProgram& resolved, bpf::builder::BuildReply reply) {
  ProgramInfo info = make_info(client, attr, resolved, reply);
  SLUICE_CHECK(check_slot_owners(resolved, info));
  std::vector<bpf_map*> live;
  for (const auto& map : resolved.maps) live.push_back(map->head());
  const u32 id = state.programs.take_id();
  std::shared_ptr<bpf::jit::Code> code;
  std::shared_ptr<bpf::interp::Image> image;
  if (state.config.engine == Engine::jit && !reply.object.empty()) {
    SLUICE_TRY(code, bpf::jit::link(reply.object, live, resolved.source.type, id));
    info.jited_bytes = u32(code->text().size());
  } else {
    image = bpf::interp::make_image(std::move(reply.lowered), live, id);
  }
  auto program = std::make_shared<Program>(id, std::move(info), std::move(resolved.maps), std::move(resolved.btf),
                                           std::move(code), std::move(image), state.config.retire);
  state.programs.add(program);
  if (program->code() && state.config.on_code) state.config.on_code(*program);
  if (program->code() && reply.tier == bpf::jit::Tier::quick && state.config.improve)
    state.config.improve(program, std::move(reply.lowered));
  return program;
}

// The verifier's log, or for what failed before it the one sentence there is.
std::string log_text(const LoadReport& report) {
  if (report.judged) return report.verdict.log;
  return report.sentence.empty() ? std::string() : report.sentence + "\n";
}

// What stands for a program whose verdict was all that was asked for.
bpf::LoweredProgram stand_in(const bpf::ProgSource& source) {
  bpf::LoweredProgram program{.type = source.type, .name = source.name, .maps = source.maps};
  program.insns.resize(2);
  program.insns[0].insn.code = bpf::BPF_ALU64 | bpf::BPF_MOV | bpf::BPF_K;
  program.insns[1].insn.code = bpf::BPF_JMP | bpf::BPF_EXIT;
  program.subprogs = {{.begin = 0, .end = 2}};
  return program;
}

Answer load(DoorState& state, Client& client, bpf_attr& attr, LoadReport& report) {
  SLUICE_TRY(ResolvedProgram resolved, resolve_program(client, attr));
  SLUICE_TRY([[maybe_unused]] const bpf::ProgSpec* spec, bpf::find_prog_spec(attr.prog_type));
  if (state.programs.sweep() >= state.config.limits.programs_max) client.reclaim();
  if (state.programs.sweep() >= state.config.limits.programs_max)
    return base::Error(ENOMEM,
                       "there are " + std::to_string(state.config.limits.programs_max) + " programs, the most allowed");
  bpf::builder::BuildRequest request;
  request.source = std::move(resolved.source);
  request.verify.log_level = attr.log_level;
  request.verify.kernel = client.kernel_types;
  request.want_object = state.config.engine == Engine::jit;
  auto reply = state.config.build(request);
  resolved.source = std::move(request.source);
  if (!reply) return std::move(reply).error();
  if (state.config.verdicts_only && reply->verified && !reply->verdict.accepted()) {
    reply->verdict.error = 0;
    reply->verdict.unsupported = false;
    reply->lowered = stand_in(resolved.source);
    reply->object.clear();
  }
  report.judged = true;
  report.jit_ns = reply->jit_ns;
  report.verdict = std::move(reply->verdict);
  report.verdict.program = {};
  reply->verdict.stats = report.verdict.stats;
  if (!report.verdict.accepted()) return refused(report.verdict);
  SLUICE_TRY(auto program, make_program(state, client, attr, resolved, *std::move(reply)));
  return install(client, std::move(program));
}

}  // namespace

Answer prog_load(DoorState& state, Client& client, bpf_attr& attr, u32) {
  const UserLog log{attr.log_level, attr.log_size, user_ptr<char>(attr.log_buf)};
  SLUICE_CHECK(check_attr(state, client, attr));
  SLUICE_CHECK(check_log(log));
  LoadReport report = make_report(attr);
  Answer answer = load(state, client, attr, report);
  if (!answer) {
    report.error = answer.error().code();
    report.sentence = answer.error().what();
  }
  auto stored = store_log(log, log_text(report), attr.log_true_size);
  if (client.on_prog_load) client.on_prog_load(std::move(report));
  if (!stored) {
    if (answer) client.uninstall(int(*answer));
    return std::move(stored).error();
  }
  return answer;
}

Answer prog_bind_map(DoorState&, Client& client, bpf_attr& attr, u32) {
  if (attr.prog_bind_map.flags != 0) return base::Error(EINVAL, "unknown flags");
  SLUICE_TRY(auto program, get_program(client, int(attr.prog_bind_map.prog_fd)));
  SLUICE_TRY(auto target, get_map(client, int(attr.prog_bind_map.map_fd)));
  program->bind(std::move(target.map));
  return 0L;
}

}  // namespace control
