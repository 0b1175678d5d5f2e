// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <filesystem>

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

class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { stop(); }

  // False too when it died since the last request: nobody was waiting for it, so it is just replaced.
  bool running() {
    if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      stop();
    }
    return pid_ > 0;
  }
  int socket() const { return socket_; }
  pid_t pid() const { return pid_; }

  base::Status start(const std::string& exe) {
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
    stop();
    return failed("builder: cannot start " + exe, error);
  }

  // Collects the child, which is dead or about to be, and says how it ended.
  std::string reap() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    stop();
    if (WIFSIGNALED(status))
      return "died of signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
    return "ended with status " + std::to_string(WEXITSTATUS(status));
  }

  void stop() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int socket_ = -1;
};

class ProcessImpl : public BuilderProcess {
 public:
  explicit ProcessImpl(std::string exe) : exe_(std::move(exe)) {}

  base::Status start() { return child_.start(exe_); }
  int child_pid() const override { return child_.pid(); }

  base::Result<BuildReply> build(const BuildRequest& request) override {
    const std::vector<std::byte> bytes = encode(request);
    if (bytes.size() > kFrameBytesMax)
      return base::Error(
          E2BIG, "program '" + request.source.name + "': request of " + std::to_string(bytes.size()) + " bytes");
    if (!child_.running()) SLUICE_CHECK(start());
    auto frame = exchange(bytes);
    if (!frame) return explain(request, frame.error());
    auto reply = decode_reply(*frame);
    if (!reply) return distrust(request, reply.error());
    if (const auto sound = check_reply(request, *reply); !sound) return distrust(request, sound.error());
    return reply;
  }

 private:
  base::Result<std::vector<std::byte>> exchange(base::ConstBytes request) {
    SLUICE_CHECK(write_frame(child_.socket(), request));
    return read_frame(child_.socket(), kReplyTimeoutMs);
  }

  // What the daemon indexes by. The machine code itself is taken on trust: it runs with our rights either way.
  static base::Status check_reply(const BuildRequest& request, const BuildReply& reply) {
    if (!reply.verdict.accepted()) return base::success();
    if (reply.lowered.type != request.source.type || reply.lowered.maps.size() != request.source.maps.size())
      return base::Error(EBADMSG, "the reply is about another program");
    return jit::check_program(reply.lowered);
  }

  base::Error explain(const BuildRequest& request, const base::Error& error) {
    if (error.code() == ETIMEDOUT) {
      child_.stop();
      return base::Error(ETIMEDOUT, "builder: program '" + request.source.name + "': " + error.what());
    }
    const std::string how = child_.reap();
    const bool out_of_time = how.find("signal " + std::to_string(SIGXCPU) + " ") != std::string::npos;
    return base::Error(out_of_time ? ETIMEDOUT : EIO,
                       "builder " + how + " while building program '" + request.source.name + "'");
  }

  base::Error distrust(const BuildRequest& request, const base::Error& error) {
    child_.stop();
    return base::Error(EIO, "builder: program '" + request.source.name + "': " + error.what());
  }

  std::string exe_;
  Child child_;
};

}  // namespace

base::Result<std::unique_ptr<BuilderProcess>> make_builder_process(const std::string& exe) {
  auto process = std::make_unique<ProcessImpl>(exe);
  SLUICE_CHECK(process->start());
  return std::unique_ptr<BuilderProcess>(std::move(process));
}

base::Result<std::unique_ptr<BuilderProcess>> make_builder_process() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return failed("builder: /proc/self/exe", error.value());
  return make_builder_process((self.parent_path() / kExeName).string());
}

}  // namespace bpf::builder
