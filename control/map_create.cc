// SPDX-License-Identifier: Apache-2.0
// BPF_MAP_CREATE: flags and names, the type's own judgement, BTF of key and value, the memory budget.
#include <algorithm>

#include "bpf/abi/flags.h"
#include "bpf/registry/registry.h"
#include "control/door_state.h"
#include "maps/stand_in.h"

namespace control {
namespace {

base::Status check_attr(const bpf::bpf_attr& attr) {
  if (attr.btf_vmlinux_value_type_id != 0 && attr.map_type != bpf::BPF_MAP_TYPE_STRUCT_OPS)
    return base::Error(EINVAL, "btf_vmlinux_value_type_id belongs to struct_ops maps only");
  if (attr.btf_key_type_id != 0 && attr.btf_value_type_id == 0)
    return base::Error(EINVAL, "btf_key_type_id without btf_value_type_id");
  if (attr.map_extra != 0 && attr.map_type != bpf::BPF_MAP_TYPE_BLOOM_FILTER &&
      attr.map_type != bpf::BPF_MAP_TYPE_ARENA)
    return base::Error(EINVAL, "map_extra is for bloom filters and arenas only");
  return base::success();
}

// What Linux takes and we do not yet.
base::Status check_supported(Client& client, const bpf::bpf_attr& attr) {
  constexpr u32 kHashBytes = 32;
  if (attr.map_flags & bpf::BPF_F_TOKEN_FD) return refuse_token(client, attr.map_token_fd);
  if (attr.map_flags & bpf::BPF_F_VTYPE_BTF_OBJ_FD)
    return base::Error(EINVAL, "BPF_F_VTYPE_BTF_OBJ_FD is for struct_ops maps, which are planned only");
  if (attr.map_ifindex != 0) return base::Error(EINVAL, "no device takes maps");
  if (attr.excl_prog_hash == 0 && attr.excl_prog_hash_size == 0) return base::success();
  if (attr.excl_prog_hash == 0 || attr.excl_prog_hash_size != kHashBytes)
    return base::Error(EINVAL, "excl_prog_hash has 32 bytes");
  return base::Error(EOPNOTSUPP, "maps exclusive to one program are planned, not implemented yet");
}

// Types whose keys and values are the kernel's own.
base::Status check_typed(bpf::bpf_map_type type) {
  constexpr bpf::bpf_map_type kUntyped[] = {
      bpf::BPF_MAP_TYPE_PERF_EVENT_ARRAY, bpf::BPF_MAP_TYPE_STACK_TRACE,  bpf::BPF_MAP_TYPE_CGROUP_ARRAY,
      bpf::BPF_MAP_TYPE_ARRAY_OF_MAPS,    bpf::BPF_MAP_TYPE_HASH_OF_MAPS, bpf::BPF_MAP_TYPE_DEVMAP,
      bpf::BPF_MAP_TYPE_SOCKMAP,          bpf::BPF_MAP_TYPE_CPUMAP,       bpf::BPF_MAP_TYPE_XSKMAP,
      bpf::BPF_MAP_TYPE_SOCKHASH,         bpf::BPF_MAP_TYPE_DEVMAP_HASH,
  };
  if (std::ranges::find(kUntyped, type) != std::end(kUntyped))
    return base::Error(kErrnoNotSupp, "maps of this type take no BTF");
  return base::success();
}

// A global-data section is one value whose type is the section itself, without a key type.
bool is_section(const bpf::btf::Btf& types, const bpf::bpf_attr& attr) {
  return attr.btf_key_type_id == 0 && attr.max_entries == 1 && attr.key_size == 4 &&
         types.kind(attr.btf_value_type_id) == bpf::BTF_KIND_DATASEC;
}

base::Result<ValueFields> check_types(const bpf::btf::Btf& types, const bpf::bpf_attr& attr) {
  if (!types.valid(attr.btf_key_type_id) || !types.valid(attr.btf_value_type_id))
    return base::Error(EINVAL, "the BTF has no such key or value type");
  if (attr.btf_key_type_id != 0) {
    if (types.size_of(attr.btf_key_type_id) != attr.key_size)
      return base::Error(EINVAL, "key_size is not the size of the key's type");
  } else if (!is_section(types, attr) && attr.map_type != bpf::BPF_MAP_TYPE_BLOOM_FILTER) {
    return base::Error(EINVAL, "a value type without a key type is for global data and bloom filters only");
  }
  if (types.size_of(attr.btf_value_type_id) != attr.value_size)
    return base::Error(EINVAL, "value_size is not the size of the value's type");
  return find_value_fields(types, attr);
}

base::Status check_budget(DoorState& state, u64 wanted) {
  const DoorLimits& limits = state.config.limits;
  if (state.maps.sweep() >= limits.maps_max)
    return base::Error(ENOMEM, "there are " + std::to_string(limits.maps_max) + " maps, the most allowed");
  u64 held = 0;
  for (const auto& map : state.maps.all()) held += map->memory_bytes();
  if (held + wanted > limits.maps_memory_bytes_max)
    return base::Error(ENOMEM, "maps would hold " + std::to_string(held + wanted) + " bytes of " +
                                   std::to_string(limits.maps_memory_bytes_max) + " allowed");
  return base::success();
}

bpf::MapSpec make_spec(const bpf::bpf_attr& attr, std::string name) {
  bpf::MapSpec spec;
  spec.type = bpf::bpf_map_type(attr.map_type);
  spec.key_size = attr.key_size;
  spec.value_size = attr.value_size;
  spec.max_entries = attr.max_entries;
  spec.map_flags = attr.map_flags & ~u32(bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY);  // of the handle, not of the map
  spec.map_extra = attr.map_extra;
  spec.numa_node = attr.numa_node;
  spec.typed = attr.btf_key_type_id != 0 && attr.btf_value_type_id != 0;
  spec.name = std::move(name);
  return spec;
}

// What Linux asks of who makes a map of that type; of the others everybody may.
const char* missing_capability(u32 type, const bpf::Capabilities& caps) {
  using enum bpf::bpf_map_type;
  constexpr bpf::bpf_map_type kNetAdmin[] = {BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_DEVMAP_HASH, BPF_MAP_TYPE_SOCKMAP,
                                             BPF_MAP_TYPE_SOCKHASH, BPF_MAP_TYPE_XSKMAP};
  constexpr bpf::bpf_map_type kEverybody[] = {BPF_MAP_TYPE_HASH,
                                              BPF_MAP_TYPE_ARRAY,
                                              BPF_MAP_TYPE_PROG_ARRAY,
                                              BPF_MAP_TYPE_PERF_EVENT_ARRAY,
                                              BPF_MAP_TYPE_PERCPU_HASH,
                                              BPF_MAP_TYPE_PERCPU_ARRAY,
                                              BPF_MAP_TYPE_CGROUP_ARRAY,
                                              BPF_MAP_TYPE_ARRAY_OF_MAPS,
                                              BPF_MAP_TYPE_HASH_OF_MAPS,
                                              BPF_MAP_TYPE_CGROUP_STORAGE,
                                              BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
                                              BPF_MAP_TYPE_RINGBUF,
                                              BPF_MAP_TYPE_USER_RINGBUF};
  const auto among = [type](const auto& set) {
    return std::ranges::find(set, bpf::bpf_map_type(type)) != std::end(set);
  };
  if (among(kNetAdmin)) return caps.net_admin ? nullptr : "CAP_NET_ADMIN";
  return caps.bpf || among(kEverybody) ? nullptr : "CAP_BPF";
}

}  // namespace

// The type's own sentences (check, make) name the map themselves.
Answer map_create(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_CHECK(check_attr(attr));
  SLUICE_TRY(const Access access, parse_access(attr.map_flags));
  SLUICE_TRY(const std::string name, parse_name(attr.map_name));
  const std::string where = "map '" + name + "'";
  auto found = bpf::find_map_ops(attr.map_type);
  const bool stands_in = !found && found.error().code() == EOPNOTSUPP && state.config.verdicts_only;
  if (!found && !stands_in) return std::move(found.error()).in(where);
  const bpf::MapOps* ops = stands_in ? &maps::stand_in_map_ops() : *found;
  SLUICE_CHECK(check_supported(client, attr));
  bpf::MapSpec spec = make_spec(attr, name);
  if (auto judged = ops->check(spec); !judged) return std::move(judged.error());
  if (!client.privileged() && !state.config.unprivileged_load)
    return base::Error(EPERM, where + ": not permitted without CAP_BPF");
  if (const char* missing = missing_capability(attr.map_type, client.caps()))
    return base::Error(EPERM, where + ": a map of this type is not permitted without " + missing);
  std::shared_ptr<Btf> btf;
  if (attr.btf_key_type_id != 0 || attr.btf_value_type_id != 0) {
    SLUICE_TRY(btf, get_btf(client, int(attr.btf_fd)));
    auto fields = check_types(btf->types(), attr);
    if (!fields) return std::move(fields.error()).in(where);
    spec.fields = *std::move(fields);
  }
  std::shared_ptr<Map> inner_map;
  if (ops->holds == bpf::MapHolds::map) {
    auto inner = get_map(client, int(attr.inner_map_fd));
    if (!inner) return std::move(inner.error()).in(where + ": inner_map_fd");
    inner_map = inner->map;
    spec.inner = std::make_shared<const bpf::MapSpec>(inner_map->spec());
  }
  if (btf)
    if (auto typed = check_typed(spec.type); !typed) return std::move(typed.error()).in(where);
  if (!check_budget(state, 0)) client.reclaim();
  if (auto fits = check_budget(state, 0); !fits) return std::move(fits.error()).in(where);
  auto live = ops->make(spec);
  if (!live) return std::move(live.error());
  auto map = std::make_shared<Map>(state.maps.take_id(), *ops, *std::move(live), state.config.retire);
  if (auto fits = check_budget(state, map->memory_bytes()); !fits) return std::move(fits.error()).in(where);
  map->btf = std::move(btf);
  map->btf_key_type_id = attr.btf_key_type_id;
  map->btf_value_type_id = attr.btf_value_type_id;
  if (inner_map) {
    map->inner_btf = inner_map->btf;
    map->inner_btf_key_type_id = inner_map->btf_key_type_id;
    map->inner_btf_value_type_id = inner_map->btf_value_type_id;
  }
  map->uid = client.uid();
  map->created_ns = boot_time_ns();
  state.maps.add(map);
  const bool redirects = ops->holds == bpf::MapHolds::device || ops->holds == bpf::MapHolds::cpu;
  if (redirects && state.config.on_device_map) state.config.on_device_map(map);
  return install(client, map, access);
}

}  // namespace control
