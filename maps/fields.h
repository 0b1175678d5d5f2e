// SPDX-License-Identifier: Apache-2.0
// fields.h — values that hold more than bytes: copied around their locks, timers and kernel pointers, and under their
// lock.
//
// Shape     bytes in and out have the size of the whole value; what a field covers stays in the map as it is, and reads
//           as zeros.
// Threads   any. Bytes outside a lock are moved as in words_inline.h: a reader beside a writer sees each aligned word
//           old or new. Who holds the lock has the value for himself.
// Source    the running kernel (tests/unit/control/map_lock_test.cc).
#pragma once

#include "base/types.h"
#include "bpf/abi/host/bpf_map.h"
#include "bpf/abi/host/spin_lock.h"
#include "maps/test_fault.h"

namespace maps {

void store_around(void* stored, const void* bytes, base::u32 size, const bpf_value_fields& fields) noexcept;
void fetch_around(void* bytes, const void* stored, base::u32 size, const bpf_value_fields& fields) noexcept;
// An element that nobody has yet: no timer runs, no pointer is held. Its lock stays: stragglers of the memory's last
// element may hold it.
void clear_fields(void* stored, const bpf_value_fields& fields) noexcept;

// Holds the value's lock. `wanted` false, or a value without a lock: nothing.
class ValueLock {
 public:
  ValueLock(void* value, const bpf_value_fields* fields, bool wanted = true) noexcept {
    if (!wanted || fields == nullptr || fields->lock == BPF_VALUE_HAS_NO || seeded("lock_nothing")) return;
    word_ = reinterpret_cast<base::u32*>(static_cast<base::u8*>(value) + fields->lock);
    bpf_lock_word(word_);
  }
  ~ValueLock() {
    if (word_ != nullptr) bpf_unlock_word(word_);
  }
  ValueLock(const ValueLock&) = delete;
  ValueLock& operator=(const ValueLock&) = delete;

 private:
  base::u32* word_ = nullptr;
};

// An element that is there for good takes a new value.
inline void put_around(void* stored, const void* bytes, base::u32 size, const bpf_value_fields& fields,
                       bool locked) noexcept {
  ValueLock lock(stored, &fields, locked);
  store_around(stored, bytes, size, fields);
}

}  // namespace maps
