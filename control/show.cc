// SPDX-License-Identifier: Apache-2.0
#include "control/show.h"

#include <ctime>
#include <functional>

#include "base/percpu.h"
#include "bpf/registry/registry.h"
#include "control/btf_format.h"
#include "control/dump.h"
#include "control/hex.h"

namespace control {
namespace {

constexpr u64 kSecond = 1'000'000'000;

// bpf_prog_info counts from boot; people read a date.
u64 wall_seconds(u64 boot_ns) {
  timespec wall{}, boot{};
  clock_gettime(CLOCK_REALTIME, &wall);
  clock_gettime(CLOCK_BOOTTIME, &boot);
  const u64 now_wall = u64(wall.tv_sec) * kSecond + u64(wall.tv_nsec);
  const u64 now_boot = u64(boot.tv_sec) * kSecond + u64(boot.tv_nsec);
  return (now_wall - now_boot + boot_ns) / kSecond;
}

template <std::size_t size>
std::string_view row_name(const std::array<bpf::TypeRow, size>& rows, u32 type) {
  return type < size ? rows[type].name : std::string_view("unknown");
}

std::string tag_of(const Program& program) { return to_hex(std::as_bytes(std::span(program.info().tag))); }

// {"id": 7}, {"name": "fw"}, {"tag": "..."} or {"pinned": "..."}; an empty object means all.
template <class T>
base::Result<std::vector<std::shared_ptr<T>>> select(const Door& door, const Json& args,
                                                     std::vector<std::shared_ptr<T>> all, ObjectKind kind,
                                                     const char* noun) {
  if (args.empty()) return all;
  const std::string key = args.begin().key();
  const Json& wanted = args.begin().value();
  std::function<bool(const T&)> matches;
  if (key == "id") {
    const u32 id = wanted.get<u32>();
    matches = [id](const T& object) { return object.id() == id; };
  } else if (key == "pinned") {
    SLUICE_TRY(const auto object, door.find_pin(wanted.get<std::string>()));
    if (object->kind() != kind) return base::Error(EINVAL, "what is pinned there is no " + std::string(noun));
    const u32 id = object->id();
    matches = [id](const T& candidate) { return candidate.id() == id; };
  } else if (key == "name") {
    const auto name = wanted.get<std::string>();
    if constexpr (std::is_same_v<T, Program>) matches = [name](const T& p) { return p.info().name == name; };
    else matches = [name](const T& m) { return m.spec().name == name; };
  } else if (key == "tag" && kind == ObjectKind::prog) {
    const auto tag = wanted.get<std::string>();
    if constexpr (std::is_same_v<T, Program>) matches = [tag](const T& p) { return tag_of(p) == tag; };
  }
  if (!matches) return base::Error(EINVAL, "unknown identifier '" + key + "' for a " + std::string(noun));
  std::erase_if(all, [&](const auto& object) { return !matches(*object); });
  if (all.empty())
    return base::Error(ENOENT, "there is no " + std::string(noun) + " with " + key + " " + wanted.dump());
  return all;
}

Json byte_list(base::ConstBytes bytes) {
  Json out = Json::array();
  for (const std::byte b : bytes) out.push_back("0x" + to_hex({&b, 1}));
  return out;
}

// One entry in bpftool's shape: bytes always, "formatted" beside them where BTF says what they are.
class EntryWriter {
 public:
  explicit EntryWriter(const Map& map) : map_(map), value_size_(map.spec().value_size) {}

  Json entry(base::ConstBytes key, base::ConstBytes value) const {
    const bool per_cpu = value.size() != value_size_;
    Json out{{"key", byte_list(key)}};
    if (per_cpu) out["values"] = values(value, [](base::ConstBytes one) { return byte_list(one); });
    else out["value"] = byte_list(value);
    if (!map_.btf) return out;
    Json formatted;
    formatted["key"] = map_.btf_key_type_id ? format(map_.btf_key_type_id, key) : plain_key(key);
    const auto one = [this](base::ConstBytes bytes) { return format(map_.btf_value_type_id, bytes); };
    if (per_cpu) formatted["values"] = values(value, one);
    else formatted["value"] = one(value);
    out["formatted"] = std::move(formatted);
    return out;
  }

 private:
  Json format(u32 type, base::ConstBytes bytes) const { return format_value(map_.btf->types(), type, bytes); }

  // Global data has an index for a key and no type for it.
  static Json plain_key(base::ConstBytes key) {
    u32 index = 0;
    if (key.size() == sizeof index) __builtin_memcpy(&index, key.data(), sizeof index);
    return index;
  }

  template <class Fn>
  Json values(base::ConstBytes all, Fn one) const {
    const std::size_t stride = (std::size_t(value_size_) + 7) / 8 * 8;
    Json out = Json::array();
    for (std::size_t cpu = 0; (cpu + 1) * stride <= all.size(); ++cpu)
      out.push_back({{"cpu", cpu}, {"value", one(all.subspan(cpu * stride, value_size_))}});
    return out;
  }

