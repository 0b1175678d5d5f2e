// SPDX-License-Identifier: Apache-2.0
// compiler.h — how the daemon's programs become machine code, and better machine code later.
//
// Shape     build: verify in the builder child; optimised code from the object cache if it has this program, else
//           quickly made code from the child. improve: optimised code by a second child in the background, at low
//           priority and away from the workers' CPUs. poll: what is ready replaces what runs, and goes into the cache.
// Threads   control thread; the background has a thread of its own.
// Errors    a cache that cannot be used is a warning in the log, and there is none. A failed optimisation is a warning:
//           the program goes on as it is.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bpf/builder/background.h"
#include "control/object.h"

namespace control {

struct CompilerOptions {
  bool background = true;
  bpf::jit::Tier first_tier = bpf::jit::Tier::quick;
  std::string cache_folder;  // empty: no cache
  u64 cache_bytes = u64{256} << 20;
  std::vector<u32> cpus;                        // of the background; empty: any
  std::function<void(const Program&)> on_code;  // better code has been put in place
  std::string builder;                          // program to start; empty: sluice-builder beside this one
};

class Compiler {
 public:
  static base::Result<std::unique_ptr<Compiler>> make(const CompilerOptions& options);

  base::Result<bpf::builder::BuildReply> build(const bpf::builder::BuildRequest& request);
  void improve(const std::shared_ptr<Program>& program, bpf::LoweredProgram lowered);
  void poll();
  // Programs that wait for better code.
  std::size_t pending() const { return held_.size() + (background_ ? background_->pending() : 0); }
  const bpf::builder::ObjectCache* cache() const { return cache_.get(); }

 private:
  Compiler() = default;
  void submit(std::weak_ptr<Program> program, bpf::LoweredProgram lowered);
  base::Result<bpf::builder::BuildReply> compile(bpf::builder::BuildReply reply);

  bpf::jit::Tier first_tier_ = bpf::jit::Tier::quick;
  std::function<void(const Program&)> on_code_;
  std::unique_ptr<bpf::builder::BuilderProcess> builder_;
  std::unique_ptr<bpf::builder::ObjectCache> cache_;
  std::unique_ptr<bpf::builder::Background> background_;
  // Until the next poll(): what a client only tried out is gone by then.
  struct Held {
    std::weak_ptr<Program> program;
    bpf::LoweredProgram lowered;
  };
  std::vector<Held> held_;
};

}  // namespace control
