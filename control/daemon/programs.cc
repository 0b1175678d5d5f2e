// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/programs.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "control/globals.h"
#include "control/value_encoder.h"

namespace control {
namespace {

using config::Code;
using config::Diagnostics;

bool concerns(const config::Map& map, const config::Program& program) {
  if (!map.program.empty()) return map.program == program.name;
  return map.object.empty() || map.object == program.object;
}

// The bytes of program.rodata, once the object's BTF is known. What is wrong is told at its place in the file.
base::Result<std::vector<GlobalBytes>> encode_globals(const bpf::btf::Btf& types, const config::Program& program,
                                                      Diagnostics& diagnostics) {
  std::vector<GlobalBytes> globals;
  bool ok = true;
  for (const auto& constant : program.rodata) {
    auto variable = find_global(types, constant.variable);
    if (!variable) {
      diagnostics.add(Code::kObjectName, constant.at, variable.error().what());
      ok = false;
      continue;
    }
    auto bytes = encode_value({&types, variable->type, variable->size}, constant.value, constant.at, diagnostics);
    if (bytes)
      globals.push_back({variable->section, variable->offset, *std::move(bytes)});
    else
      ok = false;
  }
  if (!ok) return base::Error(EINVAL, "its constants cannot be set");
  return globals;
}

LoadRequest make_request(const config::Config& config, const config::Program& program, Diagnostics& diagnostics) {
  LoadRequest request;
  request.path = program.object;
  request.programs = program.sections;
  if (!program.rodata.empty())
    request.set_globals = [&program, &diagnostics](const bpf::btf::Btf& types) {
      return encode_globals(types, program, diagnostics);
    };
  for (const auto& map : config.maps)
    if (map.max_entries && concerns(map, program))
      request.max_entries[map.name] = u32(std::min<u64>(*map.max_entries, ~u32{0}));
  request.log_level = program.log_level;
  return request;
}

std::string map_names(const LoadedPrograms& programs) {
  std::string names;
  for (const auto& [item, object] : programs.objects)
    for (const auto& map : object.maps)
      if (map.section.empty()) names.append(names.empty() ? "" : ", ").append(map.name);
  return names;
}

// The live maps that a map item of the file speaks of; the same pinned map may come from two objects.
std::vector<std::shared_ptr<Map>> find_maps(const config::Map& item, const LoadedPrograms& programs) {
  std::vector<std::shared_ptr<Map>> found;
  for (const auto& [program, object] : programs.objects) {
    if (!concerns(item, *program)) continue;
    if (const auto* map = object.find_map(item.name))
      if (std::find(found.begin(), found.end(), map->map) == found.end()) found.push_back(map->map);
  }
  return found;
}

const LoadedProgram* find_function(const LoadedPrograms& programs, const std::string& program,
                                   const std::string& function) {
  for (const auto& [item, object] : programs.objects)
    if (item->name == program) return function.empty() ? &object.programs.front() : object.find_program(function);
  return nullptr;
}

bpf::bpf_prog_type type_of_hook(config::Hook hook) {
  return hook == config::Hook::kXdp ? bpf::BPF_PROG_TYPE_XDP : bpf::BPF_PROG_TYPE_SCHED_CLS;
}

// Writes the entries of one map item into one live map.
class MapFiller {
 public:
  MapFiller(const Plan& plan, Door& door, const LoadedPrograms& programs, Diagnostics& diagnostics)
      : plan_(plan), door_(door), programs_(programs), diagnostics_(diagnostics) {}

  void fill(const config::Map& item, Map& map) {
    for (const auto& entry : item.entries) {
      auto key = encode_value(key_type(map), entry.key, entry.at / "key", diagnostics_);
      if (!key) continue;
      if (auto status = put(map, *key, entry); !status)
        diagnostics_.add(Code::kMapEntry, entry.at, "map '" + item.name + "': " + status.error().what());
    }
  }

 private:
  static ValueType key_type(const Map& map) {
    return {map.btf ? &map.btf->types() : nullptr, map.btf_key_type_id, map.spec().key_size,
            map.spec().type == bpf::BPF_MAP_TYPE_LPM_TRIE};
  }

  base::Status put(Map& map, base::ConstBytes key, const config::MapEntry& entry) {
    switch (map.ops().holds) {
      case bpf::MapHolds::device: return put_device(map, key, entry);
      case bpf::MapHolds::program: return put_program(map, key, entry);
      case bpf::MapHolds::map:
      case bpf::MapHolds::cpu:
      case bpf::MapHolds::perf_event:
      case bpf::MapHolds::cgroup:
      case bpf::MapHolds::xsk:
      case bpf::MapHolds::socket:
        return base::Error(EOPNOTSUPP, "what a map of this type holds cannot be named in the configuration yet");
      case bpf::MapHolds::bytes: break;
    }
    return put_bytes(map, key, entry);
  }

