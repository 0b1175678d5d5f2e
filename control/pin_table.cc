// SPDX-License-Identifier: Apache-2.0
#include "control/pin_table.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstring>
#include <filesystem>
#include <string_view>

namespace control {
namespace {

constexpr std::string_view kMark = "a pin of sluiced\n";  // tells our files from others'

base::Error sys_error(const std::string& name) {
  return {errno, "pin '" + name + "': " + std::strerror(errno)};
}

// Never out of the folder, whatever links lie in it.
int open_beneath(int root, const std::string& name, int flags, mode_t mode = 0) {
  open_how how{};
  how.flags = unsigned(flags | O_CLOEXEC | O_NOFOLLOW);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  return int(syscall(SYS_openat2, root, name.c_str(), &how, sizeof how));
}

bool lock(int fd, short type, int command) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  return fcntl(fd, command, &lock) == 0 && (command != F_OFD_GETLK || lock.l_type == F_UNLCK);
}

// A pin whose daemon is dead: our mark, and nobody holds the lock.
bool is_left_over(const std::filesystem::path& path) {
  const base::UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  char text[64];
  if (!fd || read(fd.get(), text, sizeof text) != ssize_t(kMark.size())) return false;
  return std::string_view(text, kMark.size()) == kMark && lock(fd.get(), F_WRLCK, F_OFD_GETLK);
}

void remove_left_overs(const std::string& root) {
  std::error_code failed;
  std::filesystem::recursive_directory_iterator entry(root, failed), end;
  for (; !failed && entry != end; entry.increment(failed)) {
    std::error_code ignored;
    if (entry->symlink_status(ignored).type() == std::filesystem::file_type::regular && is_left_over(entry->path()))
      unlink(entry->path().c_str());
  }
}

base::Error no_pin(const std::string& name) {
  return {ENOENT, "nothing is pinned at '" + name + "'"};
}

}  // namespace

base::Status PinTable::open_folder(const std::string& root) {
  std::error_code failed;
  std::filesystem::create_directories(root, failed);
  remove_left_overs(root);
  root_.reset(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root_) return base::Error(errno, "the folder of pins, " + root + ": " + std::strerror(errno));
  root_path_ = root;
  return base::success();
}

base::Result<base::UniqueFd> PinTable::make_file(const std::string& name, uid_t owner, bool make_folders) {
  if (const auto folder = std::filesystem::path(name).parent_path(); make_folders && !folder.empty()) {
    std::error_code failed;
    std::filesystem::create_directories(std::filesystem::path(root_path_) / folder, failed);
  }
  base::UniqueFd file(open_beneath(root_.get(), name, O_RDWR | O_CREAT | O_EXCL, 0600));
  if (!file) return sys_error(name);
  const bool good = write(file.get(), kMark.data(), kMark.size()) == ssize_t(kMark.size()) &&
                    lock(file.get(), F_RDLCK, F_OFD_SETLK) &&
                    (owner == geteuid() || fchown(file.get(), owner, gid_t(-1)) == 0);
  if (good) return file;
  base::Error error = sys_error(name);
  unlinkat(root_.get(), name.c_str(), 0);
  return error;
}

base::Status PinTable::add(const std::string& name, Handle handle, uid_t owner, bool make_folders) {
  prune();
  if (by_name_.size() + by_file_.size() >= kPinsMax)
    return base::Error(ENOSPC, "there are 65536 pins, the most allowed");
  if (!is_folder()) {
    if (!by_name_.try_emplace(name, Pin{std::move(handle), {}}).second)
      return base::Error(EEXIST, "'" + name + "' exists");
    return base::success();
  }
  SLUICE_TRY(base::UniqueFd file, make_file(name, owner, make_folders));
  struct stat st{};
  if (fstat(file.get(), &st) != 0) return sys_error(name);
  by_file_.insert_or_assign(st.st_ino, Pin{std::move(handle), std::move(file)});
  return base::success();
}

base::Result<u64> PinTable::find_file(const std::string& name, uid_t uid) const {
  const base::UniqueFd file(open_beneath(root_.get(), name, O_PATH));
  struct stat st{};
  if (!file || fstat(file.get(), &st) != 0) return errno == ENOENT ? no_pin(name) : sys_error(name);
  // The path may lead over a link that was put there meanwhile: only what we hold open counts.
  if (!by_file_.contains(st.st_ino)) return base::Error(EACCES, "'" + name + "' is not a pin");
  if (uid != 0 && uid != geteuid() && uid != st.st_uid && !(st.st_mode & S_IROTH))
    return base::Error(EACCES, "'" + name + "' belongs to another user");
  return u64{st.st_ino};
}

base::Result<std::shared_ptr<Object>> PinTable::get(const std::string& name, uid_t uid) {
  if (!is_folder()) {
    const auto row = by_name_.find(name);
    if (row == by_name_.end()) return no_pin(name);
    return row->second.handle.object();
  }
  SLUICE_TRY(const u64 file, find_file(name, uid));
  return by_file_.at(file).handle.object();
}

base::Status PinTable::remove(const std::string& name) {
  if (!is_folder()) {
    if (by_name_.erase(name) == 0) return no_pin(name);
    return base::success();
  }
  SLUICE_CHECK(find_file(name, 0));
  if (unlinkat(root_.get(), name.c_str(), 0) != 0) return sys_error(name);
  prune();
  return base::success();
}

void PinTable::prune() {
  std::erase_if(by_file_, [](const auto& row) {
    struct stat st{};
    return fstat(row.second.file.get(), &st) == 0 && st.st_nlink == 0;
  });
}

std::vector<std::string> PinTable::names_of(const Object& object) const {
  std::vector<std::string> names;
  for (const auto& [name, pin] : by_name_)
    if (pin.handle.object().get() == &object) names.push_back(name);
  for (const auto& [inode, pin] : by_file_) {
    if (pin.handle.object().get() != &object) continue;
    const std::string link = "/proc/self/fd/" + std::to_string(pin.file.get());
    std::error_code failed;
    const std::string path = std::filesystem::read_symlink(link, failed).string();
    if (path.starts_with(root_path_ + "/")) names.push_back(path.substr(root_path_.size() + 1));
  }
  return names;
}

void PinTable::clear() {
  by_name_.clear();
  for (const auto& [inode, pin] : by_file_) {
    const std::string link = "/proc/self/fd/" + std::to_string(pin.file.get());
    std::error_code failed;
    const auto path = std::filesystem::read_symlink(link, failed);
    struct stat st{};
    if (!failed && lstat(path.c_str(), &st) == 0 && st.st_ino == inode) unlink(path.c_str());
  }
  by_file_.clear();
}

}  // namespace control
