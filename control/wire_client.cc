// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>

#include "control/door_server.h"

namespace control {
namespace {

const char* handle_name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::map: return "bpf-map";
    case ObjectKind::prog: return "bpf-prog";
    case ObjectKind::btf: return "btf";
  }
  return "bpf";
}

// All memfds of a machine live in one file system: its number tells a handle from any other file with that inode.
dev_t memfd_device() {
  static const dev_t device = [] {
    const base::UniqueFd fd(memfd_create("sluice-probe", MFD_CLOEXEC));
    struct stat st{};
    return fd && fstat(fd.get(), &st) == 0 ? st.st_dev : dev_t(-1);
  }();
  return device;
}

struct flock whole_lock(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  return lock;
}

// Another open file description of `master`, locked: the lock lives exactly as long as somebody has it open.
base::UniqueFd open_locked(int master) {
  const std::string path = "/proc/self/fd/" + std::to_string(master);
  base::UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock = whole_lock(F_WRLCK);
  if (fd && fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) fd.reset();
  return fd;
}

bool is_held(int master) {
  struct flock lock = whole_lock(F_WRLCK);
  return fcntl(master, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

}  // namespace

void WireClient::begin(std::span<const int> numbers, std::span<const base::UniqueFd> fds) {
  numbers_.clear();
  pending_.reset();
  pending_inode_ = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    struct stat st{};
    const bool ours = fstat(fds[i].get(), &st) == 0 && st.st_dev == memfd_device() && rows_.contains(st.st_ino);
    numbers_[numbers[i]] = ours ? st.st_ino : 0;
  }
}

base::Result<Target> WireClient::find(int fd) {
  const auto number = numbers_.find(fd);
  if (number == numbers_.end()) return base::Error(EBADF, "descriptor " + std::to_string(fd) + " is not open");
  const auto row = rows_.find(number->second);
  if (row == rows_.end())
    return base::Error(EINVAL, "descriptor " + std::to_string(fd) + " is not a handle of this door");
  return Target{row->second.handle.object(), row->second.access};
}

int WireClient::install(std::shared_ptr<Object> object, Access access) {
  if (rows_.size() >= sweep_at_) sweep_at_ = std::max<std::size_t>(64, 2 * sweep());
  if (rows_.size() >= kHandlesPerClientMax) return -EMFILE;
  base::UniqueFd master(memfd_create(handle_name(object->kind()), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  struct stat st{};
  if (!master || fstat(master.get(), &st) != 0) return -errno;
  if (fcntl(master.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) return -errno;
  base::UniqueFd client_side = open_locked(master.get());
  if (!client_side) return -errno;
  pending_ = std::move(client_side);
  pending_inode_ = st.st_ino;
  rows_.insert_or_assign(st.st_ino, Row{Handle(std::move(object)), access, std::move(master)});
  return 0;
}

void WireClient::uninstall(int) {
  pending_.reset();
  rows_.erase(pending_inode_);
}

std::size_t WireClient::sweep() {
  std::erase_if(rows_, [](const auto& row) { return !is_held(row.second.master.get()); });
  return rows_.size();
}

bool WireClient::has(const Object& object) const {
  for (const auto& [inode, row] : rows_)
    if (row.handle.object().get() == &object) return true;
  return false;
}

}  // namespace control
