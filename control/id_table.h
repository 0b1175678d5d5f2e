// SPDX-License-Identifier: Apache-2.0
// id_table.h — objects of one kind by id. Ids ascend and are not reused until they wrap; the table does not keep its
// objects alive.
//
// Threads   control thread. Cost: look-up O(log n); a dead row is dropped when somebody meets it.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/types.h"

namespace control {

template <class T>
class IdTable {
 public:
  base::u32 take_id() noexcept {
    do next_ = next_ == 0x7fffffff ? 1 : next_ + 1;  // positive as an int, as Linux
    while (rows_.contains(next_));
    return next_;
  }
  // REQUIRES: object->id() came from take_id().
  void add(const std::shared_ptr<T>& object) { rows_.insert_or_assign(object->id(), object); }

  std::shared_ptr<T> find(base::u32 id) const {
    const auto row = rows_.find(id);
    return row == rows_.end() ? nullptr : row->second.lock();
  }
  // The first living object with an id above `id`; null: none.
  std::shared_ptr<T> next(base::u32 id) {
    for (auto row = rows_.upper_bound(id); row != rows_.end();) {
      if (auto object = row->second.lock()) return object;
      row = rows_.erase(row);
    }
    return nullptr;
  }
  std::vector<std::shared_ptr<T>> all() const {
    std::vector<std::shared_ptr<T>> living;
    for (const auto& [id, weak] : rows_)
      if (auto object = weak.lock()) living.push_back(std::move(object));
    return living;
  }
  std::size_t sweep() {
    std::erase_if(rows_, [](const auto& row) { return row.second.expired(); });
    return rows_.size();
  }

 private:
  base::u32 next_ = 0;
  std::map<base::u32, std::weak_ptr<T>> rows_;
};

}  // namespace control
