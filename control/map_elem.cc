// SPDX-License-Identifier: Apache-2.0
// BPF_MAP_*_ELEM, GET_NEXT_KEY, FREEZE. What an element operation itself answers is the map's (maps/); here stand the
// descriptor, permission and the values that name objects.
#include <cstring>

#include "bpf/abi/flags.h"
#include "bpf/load/ranges.h"
#include "control/door_state.h"

namespace control {
namespace {

base::Result<MapTarget> get_readable(Client& client, int fd) {
  SLUICE_TRY(MapTarget target, get_map(client, fd));
  if (!target.access.read) return base::Error(EPERM, "this handle of the map is write-only");
  return target;
}

base::Result<MapTarget> get_writable(Client& client, int fd) {
  SLUICE_TRY(MapTarget target, get_map(client, fd));
  if (!target.access.write) return base::Error(EPERM, "this handle of the map is read-only");
  if (target.map->frozen) return base::Error(EPERM, "the map is frozen");
  return target;
}

base::ConstBytes key_of(const Map& map, u64 address) {
  if (map.spec().key_size == 0) return {};
  return {user_ptr<const std::byte>(address), map.spec().key_size};
}

base::Result<base::ConstBytes> get_key(const Map& map, u64 address) {
  if (map.spec().key_size != 0 && address == 0) return base::Error(EFAULT, "no key");
  if (map.spec().key_size == 0 && address != 0) return base::Error(EINVAL, "this map has no keys");
  return key_of(map, address);
}

base::Result<base::Bytes> get_value(const Map& map, u64 address) {
  if (address == 0) return base::Error(EFAULT, "no value");
  return base::Bytes(user_ptr<std::byte>(address), map.value_bytes());
}

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

Answer update_device(DoorState& state, Client& client, Map& map, base::ConstBytes key, base::ConstBytes value,
                     u64 flags) {
  const u32 ifindex = u32(read_fd(value, 0));
  bpf::MapObject object;
  if (const int at = bpf::load::value_fd_offset(
          {map.spec().type, map.spec().key_size, map.spec().value_size, map.spec().max_entries});
      at >= 0 && read_fd(value, std::size_t(at)) > 0) {
    SLUICE_TRY(auto program, get_program(client, read_fd(value, std::size_t(at))));
    if (program->info().expected_attach_type != bpf::BPF_XDP_DEVMAP)
      return base::Error(EINVAL, "a devmap's program must expect BPF_XDP_DEVMAP");
    object = program_object(program);
  }
  if (ifindex == 0) {
    if (object.prog) return base::Error(EINVAL, "a program without a device");
  } else if (!state.config.devices || !state.config.devices->has_ifindex(ifindex)) {
    return base::Error(EINVAL, "there is no device with ifindex " + std::to_string(ifindex));
  }
  object.id = ifindex;
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

}  // namespace

Answer map_lookup_elem(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  if (attr.flags & ~u64{bpf::BPF_F_LOCK}) return base::Error(EINVAL, "unknown flags");
  SLUICE_TRY(MapTarget target, get_readable(client, int(attr.map_fd)));
  SLUICE_TRY(auto key, get_key(*target.map, attr.key));
  SLUICE_TRY(auto value, get_value(*target.map, attr.value));
  return done(target.map->ops().lookup(target.map->live(), key, value, attr.flags), "look-up");
}

base::Status check_lock_flag(const Map&, u64 flags) {
  if (flags & bpf::BPF_F_LOCK) return base::Error(EINVAL, "BPF_F_LOCK: the map's values have no lock");
  return base::success();
}

Answer map_update_elem(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(MapTarget target, get_writable(client, int(attr.map_fd)));
  SLUICE_CHECK(check_lock_flag(*target.map, attr.flags));
  SLUICE_TRY(auto key, get_key(*target.map, attr.key));
  SLUICE_TRY(auto value, get_value(*target.map, attr.value));
  return update_element(state, client, *target.map, key, value, attr.flags);
}

Answer update_element(DoorState& state, Client& client, Map& map, base::ConstBytes key, base::ConstBytes value,
                      u64 flags) {
  if (const int error = map.ops().judge_update(map.live(), key, flags)) return done(error, "update");
  switch (map.ops().holds) {
    case bpf::MapHolds::program: return update_program(client, map, key, value, flags);
    case bpf::MapHolds::device: return update_device(state, client, map, key, value, flags);
    case bpf::MapHolds::map: return update_inner(client, map, key, value, flags);
    case bpf::MapHolds::bytes: break;
  }
  return done(map.ops().update(map.live(), key, value, flags), "update");
}

Answer map_delete_elem(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(MapTarget target, get_writable(client, int(attr.map_fd)));
  SLUICE_TRY(auto key, get_key(*target.map, attr.key));
  return done(target.map->ops().erase(target.map->live(), key), "delete");
}

Answer map_get_next_key(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(MapTarget target, get_readable(client, int(attr.map_fd)));
  Map& map = *target.map;
  const base::ConstBytes key = attr.key ? key_of(map, attr.key) : base::ConstBytes{};
  if (attr.next_key == 0) return base::Error(EFAULT, "no place for the next key");
  return done(map.ops().next_key(map.live(), key, {user_ptr<std::byte>(attr.next_key), map.spec().key_size}),
              "next key");
}

Answer map_lookup_and_delete_elem(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  if (attr.flags & ~u64{bpf::BPF_F_LOCK}) return base::Error(EINVAL, "unknown flags");
  SLUICE_TRY(MapTarget target, get_writable(client, int(attr.map_fd)));
  if (!target.access.read) return base::Error(EPERM, "this handle of the map is write-only");
  SLUICE_TRY(auto key, get_key(*target.map, attr.key));
  SLUICE_TRY(auto value, get_value(*target.map, attr.value));
  return done(target.map->ops().lookup_and_delete(target.map->live(), key, value, attr.flags), "look-up and delete");
}

Answer map_freeze(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(MapTarget target, get_map(client, int(attr.map_fd)));
  if (!target.access.write) return base::Error(EPERM, "this handle of the map is read-only");
  if (target.map->frozen) return base::Error(EBUSY, "the map is frozen already");
  target.map->frozen = true;
  return 0L;
}

base::Status Door::update_object(Map& map, base::ConstBytes key, const std::shared_ptr<Program>& program, u32 ifindex,
                                 u64 flags) {
  if (map.ops().holds == bpf::MapHolds::bytes || map.ops().holds == bpf::MapHolds::map)
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
