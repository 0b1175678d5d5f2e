// SPDX-License-Identifier: Apache-2.0
// map_ops.h — what a map type can do, seen from bpf(2) and from the engine.
//
// Shape     one MapOps per working row of types.def, defined in maps/<name>.cc with map_ops<M>(), which fills an
//           operation that M lacks with one that answers the documented errno: no member is ever null.
// Threads   make, check: control thread. Element operations: any thread; they never hold a lock that a worker can wait
//           for.
// Errors    int results are 0 or a negative errno, as bpf(2) returns them.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "bpf/abi/host/bpf_map.h"
#include "bpf/abi/types.h"

namespace bpf {

using base::Bytes;
using base::ConstBytes;

// What MAP_CREATE asks for.
struct MapSpec {
  bpf_map_type type = BPF_MAP_TYPE_UNSPEC;
  base::u32 key_size = 0;
  base::u32 value_size = 0;
  base::u32 max_entries = 0;
  base::u32 map_flags = 0;
  base::u64 map_extra = 0;
  base::u32 numa_node = 0;
  bool typed = false;  // key and value have BTF types
  std::string name;
  std::shared_ptr<const bpf_value_fields> fields;  // null: values are bytes
  std::shared_ptr<const MapSpec> inner;  // maps of maps: the shape of those they hold
};

// May BPF_F_LOCK be asked for?
inline bool has_lock(const MapSpec& spec) { return spec.fields && spec.fields->lock != BPF_VALUE_HAS_NO; }

// A map object. Concrete maps hold a C struct that begins with bpf_map and return its address from head().
class Map {
 public:
  virtual ~Map() = default;
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;

  virtual bpf_map* head() noexcept = 0;
  const MapSpec& spec() const noexcept { return spec_; }

 protected:
  explicit Map(MapSpec spec) : spec_(std::move(spec)) {}

 private:
  MapSpec spec_;
};

// What the values of a map are. Where they are objects, the bpf(2) door resolves the descriptor in the value first and
// hands the object over; the map keeps it alive.
enum class MapHolds : base::u8 { bytes, program, device, cpu, map, perf_event, cgroup, xsk, socket };

// What the keys of a map are. Where they are descriptors of owners, the door resolves them.
enum class MapKeys : base::u8 { bytes, socket, inode, task, cgroup };

// May a map of this type lie in a map of maps, beside others that are alike?
enum class InnerRule : base::u8 {
  alike,          // type, sizes and flags
  alike_entries,  // ... and max_entries, unless BPF_F_INNER_MAP
  never,          // ENOTSUPP
  nested,         // EINVAL: it holds maps itself
};

struct MapObject {
  const bpf_prog* prog = nullptr;          // MapHolds::program, or the program of a device entry (may be null)
  Map* map = nullptr;                      // MapHolds::map
  std::shared_ptr<const void> keep;        // owner of `prog` or `map`
  base::u64 id = 0;                        // program id, ifindex of a device, queue size of a CPU, an endpoint's id
  // Not 0: the value names no such object. The map answers this errno where Linux would, after its own checks.
  int error = 0;
};

// Batch commands that a type has, as bits; scan: by place in the table, not from key to key.
enum class BatchOp : base::u8 { lookup = 1, take = 2, update = 4, erase = 8, scan = 16 };
inline constexpr base::u8 kBatchArray = 1 | 4;
inline constexpr base::u8 kBatchKeys = 1 | 4 | 8;
inline constexpr base::u8 kBatchTable = 1 | 2 | 4 | 8 | 16;

// Where a scan stands: bucket << 32 | place in it. Between two commands it travels as a token of 32 bits; behind place
// 63 of one bucket it comes back to that place, and elements may be met twice.
constexpr base::u64 cursor_of(base::u32 token) { return base::u64{token >> 6} << 32 | (token & 63); }
constexpr base::u32 token_of(base::u64 cursor) {
  const base::u32 place = static_cast<base::u32>(cursor);
  return static_cast<base::u32>(cursor >> 32) << 6 | (place < 63 ? place : 63);
}

struct MapOps {
  MapHolds holds;
  MapKeys keys;
  InnerRule inner;
  base::u8 batch;
  constexpr bool has_batch(BatchOp op) const noexcept { return (batch & static_cast<base::u8>(op)) != 0; }
  // MAP_CREATE: judges the numbers alone (EINVAL, E2BIG, EPERM), then allocates (ENOMEM with both figures).
  base::Status (*check)(const MapSpec&);
  base::Result<std::unique_ptr<Map>> (*make)(const MapSpec&);

  // Elements, from bpf(2). `value` has value_size bytes, or round_up(value_size, 8) * possible CPUs for per-CPU maps.
  int (*lookup)(Map&, ConstBytes key, Bytes value, base::u64 flags);
  int (*update)(Map&, ConstBytes key, ConstBytes value, base::u64 flags);
  // What Linux answers to an update before it looks at the descriptor in the value: 0, or a negative errno.
  int (*judge_update)(Map&, ConstBytes key, base::u64 flags);
  int (*update_object)(Map&, ConstBytes key, MapObject object, base::u64 flags);  // MapHolds other than bytes
  int (*erase)(Map&, ConstBytes key);
  int (*lookup_and_delete)(Map&, ConstBytes key, Bytes value, base::u64 flags);
  // An empty `key` asks for the first one. -ENOENT: there is none behind it.
  int (*next_key)(Map&, ConstBytes key, Bytes next);

  // The first element at or behind `cursor`, which moves behind it; `take` deletes it. -ENOENT: there is none.
  int (*scan)(Map&, base::u64& cursor, bool take, Bytes key, Bytes value, base::u64 flags);

  // Address of the value behind a BPF_PSEUDO_MAP_VALUE reference, or an error (only single-element arrays have one).
  base::Result<base::u64> (*direct_value)(Map&, base::u32 offset);
  // The memory that clients may map, as a memfd that the map owns; -1: none.
  int (*memory_fd)(const Map&);
  // MAP_FREEZE: what clients have mapped cannot be written from now on. EBUSY as bpf(2).
  base::Status (*freeze)(Map&);
  // The eventfd that tells a consumer of new data; -1: none.
  int (*wake_fd)(const Map&);
  // Bytes of memory held, for memlock and the maps-memory budget.
  base::u64 (*memory_bytes)(const Map&);
  base::u64 (*entry_count)(const Map&);

  // Runtime-bitcode symbols with the signatures of bpf_map_runtime's members; "" = call through the table.
  struct Symbols {
    const char* lookup = "";
    const char* update = "";
    const char* erase = "";
    const char* redirect = "";
    const char* lookup_percpu = "";
    const char* push = "";
    const char* pop = "";
    const char* peek = "";
  } symbols;
};

}  // namespace bpf
