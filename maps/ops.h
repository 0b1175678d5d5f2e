// SPDX-License-Identifier: Apache-2.0
// ops.h — from a map class to its MapOps: what the class has is called, what it lacks answers as Linux does.
//
//   class HashMap : public bpf::Map {
//     static base::Status check(const bpf::MapSpec&);                        required
//     static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec&);
//     u64 memory_bytes() const;  u64 entry_count() const;
//     static constexpr bpf::MapHolds kHolds;  bpf::MapKeys kKeys;  kSymbols;  optional, as all below
//     int lookup(ConstBytes key, Bytes value);       int update(ConstBytes key, ConstBytes value, u64 flags);
//     int erase(ConstBytes key);                     int lookup_and_delete(ConstBytes key, Bytes value);
//     int next_key(ConstBytes key, Bytes next);      int update_object(ConstBytes key, bpf::MapObject, u64 flags);
//     base::Result<u64> direct_value(u32 offset);    int judge_update(ConstBytes key, u64 flags);
//     int scan(u64& cursor, bool take, Bytes key, Bytes value, u64 flags);
//     static constexpr bpf::InnerRule kInner;        static constexpr u8 kBatch;
//     base::Status freeze();                         int memory_fd() const;  int wake_fd() const;
//   };
//   constinit const bpf::MapOps bpf::hash_map_ops = maps::map_ops<HashMap>();
//
// Shape     the flags that every type judges alike are judged here: BPF_F_LOCK needs a lock in the value, and only
//           types whose operations take `flags` have values with one; a look-up takes no other flag.
// Threads   control threads enter as readers of the reclamation domain, so that what they find stays.
// Errors    a buffer of the wrong size is the caller's mistake: EINVAL.
#pragma once

#include "base/reclaim.h"
#include "bpf/abi/flags.h"
#include "bpf/registry/map_ops.h"
#include "bpf/registry/registry.h"

namespace maps {

using base::u32;
using base::u64;
using base::u8;
using bpf::Bytes;
using bpf::ConstBytes;

inline constexpr int kNotSupported = -524;  // ENOTSUPP of the kernel, which user space meets as a bare number

// Bytes that bpf(2) moves for one value: per-CPU types have a slot of whole words for every possible CPU.
u64 value_bytes(const bpf::MapSpec& spec);

template <class M>
struct Thunks {
  static M& self(bpf::Map& map) { return static_cast<M&>(map); }
  static bool takes(const bpf::Map& map, u64 flags) {
    return flags == 0 || (flags == bpf::BPF_F_LOCK && has_lock(map.spec()));
  }
  static bool key_fits(const bpf::Map& map, ConstBytes key) { return key.size() == map.spec().key_size; }

  static int lookup(bpf::Map& map, ConstBytes key, Bytes value, u64 flags) {
    if (!takes(map, flags)) return -EINVAL;
    if constexpr (requires { &M::lookup; }) {
      if (!key_fits(map, key) || value.size() != value_bytes(map.spec())) return -EINVAL;
      base::ReadSection section;
      if constexpr (requires(M& m) { m.lookup(key, value, flags); })
        return self(map).lookup(key, value, flags);
      else
        return self(map).lookup(key, value);
    }
    return -EOPNOTSUPP;
  }

  static int update(bpf::Map& map, ConstBytes key, ConstBytes value, u64 flags) {
    if ((flags & bpf::BPF_F_LOCK) != 0 && !has_lock(map.spec())) return -EINVAL;
    if constexpr (requires { &M::update; }) {
      if (!key_fits(map, key) || value.size() != value_bytes(map.spec())) return -EINVAL;
      base::ReadSection section;
      return self(map).update(key, value, flags);
    }
    return -EINVAL;
  }

  static int judge_update(bpf::Map& map, ConstBytes key, u64 flags) {
    if constexpr (requires { &M::judge_update; }) return self(map).judge_update(key, flags);
    return 0;
  }

  static int update_object(bpf::Map& map, ConstBytes key, bpf::MapObject object, u64 flags) {
    if (flags & bpf::BPF_F_LOCK) return -EINVAL;
    if constexpr (requires { &M::update_object; }) {
      if (!key_fits(map, key)) return -EINVAL;
      base::ReadSection section;
      return self(map).update_object(key, std::move(object), flags);
    }
    return -EINVAL;
  }

