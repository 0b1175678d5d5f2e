// SPDX-License-Identifier: Apache-2.0
// BPF_MAP_*_ELEM, GET_NEXT_KEY, FREEZE. What an element operation itself answers is the map's (maps/); here stand the
// descriptor and the permission; map_values.h has the values that name objects.
#include <cstring>

#include "bpf/abi/flags.h"
#include "control/door_state.h"
#include "control/map_values.h"

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

// A look-up without a place for the value fails only once there is something to store.
Answer lookup_nowhere(const Map& map, int rc, const char* what) {
  if (rc == 0 && map.value_bytes() != 0) return base::Error(EFAULT, "no value");
  return done(rc, what);
}

}  // namespace

Answer map_lookup_elem(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  if (attr.flags & ~u64{bpf::BPF_F_LOCK}) return base::Error(EINVAL, "unknown flags");
  SLUICE_TRY(MapTarget target, get_readable(client, int(attr.map_fd)));
  Map& map = *target.map;
  SLUICE_TRY(auto key, get_key(map, attr.key));
  if (map.ops().keys != bpf::MapKeys::bytes && attr.flags == 0) return refuse_owner(client, map, key);
  if (attr.value == 0) {
    std::vector<std::byte> nowhere(map.value_bytes());
    return lookup_nowhere(map, map.ops().lookup(map.live(), key, nowhere, attr.flags), "look-up");
  }
  SLUICE_TRY(auto value, get_value(map, attr.value));
  return done(map.ops().lookup(map.live(), key, value, attr.flags), "look-up");
}

base::Status check_lock_flag(const Map& map, u64 flags) {
  if ((flags & bpf::BPF_F_LOCK) != 0 && !has_lock(map.spec()))
    return base::Error(EINVAL, "BPF_F_LOCK: the map's values have no bpf_spin_lock");
  return base::success();
}

Answer map_update_elem(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(MapTarget target, get_writable(client, int(attr.map_fd)));
  SLUICE_CHECK(check_lock_flag(*target.map, attr.flags));
  SLUICE_TRY(auto key, get_key(*target.map, attr.key));
  if (target.map->value_bytes() == 0) return update_element(state, client, *target.map, key, {}, attr.flags);
  SLUICE_TRY(auto value, get_value(*target.map, attr.value));
  return update_element(state, client, *target.map, key, value, attr.flags);
}

Answer update_element(DoorState& state, Client& client, Map& map, base::ConstBytes key, base::ConstBytes value,
                      u64 flags) {
  if (const int error = map.ops().judge_update(map.live(), key, flags)) return done(error, "update");
  if (map.ops().keys != bpf::MapKeys::bytes) return refuse_owner(client, map, key);
  if (map.ops().holds != bpf::MapHolds::bytes) return update_named(state, client, map, key, value, flags);
  return done(map.ops().update(map.live(), key, value, flags), "update");
}

Answer map_delete_elem(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(MapTarget target, get_writable(client, int(attr.map_fd)));
  SLUICE_TRY(auto key, get_key(*target.map, attr.key));
  if (target.map->ops().keys != bpf::MapKeys::bytes) return refuse_owner(client, *target.map, key);
  return done(target.map->ops().erase(target.map->live(), key), "delete");
}

Answer map_get_next_key(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(MapTarget target, get_readable(client, int(attr.map_fd)));
  Map& map = *target.map;
  const base::ConstBytes key = attr.key ? key_of(map, attr.key) : base::ConstBytes{};
  if (attr.next_key == 0) {
    std::vector<std::byte> nowhere(map.spec().key_size);
    return lookup_nowhere(map, map.ops().next_key(map.live(), key, nowhere), "next key");
  }
  return done(map.ops().next_key(map.live(), key, {user_ptr<std::byte>(attr.next_key), map.spec().key_size}),
              "next key");
}

Answer map_lookup_and_delete_elem(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  if (attr.flags & ~u64{bpf::BPF_F_LOCK}) return base::Error(EINVAL, "unknown flags");
  SLUICE_TRY(MapTarget target, get_writable(client, int(attr.map_fd)));
  if (!target.access.read) return base::Error(EPERM, "this handle of the map is write-only");
  SLUICE_TRY(auto key, get_key(*target.map, attr.key));
  Map& map = *target.map;
  if (attr.value == 0) {
    std::vector<std::byte> nowhere(map.value_bytes());
    return lookup_nowhere(map, map.ops().lookup_and_delete(map.live(), key, nowhere, attr.flags), "look-up and delete");
  }
  SLUICE_TRY(auto value, get_value(map, attr.value));
  return done(map.ops().lookup_and_delete(map.live(), key, value, attr.flags), "look-up and delete");
}

Answer map_freeze(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(MapTarget target, get_map(client, int(attr.map_fd)));
  if (target.map->spec().fields) return base::Error(kErrnoNotSupp, "values with locks or timers are never frozen");
  if (!target.access.write) return base::Error(EPERM, "this handle of the map is read-only");
  if (target.map->frozen) return base::Error(EPERM, "the map is frozen already");
  SLUICE_CHECK(target.map->ops().freeze(target.map->live()));
  target.map->frozen = true;
  return 0L;
}

}  // namespace control
