// SPDX-License-Identifier: Apache-2.0
#include "bpf/builder/background.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace bpf::builder {
namespace {

class ThreadBackground final : public Background {
 public:
  ThreadBackground(const BuilderOptions& options, ObjectCache* cache) : options_(options), cache_(cache) {}

  // The child must be started by the thread it serves: it dies with that thread.
  base::Status start() {
    std::unique_lock lock(mutex_);
    thread_ = std::thread([this] { run(); });
    changed_.wait(lock, [this] { return started_; });
    if (process_) return base::success();
    lock.unlock();
    thread_.join();
    return start_error_;
  }

  ~ThreadBackground() override {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      waiting_.clear();
      if (process_) process_->cancel();
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void submit(CompileRequest request, Done done) override {
    {
      const std::scoped_lock lock(mutex_);
      waiting_.push_back({std::move(request), std::move(done)});
    }
    ++pending_;
    changed_.notify_all();
  }

  size_t poll() override {
    std::deque<Finished> finished;
    {
      const std::scoped_lock lock(mutex_);
      finished.swap(finished_);
    }
    for (Finished& f : finished) {
      --pending_;
      f.done(std::move(f.reply));
    }
    return finished.size();
  }

  size_t pending() const override { return pending_; }

 private:
  struct Job {
    CompileRequest request;
    Done done;
  };
  struct Finished {
    base::Result<CompileReply> reply;
    Done done;
  };

  void run() {
    auto process = make_builder_process(options_);
    std::unique_lock lock(mutex_);
    started_ = true;
    if (process)
      process_ = *std::move(process);
    else
      start_error_ = std::move(process).error();
    changed_.notify_all();
    if (!process_) return;
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) break;
      Job job = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      auto reply = process_->compile(job.request);
      if (cache_ && reply && reply->error == 0) cache_->store(cache_key(job.request), reply->object);
      lock.lock();
      if (!stopping_) finished_.push_back({std::move(reply), std::move(job.done)});
    }
    process_.reset();
  }

  const BuilderOptions options_;
  ObjectCache* const cache_;
  size_t pending_ = 0;  // control thread's own

  std::mutex mutex_;  // over what follows
  std::condition_variable changed_;
  bool started_ = false;
  bool stopping_ = false;
  base::Status start_error_ = base::success();
  std::unique_ptr<BuilderProcess> process_;
  std::deque<Job> waiting_;
  std::deque<Finished> finished_;

  std::thread thread_;
};

}  // namespace

base::Result<std::unique_ptr<Background>> make_background(const BuilderOptions& options, ObjectCache* cache) {
  auto background = std::make_unique<ThreadBackground>(options, cache);
  SLUICE_CHECK(background->start());
  return std::unique_ptr<Background>(std::move(background));
}

}  // namespace bpf::builder
