// SPDX-License-Identifier: Apache-2.0
#include "control/map_values.h"

#include <climits>
#include <cstring>

#include "bpf/load/ranges.h"

namespace control {
namespace {

Answer done(int rc, const char* what) {
  if (rc < 0) return base::Error(-rc, std::string(what) + ": " + std::strerror(-rc));
  return 0L;
}

int read_fd(base::ConstBytes value, std::size_t at) {
  int fd;
  std::memcpy(&fd, value.data() + at, sizeof fd);
  return fd;
}

bpf::MapObject program_object(const std::shared_ptr<Program>& program) {
  return {.prog = program ? program->prog() : nullptr, .keep = program, .id = program ? program->id() : 0};
}

// A prog array takes programs of one kind: the first one that comes near it sets it.
base::Status check_slot_owner(Map& map, const Program& program) {
  if (!map.owner.admits(program.info()))
    return base::Error(EINVAL, "the program's type differs from those this map holds");
  map.owner.settle(program.info());
  return base::success();
}

// The program that an entry of a device or CPU map names beside its number; none is no error.
bpf::MapObject entry_program(DoorState& state, Client& client, Map& map, base::ConstBytes value,
                             bpf::bpf_attach_type expected, int wrong) {
  bpf::MapObject object;
  const int at =
      bpf::load::value_fd_offset({map.spec().type, map.spec().key_size, map.spec().value_size, map.spec().max_entries});
  const int fd = at < 0 ? 0 : read_fd(value, std::size_t(at));
  if (fd <= 0) return object;
  const auto program = get_program(client, fd);
  if (program && (*program)->info().expected_attach_type == expected && check_slot_owner(map, **program)) {
    if (state.config.ports) state.config.ports->use_in_entries(*program);
    return program_object(*program);
  }
  object.error = wrong;
  return object;
}

Answer update_device(DoorState& state, Client& client, Map& map, base::ConstBytes key, base::ConstBytes value,
                     u64 flags) {
  bpf::MapObject object = entry_program(state, client, map, value, bpf::BPF_XDP_DEVMAP, EINVAL);
  object.id = u32(read_fd(value, 0));
  if (object.id != 0 && (!state.config.devices || !state.config.devices->has_ifindex(u32(object.id))))
    object.error = EINVAL;
  return done(map.ops().update_object(map.live(), key, std::move(object), flags), "update");
}

Answer update_cpu(DoorState& state, Client& client, Map& map, base::ConstBytes key, base::ConstBytes value, u64 flags) {
  // Linux says ENOMEM for whatever hinders the entry's making.
  bpf::MapObject object = entry_program(state, client, map, value, bpf::BPF_XDP_CPUMAP, ENOMEM);
  object.id = u32(read_fd(value, 0));
  return done(map.ops().update_object(map.live(), key, std::move(object), flags), "update");
}

Answer update_program(Client& client, Map& map, base::ConstBytes key, base::ConstBytes value, u64 flags) {
  SLUICE_TRY(auto program, get_program(client, read_fd(value, 0)));
  SLUICE_CHECK(check_slot_owner(map, *program));
  return done(map.ops().update_object(map.live(), key, program_object(program), flags), "update");
}

Answer update_inner(Client& client, Map& map, base::ConstBytes key, base::ConstBytes value, u64 flags) {
  SLUICE_TRY(MapTarget inner, get_map(client, read_fd(value, 0)));
  bpf::MapObject object{.map = &inner.map->live(), .keep = inner.map};
  return done(map.ops().update_object(map.live(), key, std::move(object), flags), "update");
}

int socket_error(Client& client, int fd, int socket) {
  switch (client.kind_of(fd)) {
    case FdKind::closed:
      return EBADF;
    case FdKind::socket:
      return socket;
    default:
      return ENOTSOCK;
  }
}

// Sockets of the kernel are no endpoints of this host.
Answer update_socket(Client& client, Map& map, base::ConstBytes key, base::ConstBytes value, u64 flags) {
  bpf::MapObject object;
  u64 fd = u32(read_fd(value, 0));
  if (value.size() == sizeof fd) std::memcpy(&fd, value.data(), sizeof fd);
  const bool reuseport = map.spec().type == bpf::BPF_MAP_TYPE_REUSEPORT_SOCKARRAY;
  if (fd > INT_MAX && (!reuseport || value.size() == sizeof fd))
    object.error = EINVAL;
  else
    object.error = socket_error(client, int(fd), reuseport ? 0 : EOPNOTSUPP);
  return done(map.ops().update_object(map.live(), key, std::move(object), flags), "update");
}

Answer refuse_value(Map& map, base::ConstBytes key, u64 flags, int error) {
  bpf::MapObject object;
  object.error = error;
  return done(map.ops().update_object(map.live(), key, std::move(object), flags), "update");
}

}  // namespace

Answer update_named(DoorState& state, Client& client, Map& map, base::ConstBytes key, base::ConstBytes value,
                    u64 flags) {
  switch (map.ops().holds) {
    case bpf::MapHolds::program:
      return update_program(client, map, key, value, flags);
    case bpf::MapHolds::device:
      return update_device(state, client, map, key, value, flags);
    case bpf::MapHolds::cpu:
      return update_cpu(state, client, map, key, value, flags);
    case bpf::MapHolds::map:
      return update_inner(client, map, key, value, flags);
    case bpf::MapHolds::socket:
      return update_socket(client, map, key, value, flags);
    case bpf::MapHolds::xsk:
      return refuse_value(map, key, flags, socket_error(client, read_fd(value, 0), EOPNOTSUPP));
    case bpf::MapHolds::perf_event:
    case bpf::MapHolds::cgroup:
      return refuse_value(map, key, flags, EBADF);
    case bpf::MapHolds::bytes:
      break;
  }
  return base::Error(EINVAL, "this map holds bytes");
}

base::Error refuse_owner(Client& client, const Map& map, base::ConstBytes key) {
  const FdKind kind = client.kind_of(read_fd(key, 0));
  switch (map.ops().keys) {
    case bpf::MapKeys::socket:
      if (kind == FdKind::closed) return {EBADF, "the key is no open descriptor"};
      if (kind != FdKind::socket) return {ENOTSOCK, "the key is no socket's descriptor"};
      break;
    case bpf::MapKeys::task:
      if (kind != FdKind::task) return {EBADF, "the key is no task's descriptor"};
      break;
    case bpf::MapKeys::cgroup:
      if (kind != FdKind::cgroup) return {EBADF, "the key is no cgroup's descriptor"};
      break;
    case bpf::MapKeys::inode:
    case bpf::MapKeys::bytes:
      if (kind == FdKind::closed) return {EBADF, "the key is no open descriptor"};
      break;
  }
  return {EOPNOTSUPP, "the key is of the host's kernel; storage on it is planned, not implemented yet"};
}

base::Status Door::update_object(Map& map, base::ConstBytes key, const std::shared_ptr<Program>& program, u32 ifindex,
                                 u64 flags) {
  if (map.ops().holds != bpf::MapHolds::program && map.ops().holds != bpf::MapHolds::device)
    return base::Error(EINVAL, "this map holds neither programs nor devices");
  if (map.ops().holds == bpf::MapHolds::program) {
    if (!program) return base::Error(EINVAL, "no program");
    SLUICE_CHECK(check_slot_owner(map, *program));
  }
  bpf::MapObject object = program_object(program);
  if (map.ops().holds == bpf::MapHolds::device) object.id = ifindex;
  if (const int rc = map.ops().update_object(map.live(), key, std::move(object), flags); rc < 0)
    return base::Error(-rc, std::string("update: ") + std::strerror(-rc));
  return base::success();
}

}  // namespace control
