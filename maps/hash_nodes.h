// SPDX-License-Identifier: Apache-2.0
// hash_nodes.h — the nodes of one hash table: who may have one, for a new key or for the new value of a key.
//
//   part, the whole table or one CPU's share of it
//   ┌───────────────────────────────┬──────────────┬──────────┐
//   │ nodes of entries: a NodeStore │ one per lane │ in stock │   the two on the right are spares: a value is
//   └───────────────────────────────┴──────────────┴──────────┘   replaced by a spare, the old node is the next spare
//
// Shape     as many entries exist as there are nodes of entries; a node's number says its part, not its role.
//           BPF_F_NO_PREALLOC: one part without spares, nodes wait for readers before they are used again.
// Threads   any, lock-free. A lane's own spare is taken with one exchange; who has it puts one back with one store.
// Errors    node 0: none is left.
// Cost      replacing a value: one exchange and one store on the lane's own line.
#pragma once

#include <atomic>
#include <memory>

#include "base/memory.h"
#include "base/percpu.h"
#include "maps/hash_inline.h"
#include "maps/node_store.h"

namespace maps {

class HashNodes {
 public:
  // Nodes that a BPF_F_NO_PREALLOC map may have waiting for readers beside its max_entries.
  static constexpr u32 kLimboNodes = 4096;
  // Spares in stock: more than threads that write one map at one time, some for each lane in any case; large values
  // get no more than kSpareBytes of them.
  static constexpr u32 kStockNodes = 256;
  static constexpr u32 kStockPerLane = 1;
  static constexpr u64 kStockBytes = u64{1} << 20;

  struct Plan {
    u32 max_entries = 0;
    bool preallocated = true;
    bool replaces = true;  // new values go to new nodes
    bool stock = true;     // false: an LRU table, which finds a node in any case
    u32 parts = 1;         // divides max_entries
    u32 lanes = 1;         // of each part
    u64 stride = 0;        // bytes from node to node
    u64 charge_bytes = 0;  // of one node, when memory grows
  };

  enum class Account : u8 { entry, stock, lane };
  // A node that is not in the table.
  struct Node {
    u32 number = 0;
    Account account = Account::entry;
    u32 lane = 0;
  };

  // Nodes are numbered 1 … count(plan).
  static u64 count(const Plan& plan);
  // `first_words`: the word of node 0 that is the stores' while a node is free; node n's is n * stride behind.
  void init(const Plan& plan, std::byte* first_words, base::MemoryCharge* charge);

  // For a new key.
  Node take_entry(u32 lane) noexcept;
  // For a new value of the key in `old`. It may come from the account of entries when the spares are out.
  Node take_value(u32 lane, u32 old) noexcept;
  // Whether `old` may go into the account that `fresh` came from: spares stay within their part. `old` 0: none.
  bool may_replace(const Node& fresh, u32 old) const noexcept {
    return old == 0 || fresh.account == Account::entry || &part_of(fresh.number) == &part_of(old);
  }
  // A node that no reader has seen.
  void give_back(const Node& node) noexcept;
  // `old` left the table, and `fresh` took its place.
  void exchange(const Node& fresh, u32 old) noexcept;
  // An entry's node left the table.
  void retire(u32 lane, u32 node) noexcept;

  u64 taken() const noexcept;

  // The lanes' own spares of a table of one part: lane i's lies i * sizeof(Lane) behind. nullptr: there are none.
  u8* lane_spares() const noexcept {
    return plan_.parts == 1 && parts_[0].lanes != nullptr ? reinterpret_cast<u8*>(&parts_[0].lanes[0].spare) : nullptr;
  }

  u32 part_count() const noexcept { return plan_.parts; }
  u32 part_of_lane(u32 lane) const noexcept { return plan_.parts == 1 ? 0 : lane % plan_.parts; }
  // Nodes of a part: first_of(part) … first_of(part) + nodes_per_part() - 1.
  u32 first_of(u32 part) const noexcept { return 1 + part * per_part_; }
  u32 nodes_per_part() const noexcept { return per_part_; }

 private:
  struct alignas(base::kCacheLine) Lane {
    std::atomic<u32> spare{0};
  };
  static_assert(sizeof(Lane) == MAPS_HASH_LANE_BYTES);
  struct Part {
    NodeStore entries;
    NodeStore stock;
    std::unique_ptr<Lane[]> lanes;
  };

  static u32 stock_of(const Plan& plan);
  static u32 spares_of(const Plan& plan) { return plan.replaces ? plan.lanes + stock_of(plan) : 0; }
  Part& part_of(u32 node) const noexcept { return parts_[plan_.parts == 1 ? 0 : (node - 1) / per_part_]; }
  u32 take_growing(Part& part, u32 lane) noexcept;

  Plan plan_;
  u32 per_part_ = 0;
  std::unique_ptr<Part[]> parts_;
  base::MemoryCharge* charge_ = nullptr;
};

}  // namespace maps
