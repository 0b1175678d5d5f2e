// SPDX-License-Identifier: Apache-2.0
#include "control/preload/ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "control/preload/next.h"
#include "control/preload/session.h"

namespace preload {
namespace {

constexpr std::size_t kPage = 4096;
constexpr int kHighDescriptor = 900;  // as the connection's: the program's own numbers stay what they would be

struct Known {
  dev_t device;
  ino_t inode;
  std::shared_ptr<Ring> ring;  // null: it is none
};

std::mutex mutex;
std::map<int, Known>& known() {
  static auto* const all = new std::map<int, Known>;  // exit handlers may still poll
  return *all;
}

bool is_same(int fd, const Known& row) {
  struct stat st{};
  return fstat(fd, &st) == 0 && st.st_dev == row.device && st.st_ino == row.inode;
}

base::UniqueFd raised(int fd) {
  const int high = fcntl(fd, F_DUPFD_CLOEXEC, kHighDescriptor);
  if (high < 0) return base::UniqueFd(fd);
  close(fd);
  return base::UniqueFd(high);
}

}  // namespace

std::shared_ptr<Ring> Ring::find(int fd) {
  struct stat st{};
  if (!is_on() || fd < 0) return nullptr;
  const ErrnoKept kept;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return nullptr;
  {
    const std::lock_guard lock(mutex);
    const auto row = known().find(fd);
    if (row != known().end() && row->second.device == st.st_dev && row->second.inode == st.st_ino)
      return row->second.ring;
  }
  auto ring = fcntl(fd, F_GET_SEALS) >= 0 ? open(fd) : nullptr;
  const std::lock_guard lock(mutex);
  std::erase_if(known(), [](const auto& row) { return !is_same(row.first, row.second); });
  known()[fd] = {st.st_dev, st.st_ino, ring};
  return ring;
}

std::shared_ptr<Ring> Ring::open(int fd) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return nullptr;
  std::shared_ptr<Ring> ring(new Ring);
  ring->signal_ = raised(ends[0]);
  ring->other_end_ = raised(ends[1]);
  const int fds[] = {fd, ring->other_end_.get()};
  const auto answer = ask(bpf::load::Question::watch, fds, {});
  if (!answer || answer->fds.size() != 1) return nullptr;
  void* const positions = mmap(nullptr, 2 * kPage, PROT_READ, MAP_SHARED, answer->fds[0].get(), 0);
  if (positions == MAP_FAILED) return nullptr;
  ring->consumer_ = static_cast<const base::u64*>(positions);
  return ring;
}

Ring::~Ring() {
  if (consumer_) munmap(const_cast<base::u64*>(consumer_), 2 * kPage);
}

bool Ring::has_data() const noexcept {
  const base::u64* const producer = consumer_ + kPage / sizeof *consumer_;
  return __atomic_load_n(consumer_, __ATOMIC_ACQUIRE) != __atomic_load_n(producer, __ATOMIC_ACQUIRE);
}

void Ring::raise() const noexcept {
  const ErrnoKept kept;
  (void)send(other_end_.get(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Ring::drain() const noexcept {
  const ErrnoKept kept;
  char byte;
  while (recv(signal_.get(), &byte, 1, MSG_DONTWAIT) > 0) {
  }
  if (has_data()) raise();
}

}  // namespace preload
