// SPDX-License-Identifier: Apache-2.0
#include "control/door.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <ctime>

#include "bpf/abi/flags.h"
#include "control/door_state.h"

namespace control {
namespace {

struct Command {
  std::string_view name;
  u32 used_bytes;      // end of the last field the command reads; what lies behind it must be zero
  CommandFn run;
};

#define SLUICE_END(field) u32(offsetof(bpf::bpf_attr, field) + sizeof(bpf::bpf_attr::field))
#define SLUICE_END_IN(group, field) \
  u32(offsetof(bpf::bpf_attr, group.field) + sizeof(decltype(bpf::bpf_attr::group)::field))

constexpr std::array<Command, bpf::__MAX_BPF_CMD> kCommands = {{
    {"MAP_CREATE", SLUICE_END(excl_prog_hash_size), map_create},
    {"MAP_LOOKUP_ELEM", SLUICE_END(flags), map_lookup_elem},
    {"MAP_UPDATE_ELEM", SLUICE_END(flags), map_update_elem},
    {"MAP_DELETE_ELEM", SLUICE_END(key), map_delete_elem},
    {"MAP_GET_NEXT_KEY", SLUICE_END(next_key), map_get_next_key},
    {"PROG_LOAD", SLUICE_END(keyring_id), prog_load},
    {"OBJ_PIN", SLUICE_END(path_fd), obj_pin},
    {"OBJ_GET", SLUICE_END(path_fd), obj_get},
    {"PROG_ATTACH", SLUICE_END(expected_revision), prog_attach},
    {"PROG_DETACH", SLUICE_END(expected_revision), prog_detach},
    {"PROG_TEST_RUN", SLUICE_END_IN(test, batch_size), prog_test_run},
    {"PROG_GET_NEXT_ID", SLUICE_END(next_id), prog_get_next_id},
    {"MAP_GET_NEXT_ID", SLUICE_END(next_id), map_get_next_id},
    {"PROG_GET_FD_BY_ID", SLUICE_END(prog_id), prog_get_fd_by_id},
    {"MAP_GET_FD_BY_ID", SLUICE_END(open_flags), map_get_fd_by_id},
    {"OBJ_GET_INFO_BY_FD", SLUICE_END_IN(info, info), obj_get_info_by_fd},
    {"PROG_QUERY", SLUICE_END_IN(query, revision), prog_query},
    {"RAW_TRACEPOINT_OPEN", SLUICE_END_IN(raw_tracepoint, cookie), raw_tracepoint_open},
    {"BTF_LOAD", SLUICE_END(btf_token_fd), btf_load},
    {"BTF_GET_FD_BY_ID", SLUICE_END(fd_by_id_token_fd), btf_get_fd_by_id},
    {"TASK_FD_QUERY", SLUICE_END_IN(task_fd_query, probe_addr), task_fd_query},
    {"MAP_LOOKUP_AND_DELETE_ELEM", SLUICE_END(flags), map_lookup_and_delete_elem},
    {"MAP_FREEZE", SLUICE_END(map_fd), map_freeze},
    {"BTF_GET_NEXT_ID", SLUICE_END(next_id), btf_get_next_id},
    {"MAP_LOOKUP_BATCH", SLUICE_END_IN(batch, flags), map_lookup_batch},
    {"MAP_LOOKUP_AND_DELETE_BATCH", SLUICE_END_IN(batch, flags), map_lookup_and_delete_batch},
    {"MAP_UPDATE_BATCH", SLUICE_END_IN(batch, flags), map_update_batch},
    {"MAP_DELETE_BATCH", SLUICE_END_IN(batch, flags), map_delete_batch},
    {"LINK_CREATE", SLUICE_END_IN(link_create, uprobe_multi.pid), link_create},
    {"LINK_UPDATE", SLUICE_END_IN(link_update, old_prog_fd), link_update},
    {"LINK_GET_FD_BY_ID", SLUICE_END(link_id), link_get_fd_by_id},
    {"LINK_GET_NEXT_ID", SLUICE_END(next_id), link_get_next_id},
    {"ENABLE_STATS", SLUICE_END_IN(enable_stats, type), enable_stats},
    {"ITER_CREATE", SLUICE_END_IN(iter_create, flags), iter_create},
    {"LINK_DETACH", SLUICE_END_IN(link_detach, link_fd), link_detach},
    {"PROG_BIND_MAP", SLUICE_END_IN(prog_bind_map, flags), prog_bind_map},
    {"TOKEN_CREATE", SLUICE_END_IN(token_create, bpffs_fd), token_create},
    {"PROG_STREAM_READ_BY_FD", SLUICE_END_IN(prog_stream_read, prog_fd), prog_stream_read},
}};

#undef SLUICE_END
#undef SLUICE_END_IN

constexpr u32 kAttrBytesMax = 4096;  // as Linux: one page

bool all_zero(const void* bytes, std::size_t size) {
  const auto* p = static_cast<const unsigned char*>(bytes);
  return std::all_of(p, p + size, [](unsigned char b) { return b == 0; });
}

Answer run_command(DoorState& state, Client& client, u32 cmd, void* user, u32 size) {
  bpf::bpf_attr attr{};
  const u32 known = std::min<u32>(size, sizeof attr);
  if (size > kAttrBytesMax || !all_zero(static_cast<char*>(user) + known, size - known))
    return base::Error(E2BIG, "attr has bytes beyond what is known, and they are not zero");
  if (cmd >= kCommands.size()) return base::Error(EINVAL, "unknown command " + std::to_string(cmd));
  std::memcpy(&attr, user, known);
  const Command& row = kCommands[cmd];
  if (!all_zero(reinterpret_cast<char*>(&attr) + row.used_bytes, sizeof attr - row.used_bytes))
    return base::Error(EINVAL, std::string(row.name) + ": attr has bytes that this command does not use");
  Answer answer = row.run(state, client, attr, size);
  std::memcpy(user, &attr, known);
  return std::move(answer).in(row.name);
}

}  // namespace

Door::Door(DoorConfig config) : state_(std::make_unique<DoorState>()) {
  if (!config.build)
    config.build = [](const bpf::builder::BuildRequest& request) { return bpf::builder::build(request); };
  state_->config = std::move(config);
  state_->xdp_hooks = std::make_shared<XdpHooks>(state_->config.ports, state_->config.devices);
  state_->tcx_hooks = std::make_shared<TcxHooks>(state_->config.ports, state_->config.devices);
  state_->run_time_users = std::make_shared<RunTimeUsers>(RunTimeUsers{state_->config.ports});
}

Door::~Door() {
  // Prog arrays let go of their programs first: a circle would outlive the door.
  state_->pins.clear();
  // Clients may hold handles longer than the door is there.
  state_->xdp_hooks->close();
  state_->tcx_hooks->close();
  state_->run_time_users->ports = nullptr;
}

long Door::bpf_command(Client& client, u32 cmd, void* attr, u32 size) {
  Answer answer = run_command(*state_, client, cmd, attr, size);
  if (answer) return *answer;
  client.last_error = answer.error().what();
  return -answer.error().code();
}

const DoorConfig& Door::config() const noexcept { return state_->config; }
std::shared_ptr<Map> Door::find_map(u32 id) const { return state_->maps.find(id); }
std::shared_ptr<Program> Door::find_program(u32 id) const { return state_->programs.find(id); }
std::shared_ptr<Btf> Door::find_btf(u32 id) const { return state_->btfs.find(id); }
std::shared_ptr<Link> Door::find_link(u32 id) const { return state_->links.find(id); }
std::vector<std::shared_ptr<Map>> Door::maps() const { return state_->maps.all(); }
std::vector<std::shared_ptr<Program>> Door::programs() const { return state_->programs.all(); }
std::vector<std::shared_ptr<Btf>> Door::btfs() const { return state_->btfs.all(); }
std::vector<std::shared_ptr<Link>> Door::links() const { return state_->links.all(); }

base::Result<MapTarget> get_map(Client& client, int fd) {
  SLUICE_TRY(Target target, client.find(fd));
  if (target.object->kind() != ObjectKind::map) return base::Error(EINVAL, "descriptor is not a map");
  return MapTarget{std::static_pointer_cast<Map>(target.object), target.access};
}

base::Result<std::shared_ptr<Program>> get_program(Client& client, int fd) {
  SLUICE_TRY(Target target, client.find(fd));
  if (target.object->kind() != ObjectKind::prog) return base::Error(EINVAL, "descriptor is not a program");
  return std::static_pointer_cast<Program>(target.object);
}

base::Result<std::shared_ptr<Btf>> get_btf(Client& client, int fd) {
  SLUICE_TRY(Target target, client.find(fd));
  if (target.object->kind() != ObjectKind::btf) return base::Error(EINVAL, "descriptor is not BTF");
  return std::static_pointer_cast<Btf>(target.object);
}

Answer install(Client& client, std::shared_ptr<Object> object, Access access) {
  const int fd = client.install(std::move(object), access);
  if (fd < 0) return base::Error(-fd, "no descriptor is left");
  return long{fd};
}

base::Result<std::string> parse_name(const char (&name)[16]) {
  const auto* end = static_cast<const char*>(std::memchr(name, 0, sizeof name));
  if (!end) return base::Error(EINVAL, "name is not terminated within 16 bytes");
  const std::string text(name, end);
  // Letters are Linux's, which are Latin-1; what lies behind the NUL is nobody's business.
  const bool good = std::ranges::all_of(text, [](unsigned char c) {
    const bool latin = c >= 0xc0 && c != 0xd7 && c != 0xf7;
    return std::isalnum(c) || latin || c == '_' || c == '.';
  });
  if (!good) return base::Error(EINVAL, "name has characters other than letters, digits, '_' and '.'");
  return text;
}

base::Result<Access> parse_access(u32 flags) {
  const bool read_only = flags & bpf::BPF_F_RDONLY;
  const bool write_only = flags & bpf::BPF_F_WRONLY;
  if (read_only && write_only) return base::Error(EINVAL, "BPF_F_RDONLY and BPF_F_WRONLY exclude each other");
  return Access{!write_only, !read_only};
}

u64 boot_time_ns() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return u64(t.tv_sec) * 1'000'000'000U + u64(t.tv_nsec);
}

