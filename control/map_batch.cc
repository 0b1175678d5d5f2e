// SPDX-License-Identifier: Apache-2.0
// map_batch.cc — BPF_MAP_*_BATCH: many elements with one command.
//
// Shape     two ways through a map, as in Linux: hash tables are scanned, and the token between two calls is a place in
//           the table; the other types go from key to key, and the token is the last key.
// Errors    as the element commands; `count` is how many elements were done. ENOENT: there are no more.
// Source    the running kernel: tests/unit/control/map_batch_test.cc asks it the same questions.
#include <cstring>

#include "bpf/abi/flags.h"
#include "control/door_state.h"

namespace control {
namespace {

class Batch {
 public:
  Batch(Map& map, bpf::bpf_attr& attr) : map_(map), attr_(attr), room_(attr.batch.count) {}

  u32 room() const { return room_; }
  u64 flags() const { return attr_.batch.elem_flags; }
  // Nothing is done until it is.
  void begin() { attr_.batch.count = 0; }
  bool has_keys() const { return attr_.batch.keys != 0; }
  bool has_values() const { return attr_.batch.values != 0; }
  base::Bytes key(u32 n) const { return at(attr_.batch.keys, n, map_.spec().key_size); }
  base::Bytes value(u32 n) const { return at(attr_.batch.values, n, map_.value_bytes()); }

  Answer finish(u32 done, int result) {
    attr_.batch.count = done;
    if (result == 0) return 0L;
    return base::Error(-result, "element " + std::to_string(done) + ": " + std::strerror(-result));
  }
  Answer fault(const char* what) { return base::Error(EFAULT, what); }

 private:
  static base::Bytes at(u64 address, u32 n, u32 size) { return {user_ptr<std::byte>(address) + u64{n} * size, size}; }

  Map& map_;
  bpf::bpf_attr& attr_;
  u32 room_;
};

// The map, if the handle allows it and its type has the operation; in Linux's order.
base::Result<std::shared_ptr<Map>> find_target(Client& client, const bpf::bpf_attr& attr, bpf::BatchOp op) {
  SLUICE_TRY(MapTarget target, get_map(client, int(attr.batch.map_fd)));
  const bool reads = op == bpf::BatchOp::lookup || op == bpf::BatchOp::take;
  const bool writes = op != bpf::BatchOp::lookup;
  if (reads && !target.access.read) return base::Error(EPERM, "this handle of the map is write-only");
  if (writes && !target.access.write) return base::Error(EPERM, "this handle of the map is read-only");
  if (writes && target.map->frozen) return base::Error(EPERM, "the map is frozen");
  if (!target.map->ops().has_batch(op)) return base::Error(524, "this map type has no such batch command");
  if (attr.batch.elem_flags & ~u64{bpf::BPF_F_LOCK}) return base::Error(EINVAL, "unknown elem_flags");
  SLUICE_CHECK(check_lock_flag(*target.map, attr.batch.elem_flags));
  return target.map;
}

// One element, without a trace.
int peek(Map& map, u64 cursor) {
  std::vector<std::byte> key(map.spec().key_size), value(map.value_bytes());
  return map.ops().scan(map.live(), cursor, false, key, value, 0);
}

Answer scan_batch(Map& map, bpf::bpf_attr& attr, bool take) {
  if (attr.batch.flags != 0) return base::Error(EINVAL, "unknown flags");
  Batch batch(map, attr);
  if (batch.room() == 0) return 0L;
  batch.begin();
  u32 token = 0;
  if (attr.batch.in_batch) std::memcpy(&token, user_ptr<const u32>(attr.batch.in_batch), sizeof token);
  u64 cursor = bpf::cursor_of(token);
  if (!batch.has_keys() || !batch.has_values() || attr.batch.out_batch == 0)
    return peek(map, cursor) == 0 ? batch.fault("no place for keys, values or out_batch") : batch.finish(0, -ENOENT);
  u32 done = 0;
  int result = 0;
  while (done < batch.room() && result == 0) {
    result = map.ops().scan(map.live(), cursor, take, batch.key(done), batch.value(done), batch.flags());
    if (result == 0) ++done;
  }
  // Full and at the end at once: Linux says so with the last elements.
  if (result == 0) result = peek(map, cursor) == -ENOENT ? -ENOENT : 0;
  token = bpf::token_of(cursor);
  std::memcpy(user_ptr<u32>(attr.batch.out_batch), &token, sizeof token);
  return batch.finish(done, result);
}

Answer walk_batch(Map& map, bpf::bpf_attr& attr) {
  Batch batch(map, attr);
  if (batch.room() == 0) return 0L;
  batch.begin();
  const u32 key_size = map.spec().key_size;
  std::vector<std::byte> last(key_size), next(key_size);
  base::ConstBytes after;
  if (attr.batch.in_batch) {
    std::memcpy(last.data(), user_ptr<const std::byte>(attr.batch.in_batch), key_size);
    after = last;
  }
  u32 done = 0;
  int result = 0;
  while (done < batch.room()) {
    result = map.ops().next_key(map.live(), after, next);
    if (result != 0) break;
    if (!batch.has_keys() || !batch.has_values()) return batch.fault("no place for keys or values");
    const int found = map.ops().lookup(map.live(), next, batch.value(done), batch.flags());
    if (found == 0) std::memcpy(batch.key(done++).data(), next.data(), key_size);
    if (found != 0 && found != -ENOENT) return batch.finish(0, found);  // ENOENT: gone meanwhile, or an empty slot
    last.swap(next);
    after = last;
  }
  if (done != 0) {
    attr.batch.count = done;
    if (attr.batch.out_batch == 0) return batch.fault("no place for out_batch");
    std::memcpy(user_ptr<std::byte>(attr.batch.out_batch), last.data(), key_size);
  }
  return batch.finish(done, result);
}

}  // namespace

Answer map_lookup_batch(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(auto map, find_target(client, attr, bpf::BatchOp::lookup));
  return map->ops().has_batch(bpf::BatchOp::scan) ? scan_batch(*map, attr, false) : walk_batch(*map, attr);
}

Answer map_lookup_and_delete_batch(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(auto map, find_target(client, attr, bpf::BatchOp::take));
  return scan_batch(*map, attr, true);
}

Answer map_update_batch(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(auto map, find_target(client, attr, bpf::BatchOp::update));
  Batch batch(*map, attr);
  if (batch.room() == 0) return 0L;
  batch.begin();
  if (!batch.has_keys() || !batch.has_values()) return batch.fault("no keys or no values");
  for (u32 n = 0; n < batch.room(); ++n)
    if (auto result = update_element(state, client, *map, batch.key(n), batch.value(n), batch.flags()); !result) {
      attr.batch.count = n;
      return std::move(result.error()).in("element " + std::to_string(n));
    }
  return batch.finish(batch.room(), 0);
}

Answer map_delete_batch(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(auto map, find_target(client, attr, bpf::BatchOp::erase));
  Batch batch(*map, attr);
  if (batch.room() == 0) return 0L;
  batch.begin();
  if (!batch.has_keys()) return batch.fault("no keys");
  for (u32 n = 0; n < batch.room(); ++n)
    if (const int result = map->ops().erase(map->live(), batch.key(n)); result != 0) return batch.finish(n, result);
  return batch.finish(batch.room(), 0);
}

}  // namespace control
