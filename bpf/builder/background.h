// SPDX-License-Identifier: Apache-2.0
// background.h — compilations that nobody waits for: a thread with a builder child of its own.
//
// Shape     submit() queues a program; the thread hands it to the child and puts the object into the cache if there is
//           one; poll() calls back, in the order of submission, for what is ready.
// Threads   submit, poll, pending: one thread (control). Callbacks run inside poll().
// Lifetime  the destructor kills the child, waits for the thread and forgets the rest without calling back.
// Errors    a callback gets what compile() answers, or why the child gave no answer.
#pragma once

#include <functional>
#include <memory>

#include "bpf/builder/builder.h"
#include "bpf/builder/object_cache.h"

namespace bpf::builder {

class Background {
 public:
  using Done = std::function<void(base::Result<CompileReply>)>;

  virtual ~Background() = default;
  virtual void submit(CompileRequest request, Done done) = 0;
  // The number of callbacks called.
  virtual size_t poll() = 0;
  // Submitted, and not yet called back.
  virtual size_t pending() const = 0;
};

// `cache` may be null, and outlives the Background.
base::Result<std::unique_ptr<Background>> make_background(const BuilderOptions& options, ObjectCache* cache);

}  // namespace bpf::builder