base::Status check_log(const UserLog& log) {
  constexpr u32 kLevels = bpf::BPF_LOG_LEVEL1 | bpf::BPF_LOG_LEVEL2 | bpf::BPF_LOG_STATS | bpf::BPF_LOG_FIXED;
  if ((log.buffer != nullptr) != (log.size != 0)) return base::Error(EINVAL, "log_buf and log_size go together");
  if (log.buffer && log.level == 0) return base::Error(EINVAL, "log_buf without log_level");
  if (log.level & ~kLevels) return base::Error(EINVAL, "unknown bits in log_level");
  if (log.size > UINT32_MAX >> 2) return base::Error(EINVAL, "log_size is too large");
  return base::success();
}

base::Status store_log(const UserLog& log, std::string_view text, u32& true_size) {
  true_size = 0;
  if (log.level == 0) return base::success();
  true_size = u32(text.size()) + 1;
  if (!log.buffer) return base::success();
  const bool fits = text.size() < log.size;
  // Without BPF_LOG_FIXED the end of the log is kept: that is where the reason stands.
  std::string_view kept = text;
  if (!fits)
    kept = log.level & bpf::BPF_LOG_FIXED ? text.substr(0, log.size - 1) : text.substr(text.size() - (log.size - 1));
  std::memcpy(log.buffer, kept.data(), kept.size());
  log.buffer[kept.size()] = '\0';
  if (!fits) return base::Error(ENOSPC, "log buffer is too small: " + std::to_string(true_size) + " bytes are needed");
  return base::success();
}

}  // namespace control
