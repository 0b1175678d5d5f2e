// SPDX-License-Identifier: Apache-2.0
#include "base/reclaim.h"

#include <rte_config.h>
// DPDK's header comes after its configuration.
#include <rte_rcu_qsbr.h>
#include <sched.h>

#include <atomic>
#include <bitset>
#include <cstdlib>
#include <deque>
#include <mutex>

namespace base {

struct Reclaim::State {
  struct Due {
    u64 token;
    std::function<void()> destroy;
  };

  rte_rcu_qsbr* qsbr = nullptr;
  std::atomic<u64> passed{0};  // the youngest token known to have passed; all older ones have as well
  std::atomic<bool> checking{false};
  mutable std::mutex mutex;  // slots and due: control threads only
  std::bitset<kReadersMax> taken;
  std::deque<Due> due;
};

Reclaim::Reclaim() : state_(std::make_unique<State>()) {
  const std::size_t size = rte_rcu_qsbr_get_memsize(kReadersMax);
  state_->qsbr = static_cast<rte_rcu_qsbr*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, size));
  if (state_->qsbr == nullptr || rte_rcu_qsbr_init(state_->qsbr, kReadersMax) != 0) std::abort();
}

Reclaim::~Reclaim() {
  for (auto& due : state_->due) due.destroy();
  std::free(state_->qsbr);
}

Reclaim& Reclaim::process() {
  // Never destroyed: readers of detached threads may outlive main().
  static auto* const domain = new Reclaim;
  return *domain;
}

Result<Reclaim::Reader> Reclaim::join() {
  std::lock_guard lock(state_->mutex);
  for (u32 slot = 0; slot < kReadersMax; ++slot) {
    if (state_->taken[slot]) continue;
    if (rte_rcu_qsbr_thread_register(state_->qsbr, slot) != 0) break;
    state_->taken[slot] = true;
    Reader reader;
    reader.domain_ = this;
    reader.slot_ = slot;
    return reader;
  }
  return Error(ENOSPC, "all " + std::to_string(kReadersMax) + " reader slots of the reclamation domain are taken");
}

Reclaim::Reader& Reclaim::Reader::operator=(Reader&& other) noexcept {
  std::swap(domain_, other.domain_);
  std::swap(slot_, other.slot_);
  return *this;
}

Reclaim::Reader::~Reader() {
  if (domain_ == nullptr) return;
  offline();
  std::lock_guard lock(domain_->state_->mutex);
  rte_rcu_qsbr_thread_unregister(domain_->state_->qsbr, slot_);
  domain_->state_->taken[slot_] = false;
}

void Reclaim::Reader::online() noexcept {
  rte_rcu_qsbr_thread_online(domain_->state_->qsbr, slot_);
}
void Reclaim::Reader::offline() noexcept {
  rte_rcu_qsbr_thread_offline(domain_->state_->qsbr, slot_);
}
void Reclaim::Reader::quiescent() noexcept {
  rte_rcu_qsbr_quiescent(domain_->state_->qsbr, slot_);
}

u64 Reclaim::start() noexcept {
  return rte_rcu_qsbr_start(state_->qsbr);
}
// One thread at a time walks the readers: DPDK keeps what it has found in a plain word, which orders nothing between
// two threads that ask at once. Whoever comes second hears "not yet", which is always a safe answer.
bool Reclaim::passed(u64 token) noexcept {
  if (state_->passed.load(std::memory_order_acquire) >= token) return true;
  if (state_->checking.exchange(true, std::memory_order_acquire)) return false;
  const bool now = rte_rcu_qsbr_check(state_->qsbr, token, false) == 1;
  if (now && state_->passed.load(std::memory_order_relaxed) < token)
    state_->passed.store(token, std::memory_order_release);
  state_->checking.store(false, std::memory_order_release);
  return now;
}

void Reclaim::retire(std::function<void()> destroy) {
  {
    std::lock_guard lock(state_->mutex);
    state_->due.push_back({start(), std::move(destroy)});
  }
  poll();
}

u32 Reclaim::poll() {
  // Collected under the lock, called outside it: a destructor may retire something itself.
  std::deque<State::Due> ready;
  {
    std::lock_guard lock(state_->mutex);
    while (!state_->due.empty() && passed(state_->due.front().token)) {
      ready.push_back(std::move(state_->due.front()));
      state_->due.pop_front();
    }
  }
  for (auto& due : ready) due.destroy();
  return static_cast<u32>(ready.size());
}

u32 Reclaim::pending() const {
  std::lock_guard lock(state_->mutex);
  return static_cast<u32>(state_->due.size());
}

void Reclaim::synchronize() {
  const u64 token = start();
  while (!passed(token)) sched_yield();
  poll();
}

namespace {

// A control thread's slot, taken at its first section and given back when the thread ends.
struct ThreadReader {
  Reclaim::Reader reader;
  bool joined = false;
  u32 depth = 0;

  void enter() {
    if (depth++ != 0) return;
    while (!joined) {
      if (auto slot = Reclaim::process().join()) {
        reader = *std::move(slot);
        joined = true;
      } else {
        sched_yield();  // another control thread has to end first; no worker comes here
      }
    }
    reader.online();
  }
  void leave() {
    if (--depth == 0) reader.offline();
  }
};

thread_local ThreadReader thread_reader;

}  // namespace

ReadSection::ReadSection() {
  thread_reader.enter();
}
ReadSection::~ReadSection() {
  thread_reader.leave();
}

}  // namespace base
