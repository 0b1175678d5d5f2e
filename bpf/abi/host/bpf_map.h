/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_map.h — the part of a map that running code sees.
 *
 * Shape     every map type's own struct begins with a struct bpf_map; compiled programs hold its address.
 *           The bodies below are what a program's helper calls become. They exist twice: as native functions (this
 *           table, used by the interpreter and where a call site may see several maps) and, under the names in
 *           MapOps::symbols, in the runtime bitcode, where the JIT calls them with `shape` as constants so that they
 *           inline and specialise.
 * Threads   look-up: any CPU, wait-free. update, erase: any CPU, bounded.
 * Lifetime  a value pointer is good until the reader's next quiescent point.
 */
#pragma once

#include "bpf/abi/host/callback.h"
#include "bpf/abi/host/env.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers a map was made with; by value they are two registers:
 * key_size | value_size << 32, max_entries | flags << 32. */
struct bpf_map_shape {
  uint32_t key_size;
  uint32_t value_size;
  uint32_t max_entries;
  uint32_t map_flags;
};

/* Zero or a negative errno, as the helpers of Linux return. */
struct bpf_map_runtime {
  void *(*lookup)(struct bpf_env *, struct bpf_map *, struct bpf_map_shape, const void *key);
  int64_t (*update)(struct bpf_env *, struct bpf_map *, struct bpf_map_shape, const void *key, const void *value,
                    uint64_t flags);
  int64_t (*erase)(struct bpf_env *, struct bpf_map *, struct bpf_map_shape, const void *key);
  int64_t (*redirect)(struct bpf_env *, struct bpf_map *, struct bpf_map_shape, uint64_t key, uint64_t flags);
  void *(*lookup_percpu)(struct bpf_env *, struct bpf_map *, struct bpf_map_shape, const void *key, uint32_t cpu);
  /* Maps without keys. pop and peek zero the value where there is none. */
  int64_t (*push)(struct bpf_env *, struct bpf_map *, struct bpf_map_shape, const void *value, uint64_t flags);
  int64_t (*pop)(struct bpf_env *, struct bpf_map *, struct bpf_map_shape, void *value);
  int64_t (*peek)(struct bpf_env *, struct bpf_map *, struct bpf_map_shape, void *value);
  /* Calls back for each element until that gives other than 0: (map, key, value, ctx). Per-CPU maps: this CPU's value.
   * How many it was called for. */
  int64_t (*each)(struct bpf_env *, struct bpf_map *, struct bpf_map_shape, const struct bpf_callback *, uint64_t ctx,
                  uint64_t flags);
  /* Elements there are now, in the maps whose kind Linux counts: hash tables; 0 in all others. */
  uint64_t (*count)(const struct bpf_map *);
  /* Functions of the maps library that this type's bodies in the runtime bitcode call out of line, up to a null name;
   * NULL where there are none. The JIT's linker resolves them here, through the maps that the object uses. */
  const struct bpf_native *natives;
};

struct bpf_native {
  const char *name;
  const void *address;
};

/* What a value holds that is more than bytes: locks, timers, kernel pointers. bpf(2) neither shows nor sets them. */
enum { BPF_VALUE_FIELDS_MAX = 11, BPF_VALUE_HAS_NO = -1 };
struct bpf_value_field {
  uint32_t offset; /* bytes from the start of the value; a multiple of 4 */
  uint32_t size;   /* a multiple of 4 */
  uint32_t kind;   /* bpf::btf::FieldKind */
};
struct bpf_value_fields {
  uint32_t count;
  int32_t lock; /* offset of the struct bpf_spin_lock, BPF_VALUE_HAS_NO: none */
  struct bpf_value_field at[BPF_VALUE_FIELDS_MAX]; /* by offset */
};

struct bpf_map {
  struct bpf_map_shape shape;
  uint32_t map_type;
  uint32_t id;
  uint64_t map_extra;
  const struct bpf_map_runtime *runtime; /* never null, nor any of its functions */
  char name[16];
  const struct bpf_value_fields *fields; /* NULL: values are bytes */
};

/* BPF_MAP_TYPE_PROG_ARRAY: slots are replaced with one store and seen by the next tail call. */
struct bpf_prog_array {
  struct bpf_map map;
  const struct bpf_prog **slots; /* max_entries of them, NULL where empty */
};

/* BPF_MAP_TYPE_ARRAY_OF_MAPS, likewise. */
struct bpf_map_slots {
  struct bpf_map map;
  struct bpf_map **slots; /* max_entries of them, NULL where empty */
};

/* In bpf_redirect::flags of a redirect through a device's entry with a program: bpf_redirect::map_id is not the map's
 * but the program's, which runs before the packet leaves. Not set where CPUs or all entries of a map are meant. */
enum { BPF_REDIRECT_ENTRY_PROG = 1 << 30 };

/* Maps that hold objects by id: one word per entry, 0 where it is empty.
 * DEVMAP, DEVMAP_HASH   ifindex | program id << 32, which is also the value that programs look up; a broadcast goes to
 *                       every ifindex in it. Entries of a DEVMAP_HASH lie in any order.
 * CPUMAP                length of the queue to that CPU | program id << 32
 * others                the object's id */
struct bpf_id_map {
  struct bpf_map map;
  uint64_t *entries; /* max_entries of them, replaced with one store */
};

#ifdef __cplusplus
} /* extern "C" */
#endif