  base::Status put_bytes(Map& map, base::ConstBytes key, const config::MapEntry& entry) {
    const ValueType type{map.btf ? &map.btf->types() : nullptr, map.btf_value_type_id, map.spec().value_size};
    auto value = encode_value(type, entry.value, entry.at / "value", diagnostics_);
    if (!value) return base::success();
    // A per-CPU map takes one value per possible CPU, each padded to 8 bytes: every CPU starts with what the file says.
    const u32 stride = u32(value->size() + 7) / 8 * 8;
    std::vector<std::byte> values(map.value_bytes());
    for (std::size_t at = 0; at + value->size() <= values.size(); at += stride)
      std::copy(value->begin(), value->end(), values.begin() + std::ptrdiff_t(at));
    const int result = map.ops().update(map.live(), key, values, 0);
    if (result < 0) return base::Error(-result, std::string("the entry was refused: ") + std::strerror(-result));
    return base::success();
  }

  base::Status put_device(Map& map, base::ConstBytes key, const config::MapEntry& entry) {
    const auto name = entry.value.as_text().value_or("");
    for (const auto& port : plan_.ports)
      if (port.name == name || std::to_string(port.ifindex) == name)
        return door_.update_object(map, key, nullptr, port.ifindex, 0);
    return base::Error(ENODEV, "no port named '" + std::string(name) + "'");
  }

  base::Status put_program(Map& map, base::ConstBytes key, const config::MapEntry& entry) {
    const std::string name(entry.value.as_text().value_or(""));
    const auto slash = name.find('/');
    const auto* program =
        find_function(programs_, name.substr(0, slash), slash == name.npos ? "" : name.substr(slash + 1));
    if (!program) return base::Error(ENOENT, "no program '" + name + "' (write program/function)");
    return door_.update_object(map, key, program->program, 0, 0);
  }

  const Plan& plan_;
  Door& door_;
  const LoadedPrograms& programs_;
  Diagnostics& diagnostics_;
};

}  // namespace

base::u64 LoadedPrograms::map_bytes() const {
  std::set<const Map*> seen;
  u64 bytes = 0;
  for (const auto& [item, object] : objects)
    for (const auto& map : object.maps)
      if (seen.insert(map.map.get()).second) bytes += map.map->memory_bytes();
  return bytes;
}

LoadedPrograms load_programs(const config::Config& config, Door& door, Diagnostics& diagnostics) {
  LoadedPrograms programs;
  for (const auto& program : config.programs) {
    auto object = load_object(door, make_request(config, program, diagnostics));
    if (object)
      programs.objects.push_back({&program, *std::move(object)});
    else
      diagnostics.add(Code::kObject, program.at / "object", object.error().what());
  }
  return programs;
}

void fill_maps(const config::Config& config, const Plan& plan, Door& door, LoadedPrograms& programs,
               Diagnostics& diagnostics) {
  MapFiller filler(plan, door, programs, diagnostics);
  for (const auto& item : config.maps) {
    auto maps = find_maps(item, programs);
    if (maps.empty() && diagnostics.ok())
      diagnostics.add(Code::kObjectName, item.at / "name",
                      "no loaded program has a map '" + item.name + "' (have: " + map_names(programs) + ")");
    for (const auto& map : maps) filler.fill(item, *map);
  }
}

std::vector<PlannedAttachment> find_attachments(const config::Config& config, const LoadedPrograms& programs,
                                                Diagnostics& diagnostics) {
  std::vector<PlannedAttachment> planned;
  for (const auto& item : config.attachments) {
    const auto object = std::find_if(programs.objects.begin(), programs.objects.end(),
                                     [&](const NamedObject& named) { return named.item->name == item.program; });
    if (object == programs.objects.end()) continue;  // it did not load, which has been said
    const auto& loaded = object->object.programs;
    std::string names;
    for (const auto& program : loaded) names.append(names.empty() ? "" : ", ").append(program.name);
    const LoadedProgram* program =
        item.function.empty() && loaded.size() == 1 ? &loaded.front() : object->object.find_program(item.function);
    if (!program) {
      diagnostics.add(Code::kObjectName, item.at / "program",
                      item.function.empty() ? "the object has several programs; name one: " + names
                                            : "no program '" + item.function + "' (have: " + names + ")");
    } else if (program->type != type_of_hook(item.hook)) {
      diagnostics.add(Code::kObjectName, item.at / "program",
                      "'" + program->name + "' is no " + (item.hook == config::Hook::kXdp ? "XDP" : "TC (sched_cls)") +
                          " program");
    } else {
      planned.push_back({item.hook, item.port, program->program});
    }
  }
  return planned;
}

}  // namespace control
