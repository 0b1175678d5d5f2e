// SPDX-License-Identifier: Apache-2.0
// reclaim.h — when memory that readers may still see can be used again: quiescent-state-based reclamation.
//
// Shape     every reader (a worker; a control thread inside a ReadSection) has a slot in one rte_rcu_qsbr variable. A
//           writer takes a token after it unlinked something; the token has passed once every reader on line has been
//           quiescent since. Off-line readers are not waited for.
// Threads   Reader: its own thread. start, passed: any thread, never block. retire, poll, synchronize: control threads.
// Lifetime  Reclaim::process() lives as long as the process.
// Errors    ENOSPC when kReadersMax slots are taken.
// Cost      quiescent(): one load and one store to the reader's own line. passed(): one load when it has passed
//           already.
// Source    Hart et al., "Making lockless synchronization fast", 2007; rte_rcu_qsbr, which needs no EAL.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/types.h"

namespace base {

class Reclaim {
 public:
  // Workers are at most as many as CPUs; the rest is for control threads, which give their slot back when they end.
  static constexpr u32 kReadersMax = 512;

  Reclaim();
  ~Reclaim();
  Reclaim(const Reclaim&) = delete;
  Reclaim& operator=(const Reclaim&) = delete;
  // The one that the process's maps and workers share.
  static Reclaim& process();

  // A reader's slot; off line until online(). Between online() and the next quiescent() or offline() nothing that the
  // thread found is reused.
  class Reader {
   public:
    Reader() = default;
    Reader(Reader&& other) noexcept { *this = std::move(other); }
    Reader& operator=(Reader&& other) noexcept;
    ~Reader();
    void online() noexcept;
    void offline() noexcept;
    void quiescent() noexcept;

   private:
    friend class Reclaim;
    Reclaim* domain_ = nullptr;
    u32 slot_ = 0;
  };
  Result<Reader> join();

  // Everything unlinked before start() may be reused once passed(token).
  u64 start() noexcept;
  bool passed(u64 token) noexcept;

  // Calls `destroy` from a later poll(), after a grace period. Never blocks on readers.
  void retire(std::function<void()> destroy);
  // Runs what is due; returns how many calls it made. The control loop calls it now and then, and retire() does.
  u32 poll();
  u32 pending() const;
  // Waits for a grace period and runs what is due. REQUIRES: the caller is no reader on line.
  void synchronize();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A control thread's look into structures that workers may change: on line for the life of the object. Sections nest.
// A thread that is a worker needs none.
class ReadSection {
 public:
  ReadSection();
  ~ReadSection();
  ReadSection(const ReadSection&) = delete;
  ReadSection& operator=(const ReadSection&) = delete;
};

}  // namespace base
