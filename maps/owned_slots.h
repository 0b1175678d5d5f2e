// SPDX-License-Identifier: Apache-2.0
// owned_slots.h — an array of pointers to objects of the control plane, which programs read and control threads write.
//
// Shape     one pointer per slot, replaced with one store and seen by the next look at it; the owners lie beside it.
// Threads   slots are read by any CPU. Writers are control threads only; they take turns.
// Lifetime  what leaves a slot is kept until every worker has been quiescent.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/memory.h"
#include "base/reclaim.h"
#include "base/types.h"

namespace maps {

// Keeps objects until no reader can have them any more.
template <class Owners>
void release_later(Owners&& owners) {
  base::Reclaim::process().retire([owners = std::forward<Owners>(owners)]() mutable { owners = {}; });
}

class OwnedSlots {
 public:
  using Owner = std::shared_ptr<const void>;

  ~OwnedSlots() {
    if (!owners_.empty()) release_later(std::move(owners_));
  }

  base::Status init(const std::string& what, base::u32 count) {
    const base::u64 bytes = base::u64{count} * sizeof(const void*);
    SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, bytes));
    SLUICE_TRY(memory_, base::MemoryRegion::make(what, {bytes}));
    return base::success();
  }

  const void** data() const noexcept { return reinterpret_cast<const void**>(memory_.data()); }
  const void* at(base::u32 index) const noexcept { return __atomic_load_n(&data()[index], __ATOMIC_ACQUIRE); }

  // Fills or, with a null object, empties a slot; answers whether there was something in it.
  bool put(base::u32 index, const void* object, Owner keep) {
    Owner old;
    bool filled = false;
    {
      std::lock_guard lock(mutex_);
      filled = __atomic_exchange_n(&data()[index], object, __ATOMIC_ACQ_REL) != nullptr;
      if (filled) old = std::move(owners_[index]);
      if (object != nullptr)
        owners_[index] = std::move(keep);
      else
        owners_.erase(index);
    }
    if (old != nullptr) release_later(std::move(old));
    return filled;
  }

  base::u64 memory_bytes() const { return charge_.bytes(); }
  base::u64 count() const {
    std::lock_guard lock(mutex_);
    return owners_.size();
  }

 private:
  mutable std::mutex mutex_;  // control threads only
  std::unordered_map<base::u32, Owner> owners_;
  base::MemoryCharge charge_;
  base::MemoryRegion memory_;
};

}  // namespace maps
