// SPDX-License-Identifier: Apache-2.0
// hash_natives.cc — the functions of hash maps that programs reach, by their names in the runtime bitcode.
#include "maps/hash_table.h"

extern "C" {

uint32_t maps_hash_find_slowly(hash_map* hash, uint32_t, const void* key, uint64_t hash_value) {
  return static_cast<maps::HashTable*>(hash)->find(key, hash_value);
}

int64_t maps_hash_update(bpf_env* env, bpf_map* map, bpf_map_shape, const void* key, const void* value,
                         uint64_t flags) {
  return static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map))->update(key, value, flags, env->cpu);
}

int64_t maps_percpu_hash_update(bpf_env* env, bpf_map* map, bpf_map_shape, const void* key, const void* value,
                                uint64_t flags) {
  return static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map))->update_on_cpu(key, value, flags, env->cpu);
}

int64_t maps_hash_erase(bpf_env* env, bpf_map* map, bpf_map_shape, const void* key) {
  return static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map))->erase(key, env->cpu);
}

int64_t maps_hash_each(bpf_env* env, bpf_map* map, bpf_map_shape, const bpf_callback* visit, uint64_t ctx,
                       uint64_t flags) {
  if (flags != 0) return -EINVAL;
  return static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map))->each(*env, *visit, ctx);
}

uint64_t maps_hash_count(const bpf_map* map) {
  return static_cast<const maps::HashTable*>(reinterpret_cast<const hash_map*>(map))->entry_count();
}

}  // extern "C"

const bpf_native maps::kHashNatives[] = {
    {"maps_hash_find_slowly", reinterpret_cast<const void*>(&maps_hash_find_slowly)},
    {"maps_hash_update", reinterpret_cast<const void*>(&maps_hash_update)},
    {"maps_percpu_hash_update", reinterpret_cast<const void*>(&maps_percpu_hash_update)},
    {"maps_hash_erase", reinterpret_cast<const void*>(&maps_hash_erase)},
    {nullptr, nullptr}};
