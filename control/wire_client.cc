// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstring>

#include "control/door_server.h"

namespace control {
namespace {

constexpr std::size_t kCameMax = 4096;  // forgetting costs the client one more message

// Each row locks a byte of its own: the file of a mappable map is every client's.
u64 last_byte = 0;

const char* handle_name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::map:
      return "bpf-map";
    case ObjectKind::prog:
      return "bpf-prog";
    case ObjectKind::btf:
      return "btf";
    case ObjectKind::link:
      return "bpf_link";
    case ObjectKind::stats:
      return "bpf-stats";
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

// Of a descriptor that is no handle of ours.
FdKind foreign_kind(int fd) {
  constexpr long kCgroup2Magic = 0x63677270;
  constexpr long kBpffsMagic = 0xcafe4a11;
  struct stat st{};
  if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) return FdKind::socket;
  struct statfs fs{};
  if (fstatfs(fd, &fs) == 0 && long(fs.f_type) == kCgroup2Magic) return FdKind::cgroup;
  if (long(fs.f_type) == kBpffsMagic) return FdKind::bpffs;
  char name[64] = {};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const bool read = readlink(link.c_str(), name, sizeof name - 1) > 0;
  if (read && std::string_view(name).starts_with("net:[")) return FdKind::netns;
  return read && std::strstr(name, "pidfd") ? FdKind::task : FdKind::other;
}

u64 descriptors_max() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
}

struct flock lock_at(short type, u64 byte) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = off_t(byte);
  lock.l_len = 1;
  return lock;
}

// Which row a descriptor belongs to: handles of one mappable map are one file, told apart by how they are open.
u64 row_key(int fd, const struct stat& st) {
  const int flags = fcntl(fd, F_GETFL);
  return u64{st.st_ino} * 4 + (flags < 0 ? 3 : u64(flags & O_ACCMODE));
}

// Another open file description of `master`, locked: a lock lives exactly as long as somebody has it open. Several
// may share one byte.
base::UniqueFd open_locked(int master, int mode, u64 byte) {
  const std::string path = "/proc/self/fd/" + std::to_string(master);
  base::UniqueFd fd(open(path.c_str(), mode | O_CLOEXEC));
  struct flock lock = lock_at(F_RDLCK, byte);
  if (fd && fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) fd.reset();
  return fd;
}

bool is_held(int master, u64 byte) {
  struct flock lock = lock_at(F_WRLCK, byte);
  return fcntl(master, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

// A sealed, empty file that stands for an object.
base::UniqueFd make_token(ObjectKind kind) {
  base::UniqueFd token(memfd_create(handle_name(kind), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  if (token && fcntl(token.get(), F_ADD_SEALS, kSeals) != 0) token.reset();
  return token;
}

// The memory of an object that clients may map; -1: none, or not with this access.
int mappable_fd(const Object& object, Access access) {
  if (object.kind() != ObjectKind::map || !access.read) return -1;
  const auto& map = static_cast<const Map&>(object);
  return map.memory_fd();
}

}  // namespace

void WireClient::begin(std::span<const int> numbers, std::span<const base::UniqueFd> fds) {
  numbers_.clear();
  pending_.reset();
  pending_row_ = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    struct stat st{};
    const bool memfd = fstat(fds[i].get(), &st) == 0 && st.st_dev == memfd_device();
    const u64 key = memfd ? row_key(fds[i].get(), st) : 0;
    const auto row = table_->rows.find(key);
    numbers_[numbers[i]] = {row != table_->rows.end() ? key : 0, fds[i].get()};
    if (row == table_->rows.end()) continue;
    if (came_.size() >= kCameMax) came_.clear();
    came_[key] = row->second.byte;
  }
}

bool WireClient::begin_named(int number, u64 inode, u32 mode) {
  const u64 key = inode * 4 + (mode & u32{O_ACCMODE});
  const auto came = came_.find(key);
  const auto row = table_->rows.find(key);
  // A byte is never used twice: behind the same inode there is still the same handle.
  if (came == came_.end() || row == table_->rows.end() || row->second.byte != came->second) return false;
  numbers_[number] = {key, -1};
  return true;
}

base::Result<Target> WireClient::find(int fd) {
  const auto number = numbers_.find(fd);
  if (number == numbers_.end()) return base::Error(EBADF, "descriptor " + std::to_string(fd) + " is not open");
  const auto row = table_->rows.find(number->second.row);
  if (row == table_->rows.end())
    return base::Error(EINVAL, "descriptor " + std::to_string(fd) + " is not a handle of this door");
  return Target{row->second.handle.object(), row->second.access};
}

FdKind WireClient::kind_of(int fd) {
  const auto number = numbers_.find(fd);
  if (number == numbers_.end()) return FdKind::closed;
  if (number->second.row != 0) return FdKind::object;
  return foreign_kind(number->second.local);
}

int WireClient::install(std::shared_ptr<Object> object, Access access) {
  auto& rows = table_->rows;
  if (rows.size() >= table_->sweep_at_) table_->sweep_at_ = std::max<std::size_t>(64, 2 * table_->sweep());
  if (*made_ >= kHandlesPerClientMax) return -EMFILE;
  const int memory = mappable_fd(*object, access);
  base::UniqueFd master = memory < 0 ? make_token(object->kind()) : base::UniqueFd(fcntl(memory, F_DUPFD_CLOEXEC, 0));
  struct stat st{};
  if (!master || fstat(master.get(), &st) != 0) return -errno;
  // One client's handles do not take the last descriptors from all the others.
  if (u64(master.get()) + kDescriptorsSpare >= descriptors_max()) return -EMFILE;
  // Who may only read must not map it for writing.
  const int mode = memory >= 0 && !access.write ? O_RDONLY : O_RDWR;
  const u64 key = u64{st.st_ino} * 4 + u64(mode);
  const auto known = rows.find(key);
  const u64 byte = known == rows.end() ? ++last_byte : known->second.byte;
  base::UniqueFd client_side = open_locked(master.get(), mode, byte);
  if (!client_side) return -errno;
  pending_ = std::move(client_side);
  pending_row_ = key;
  if (known != rows.end()) return 0;
  rows.emplace(key, HandleTable::Row{Handle(std::move(object)), access, std::move(master), byte, made_});
  ++*made_;
  return 0;
}

void WireClient::uninstall(int) {
  pending_.reset();
  const auto row = table_->rows.find(pending_row_);
  if (row != table_->rows.end() && !is_held(row->second.master.get(), row->second.byte)) table_->erase(pending_row_);
}

bool WireClient::has(const Object& object) const {
  for (const auto& [inode, row] : table_->rows)
    if (row.handle.object().get() == &object) return true;
  return false;
}

void HandleTable::erase(u64 key) {
  const auto row = rows.find(key);
  if (row == rows.end()) return;
  --*row->second.made;
  rows.erase(row);
}

std::size_t HandleTable::sweep() {
  std::erase_if(rows, [](const auto& row) {
    if (is_held(row.second.master.get(), row.second.byte)) return false;
    --*row.second.made;
    return true;
  });
  return rows.size();
}

}  // namespace control
