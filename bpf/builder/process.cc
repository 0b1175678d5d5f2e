// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "bpf/builder/builder.h"
#include "bpf/builder/child.h"
#include "bpf/builder/frame.h"
#include "bpf/builder/wire.h"
#include "bpf/jit/flow.h"

namespace bpf::builder {
namespace {

constexpr int kReplyTimeoutMs = 120'000;  // twice the child's CPU limit
constexpr char kExeName[] = "sluice-builder";

base::Error failed(const std::string& what, int error) {
  return base::Error(error, what + ": " + std::strerror(error));
}

// Descriptors of the child: its socket as number 3, /dev/null for the standard three but stderr, nothing else.
class SpawnActions {
 public:
  explicit SpawnActions(int socket) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, socket, kChildSocket);
    posix_spawn_file_actions_addclosefrom_np(&actions_, kChildSocket + 1);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// Its socket belongs to the thread that talks to it; kill_now() may come from any other.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { stop(); }

  // False too when it died since the last request: nobody was waiting for it, so it is just replaced.
  bool running() {
    bool gone = false;
    {
      const std::scoped_lock lock(mutex_);
      gone = pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_;
      if (gone) pid_ = -1;
    }
    if (gone) stop();
    return pid() > 0;
  }
  int socket() const { return socket_; }
  pid_t pid() const {
    const std::scoped_lock lock(mutex_);
    return pid_;
  }
  void kill_now() {
    const std::scoped_lock lock(mutex_);
    if (pid_ > 0) kill(pid_, SIGKILL);
  }

  base::Status start(const std::string& exe) {
    const std::scoped_lock lock(mutex_);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed("builder: socketpair", errno);
    // dup2 onto itself would keep the close-on-exec flag.
    if (ends[1] == kChildSocket) ends[1] = fcntl(ends[1], F_DUPFD_CLOEXEC, kChildSocket + 1);
    char* const argv[] = {const_cast<char*>(kExeName), nullptr};
    char* const environment[] = {nullptr};
    const int error = posix_spawn(&pid_, exe.c_str(), SpawnActions(ends[1]).get(), nullptr, argv, environment);
    close(ends[1]);
    socket_ = ends[0];
    if (error == 0) return base::success();
    pid_ = -1;
    close_socket();
    return failed("builder: cannot start " + exe, error);
  }

  // Collects the child, which is dead or about to be, and says how it ended.
  std::string reap() {
    // First without taking its number away, which may need a while; whoever kills must not hit a stranger.
    siginfo_t ended{};
    while (waitid(P_PID, id_t(pid()), &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
    const int status = collect();
    close_socket();
    if (WIFSIGNALED(status))
      return "died of signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
    return "ended with status " + std::to_string(WEXITSTATUS(status));
  }

  void stop() {
    close_socket();
    kill_now();
    if (pid() > 0) collect();
  }

 private:
  void close_socket() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }
  int collect() {
    const std::scoped_lock lock(mutex_);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

  mutable std::mutex mutex_;  // over pid_
  pid_t pid_ = -1;
  int socket_ = -1;
};

class ProcessImpl : public BuilderProcess {
 public:
  explicit ProcessImpl(BuilderOptions options) : options_(std::move(options)) {}

  base::Status start() {
    SLUICE_CHECK(child_.start(options_.exe));
    if (const pid_t pid = child_.pid(); pid > 0) place(pid);
    return base::success();
  }
  int child_pid() const override { return child_.pid(); }
  void cancel() override { child_.kill_now(); }

  base::Result<BuildReply> build(const BuildRequest& request) override {
    const std::string& name = request.source.name;
    SLUICE_TRY(const auto frame, exchange(name, encode(request)));
    auto reply = decode_reply(frame);
    if (!reply) return distrust(name, reply.error());
    if (const auto sound = check_reply(request, *reply); !sound) return distrust(name, sound.error());
    return reply;
  }

  base::Result<CompileReply> compile(const CompileRequest& request) override {
    const std::string& name = request.program.name;
    SLUICE_TRY(const auto frame, exchange(name, encode(request)));
    auto reply = decode_compile_reply(frame);
    if (!reply) return distrust(name, reply.error());
    return reply;
  }

 private:
  // Best effort: a child that runs elsewhere or faster does no harm but to its neighbours.
  void place(pid_t pid) const {
    if (options_.nice) setpriority(PRIO_PROCESS, id_t(pid), options_.nice);
    if (options_.cpus.empty()) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const u32 cpu : options_.cpus)
      if (cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
    sched_setaffinity(pid, sizeof set, &set);
  }

  base::Result<std::vector<std::byte>> exchange(const std::string& name, base::ConstBytes request) {
    if (request.size() > kFrameBytesMax)
      return base::Error(E2BIG, "program '" + name + "': request of " + std::to_string(request.size()) + " bytes");
    if (!child_.running()) SLUICE_CHECK(start());
    if (auto sent = write_frame(child_.socket(), request); !sent) return explain(name, sent.error());
    auto frame = read_frame(child_.socket(), kReplyTimeoutMs);
    if (!frame) return explain(name, frame.error());
    return frame;
  }

  // What the daemon indexes by. The machine code itself is taken on trust: it runs with our rights either way.
  static base::Status check_reply(const BuildRequest& request, const BuildReply& reply) {
    if (!reply.verdict.accepted()) return base::success();
    if (reply.lowered.type != request.source.type || reply.lowered.maps.size() != request.source.maps.size())
      return base::Error(EBADMSG, "the reply is about another program");
    return jit::check_program(reply.lowered);
  }

  base::Error explain(const std::string& name, const base::Error& error) {
    if (error.code() == ETIMEDOUT) {
      child_.stop();
      return base::Error(ETIMEDOUT, "builder: program '" + name + "': " + error.what());
    }
    const std::string how = child_.reap();
    const bool out_of_time = how.find("signal " + std::to_string(SIGXCPU) + " ") != std::string::npos;
    return base::Error(out_of_time ? ETIMEDOUT : EIO, "builder " + how + " while building program '" + name + "'");
  }

  base::Error distrust(const std::string& name, const base::Error& error) {
    child_.stop();
    return base::Error(EIO, "builder: program '" + name + "': " + error.what());
  }

  BuilderOptions options_;
  Child child_;
};

}  // namespace

base::Result<std::unique_ptr<BuilderProcess>> make_builder_process(const BuilderOptions& options) {
  BuilderOptions own = options;
  if (own.exe.empty()) {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return failed("builder: /proc/self/exe", error.value());
    own.exe = (self.parent_path() / kExeName).string();
  }
  auto process = std::make_unique<ProcessImpl>(std::move(own));
  SLUICE_CHECK(process->start());
  return std::unique_ptr<BuilderProcess>(std::move(process));
}

}  // namespace bpf::builder
