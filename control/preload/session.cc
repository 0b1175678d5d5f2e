// SPDX-License-Identifier: Apache-2.0
#include "control/preload/session.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/percpu.h"
#include "bpf/load/client.h"

namespace preload {
namespace {

namespace load = bpf::load;

constexpr int kHighDescriptor = 900;  // below 1024, the soft limit that most processes have

struct Connection {
  explicit Connection(base::UniqueFd fd) : channel(std::move(fd)) {
    struct stat st{};
    if (fstat(channel.fd(), &st) == 0) device = st.st_dev, inode = st.st_ino;
  }
  // Still the socket that we opened, in the process that opened it.
  bool is_ours() const {
    struct stat st{};
    return pid == getpid() && fstat(channel.fd(), &st) == 0 && st.st_dev == device && st.st_ino == inode;
  }

  load::Channel channel;
  load::DoorClient client{channel, base::possible_cpu_count()};
  pid_t pid = getpid();
  dev_t device = 0;
  ino_t inode = 0;
};

pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
Connection* connection = nullptr;

const char* socket_path() noexcept {
  const char* path = getenv("SLUICE_SOCKET");
  return path && *path ? path : nullptr;
}

// A number that is somebody else's by now is not ours to close.
void abandon() {
  if (!connection) return;
  struct stat st{};
  const bool ours =
      fstat(connection->channel.fd(), &st) == 0 && st.st_dev == connection->device && st.st_ino == connection->inode;
  if (ours) delete connection;
  connection = nullptr;  // not ours: its memory stays, its destructor would close a stranger
}

void before_fork() {
  pthread_mutex_lock(&mutex);
}
void after_fork_in_parent() {
  pthread_mutex_unlock(&mutex);
}
void after_fork_in_child() {
  mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
  abandon();
}

int connect_now() {
  const char* path = socket_path();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!path || std::strlen(path) >= sizeof address.sun_path) return -ENOTCONN;
  std::memcpy(address.sun_path, path, std::strlen(path));
  base::UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd) return -errno;
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno == EACCES || errno == EPERM ? -EPERM : -ENOTCONN;
  base::UniqueFd high(fcntl(fd.get(), F_DUPFD_CLOEXEC, kHighDescriptor));
  connection = new Connection(high ? std::move(high) : std::move(fd));
  return 0;
}

// Runs `use` on a live connection; once more on a new one when the old one was gone before the message left.
template <class Use>
long with_connection(Use use) {
  static const int registered = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  (void)registered;
  if (const int rc = pthread_mutex_lock(&mutex); rc != 0) return -rc;
  long result = -ENOTCONN;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (connection && !connection->is_ours()) abandon();
    if (!connection) {
      result = connect_now();
      if (result < 0) break;
    }
    result = use(*connection);
    if (result != -EPIPE && result != -EIO) break;
    abandon();
    if (result == -EIO) break;  // it may have been done
  }
  pthread_mutex_unlock(&mutex);
  return result == -EPIPE ? -EIO : result;
}

}  // namespace

bool is_on() noexcept {
  return socket_path() != nullptr;
}

long bpf_command(base::u32 cmd, void* attr, base::u32 size) {
  return with_connection([&](Connection& c) { return c.client.call(cmd, attr, size); });
}

std::string ask(load::Question question, int fd) {
  const auto answer = ask(question, {&fd, fd < 0 ? 0U : 1U}, {});
  return answer ? std::string(reinterpret_cast<const char*>(answer->body.data()), answer->body.size()) : std::string();
}

base::Result<load::Message> ask(load::Question question, std::span<const int> fds, base::ConstBytes bytes) {
  base::Result<load::Message> answer = base::Error(ENOTCONN, "no daemon answers");
  with_connection([&](Connection& c) -> long {
    answer = load::ask(c.channel, question, fds, bytes);
    if (answer) return 0;
    return answer.error().code() == EPIPE ? -EPIPE : -EIO;
  });
  return answer;
}

}  // namespace preload