  static int erase(bpf::Map& map, ConstBytes key) {
    if constexpr (requires { &M::erase; }) {
      if (!key_fits(map, key)) return -EINVAL;
      base::ReadSection section;
      return self(map).erase(key);
    }
    return -EINVAL;
  }

  static int lookup_and_delete(bpf::Map& map, ConstBytes key, Bytes value, u64 flags) {
    if (!takes(map, flags)) return -EINVAL;
    if constexpr (requires { &M::lookup_and_delete; }) {
      if (!key_fits(map, key) || value.size() != value_bytes(map.spec())) return -EINVAL;
      base::ReadSection section;
      if constexpr (requires(M& m) { m.lookup_and_delete(key, value, flags); })
        return self(map).lookup_and_delete(key, value, flags);
      else
        return self(map).lookup_and_delete(key, value);
    }
    return kNotSupported;
  }

  static int next_key(bpf::Map& map, ConstBytes key, Bytes next) {
    if constexpr (requires { &M::next_key; }) {
      if ((!key.empty() && !key_fits(map, key)) || next.size() != map.spec().key_size) return -EINVAL;
      base::ReadSection section;
      return self(map).next_key(key, next);
    }
    return -EINVAL;
  }

  static int scan(bpf::Map& map, u64& cursor, bool take, Bytes key, Bytes value, u64 flags) {
    if constexpr (requires { &M::scan; }) {
      if (!key_fits(map, key) || value.size() != value_bytes(map.spec())) return -EINVAL;
      base::ReadSection section;
      return self(map).scan(cursor, take, key, value, flags);
    }
    return kNotSupported;
  }

  static base::Result<u64> direct_value(bpf::Map& map, u32 offset) {
    if constexpr (requires { &M::direct_value; }) return self(map).direct_value(offset);
    return base::Error(EINVAL, "map '" + map.spec().name + "' has no value that a program can address directly");
  }

  static int memory_fd(const bpf::Map& map) {
    if constexpr (requires { &M::memory_fd; }) return static_cast<const M&>(map).memory_fd();
    return -1;
  }
  static base::Status freeze(bpf::Map& map) {
    if constexpr (requires { &M::freeze; }) return self(map).freeze();
    return base::success();
  }
  static int wake_fd(const bpf::Map& map) {
    if constexpr (requires { &M::wake_fd; }) return static_cast<const M&>(map).wake_fd();
    return -1;
  }

  static u64 memory_bytes(const bpf::Map& map) { return static_cast<const M&>(map).memory_bytes(); }
  static u64 entry_count(const bpf::Map& map) { return static_cast<const M&>(map).entry_count(); }
};

template <class M>
consteval bpf::MapHolds held() {
  if constexpr (requires { M::kHolds; }) return M::kHolds;
  return bpf::MapHolds::bytes;
}

template <class M>
consteval bpf::InnerRule inner_rule() {
  if constexpr (requires { M::kInner; }) return M::kInner;
  return bpf::InnerRule::alike;
}

template <class M>
consteval u8 batch_bits() {
  if constexpr (requires { M::kBatch; }) return M::kBatch;
  return 0;
}

template <class M>
consteval bpf::MapKeys keyed() {
  if constexpr (requires { M::kKeys; }) return M::kKeys;
  return bpf::MapKeys::bytes;
}

template <class M>
consteval bpf::MapOps::Symbols symbols() {
  if constexpr (requires { M::kSymbols; }) return M::kSymbols;
  return {};
}

template <class M>
consteval bpf::MapOps map_ops() {
  using T = Thunks<M>;
  return {.holds = held<M>(),
          .keys = keyed<M>(),
          .inner = inner_rule<M>(),
          .batch = batch_bits<M>(),
          .check = &M::check,
          .make = &M::make,
          .lookup = &T::lookup,
          .update = &T::update,
          .judge_update = &T::judge_update,
          .update_object = &T::update_object,
          .erase = &T::erase,
          .lookup_and_delete = &T::lookup_and_delete,
          .next_key = &T::next_key,
          .scan = &T::scan,
          .direct_value = &T::direct_value,
          .memory_fd = &T::memory_fd,
          .freeze = &T::freeze,
          .wake_fd = &T::wake_fd,
          .memory_bytes = &T::memory_bytes,
          .entry_count = &T::entry_count,
          .symbols = symbols<M>()};
}

}  // namespace maps