  const Map& map_;
  u32 value_size_;
};

Json ids_of(const std::vector<std::shared_ptr<Map>>& maps) {
  Json ids = Json::array();
  for (const auto& map : maps) ids.push_back(map->id());
  return ids;
}

base::Result<Json> show_programs(const Door& door, const Json& args) {
  SLUICE_TRY(const auto programs, select(door, args, door.programs(), ObjectKind::prog, "program"));
  Json rows = Json::array();
  for (const auto& program : programs) rows.push_back(program_row(door, *program));
  return rows;
}

base::Result<Json> show_maps(const Door& door, const Json& args) {
  SLUICE_TRY(const auto maps, select(door, args, door.maps(), ObjectKind::map, "map"));
  Json rows = Json::array();
  for (const auto& map : maps) rows.push_back(map_row(door, *map));
  return rows;
}

using DumpFn = base::Result<Json> (*)(const Program&);

base::Result<Json> dump_programs(const Door& door, const Json& args, DumpFn dump) {
  if (args.empty()) return base::Error(EINVAL, "which program? ({id N | name S | tag T | pinned F})");
  SLUICE_TRY(const auto programs, select(door, args, door.programs(), ObjectKind::prog, "program"));
  Json rows = Json::array();
  for (const auto& program : programs) {
    SLUICE_TRY(Json code, dump(*program));
    rows.push_back({{"id", program->id()}, {"name", program->info().name}, {"code", std::move(code)}});
  }
  return rows;
}

base::Result<Json> dump_maps(const Door& door, const Json& args) {
  if (args.empty()) return base::Error(EINVAL, "which map? ({id N | name S | pinned F})");
  SLUICE_TRY(const auto maps, select(door, args, door.maps(), ObjectKind::map, "map"));
  Json rows = Json::array();
  for (const auto& map : maps) {
    SLUICE_TRY(Json dump, dump_map(*map));
    rows.push_back(std::move(dump));
  }
  return rows;
}

}  // namespace

Json program_row(const Door& door, const Program& program) {
  const ProgramInfo& info = program.info();
  Json row{{"id", program.id()}, {"type", row_name(bpf::kProgTypes, info.type)}};
  if (!info.name.empty()) row["name"] = info.name;
  row["tag"] = tag_of(program);
  row["gpl_compatible"] = info.gpl_compatible;
  if (door.config().run_stats) {
    const RunStats stats = door.config().run_stats(program.id());
    row["run_time_ns"] = stats.run_time_ns;
    row["run_cnt"] = stats.run_cnt;
  }
  row["loaded_at"] = wall_seconds(info.load_time_ns);
  row["uid"] = info.uid;
  row["orphaned"] = false;
  row["bytes_xlated"] = info.xlated_bytes;
  row["jited"] = info.jited_bytes != 0;
  if (info.jited_bytes) {
    row["bytes_jited"] = info.jited_bytes;
    row["jit_tier"] = bpf::jit::tier_name(info.tier);
  }
  row["bytes_memlock"] = program.memory_bytes();
  if (!program.maps().empty()) row["map_ids"] = ids_of(program.maps());
  if (program.btf()) row["btf_id"] = program.btf()->id();
  if (const auto pins = door.pins_of(program); !pins.empty()) row["pinned"] = pins;
  return row;
}

Json map_row(const Door& door, const Map& map) {
  const bpf::MapSpec& spec = map.spec();
  Json row{{"id", map.id()}, {"type", row_name(bpf::kMapTypes, spec.type)}};
  if (!spec.name.empty()) row["name"] = spec.name;
  row["flags"] = spec.map_flags;
  row["bytes_key"] = spec.key_size;
  row["bytes_value"] = spec.value_size;
  row["max_entries"] = spec.max_entries;
  row["bytes_memlock"] = map.memory_bytes();
  row["frozen"] = map.frozen ? 1 : 0;
  if (map.btf) row["btf_id"] = map.btf->id();
  if (const auto pins = door.pins_of(map); !pins.empty()) row["pinned"] = pins;
  return row;
}

base::Result<Json> dump_map(Map& map) {
  const EntryWriter writer(map);
  std::vector<std::byte> key(map.spec().key_size);
  std::vector<std::byte> value(map.value_bytes());
  Json out{{"id", map.id()}, {"name", map.spec().name}, {"entries", Json::array()}};
  base::ConstBytes at;
  std::vector<std::byte> last(key.size());
  // Workers insert and delete meanwhile: a walk may come by an entry twice, so it is bounded, and an entry that is gone
  // when it is read is left out.
  const u64 steps_max = std::min<u64>(u64{map.spec().max_entries} * 2 + 16, kDumpEntriesMax);
  for (u64 step = 0; step < steps_max; ++step) {
    if (map.ops().next_key(map.live(), at, key) != 0) break;
    if (map.ops().lookup(map.live(), key, value, 0) == 0) out["entries"].push_back(writer.entry(key, value));
    last = key;
    at = last;
  }
  if (out["entries"].size() >= kDumpEntriesMax) out["cut"] = true;
  return out;
}

void add_object_handlers(Server& server, Door& door) {
  server.add("prog", "show", [&door](const Json& args, const Peer&) { return show_programs(door, args); });
  server.add("prog", "dump xlated", [&door](const Json& args, const Peer&) {
    return dump_programs(door, args, [](const Program& p) -> base::Result<Json> { return dump_xlated(p); });
  });
  server.add("prog", "dump jited",
             [&door](const Json& args, const Peer&) { return dump_programs(door, args, dump_jited); });
  server.add("map", "show", [&door](const Json& args, const Peer&) { return show_maps(door, args); });
  server.add("map", "dump", [&door](const Json& args, const Peer&) { return dump_maps(door, args); });
}

}  // namespace control
