// SPDX-License-Identifier: Apache-2.0
// BPF_*_GET_NEXT_ID and BPF_*_GET_FD_BY_ID.
#include <climits>

#include "bpf/abi/flags.h"
#include "control/door_state.h"

namespace control {
namespace {

base::Status check_privilege(const Client& client) {
  if (client.privileged()) return base::success();
  return base::Error(EPERM, "walking the ids of others is not permitted without CAP_SYS_ADMIN");
}

template <class T>
Answer next_id(DoorState& state, IdTable<T>& table, Client& client, bpf::bpf_attr& attr) {
  if (attr.open_flags != 0 || attr.fd_by_id_token_fd != 0 || attr.start_id >= INT_MAX)
    return base::Error(EINVAL, "start_id is out of range, or fields that this command does not use are set");
  SLUICE_CHECK(check_privilege(client));
  state.pins.prune();
  const auto object = table.next(attr.start_id);
  if (!object) return base::Error(ENOENT, "there is no id behind " + std::to_string(attr.start_id));
  attr.next_id = object->id();
  return 0L;
}

template <class T>
Answer fd_by_id(DoorState& state, IdTable<T>& table, Client& client, u32 id, Access access) {
  SLUICE_CHECK(check_privilege(client));
  state.pins.prune();
  auto object = table.find(id);
  if (!object) return base::Error(ENOENT, "there is no id " + std::to_string(id));
  return install(client, std::move(object), access);
}

}  // namespace

Answer prog_get_next_id(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  return next_id(state, state.programs, client, attr);
}
Answer map_get_next_id(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  return next_id(state, state.maps, client, attr);
}
Answer btf_get_next_id(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  return next_id(state, state.btfs, client, attr);
}

Answer prog_get_fd_by_id(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  return fd_by_id(state, state.programs, client, attr.prog_id, {});
}

Answer map_get_fd_by_id(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  if (attr.open_flags & ~u32(bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY)) return base::Error(EINVAL, "unknown open_flags");
  SLUICE_TRY(const Access access, parse_access(attr.open_flags));
  return fd_by_id(state, state.maps, client, attr.map_id, access);
}

Answer link_get_next_id(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  return next_id(state, state.links, client, attr);
}

Answer link_get_fd_by_id(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  return fd_by_id(state, state.links, client, attr.link_id, {});
}

Answer btf_get_fd_by_id(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  if (attr.open_flags & ~u32(bpf::BPF_F_TOKEN_FD)) return base::Error(EINVAL, "unknown open_flags");
  if (attr.open_flags & bpf::BPF_F_TOKEN_FD) return refuse_token(client, attr.fd_by_id_token_fd);
  return fd_by_id(state, state.btfs, client, attr.btf_id, {});
}

}  // namespace control
