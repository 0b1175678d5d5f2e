// SPDX-License-Identifier: Apache-2.0
// BPF_OBJ_PIN and BPF_OBJ_GET: names for objects that outlive their descriptors.
//
// Shape     paths become names in the table of pins (pin_table.h). /sys/fs/bpf and the configured pin root are the same
//           place, so that a client that knows only the former finds its pins.
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "bpf/abi/flags.h"
#include "control/door_state.h"

namespace control {
namespace {

constexpr std::string_view kBpffs = "/sys/fs/bpf";
constexpr std::size_t kPathBytesMax = 4096;

bool strip_prefix(std::string_view prefix, std::string_view& path) {
  if (!path.starts_with(prefix) || path.size() <= prefix.size() || path[prefix.size()] != '/') return false;
  path.remove_prefix(prefix.size() + 1);
  return true;
}

// "/sys/fs/bpf/a/b" and "<root>/a/b" -> "a/b".
base::Result<std::string> normal_path(const DoorState& state, std::string_view path, int outside = EPERM) {
  // The first name is judged before anything is looked for.
  const std::string_view names = path.substr(std::min(path.find_first_not_of('/'), path.size()));
  if (std::min(names.find('/'), names.size()) > NAME_MAX)
    return base::Error(ENAMETOOLONG, "a name in the path is longer than 255 bytes");
  const std::string plain = std::filesystem::path(path).lexically_normal().string();
  std::string_view rest = plain;
  if (!strip_prefix(state.config.pin_root, rest) && !strip_prefix(kBpffs, rest))
    return base::Error(outside, "pins live below " + state.config.pin_root + " or /sys/fs/bpf");
  if (rest.empty() || rest.ends_with('/'))
    return base::Error(outside == EPERM ? EINVAL : outside, "a pin needs a name");
  const std::string_view last = rest.substr(rest.rfind('/') + 1);
  if (last.find('.') != rest.npos) return base::Error(EPERM, "names of pins have no dots");
  return std::string(rest);
}

base::Result<std::string> read_path(u64 address) {
  if (address == 0) return base::Error(EFAULT, "no path");
  const auto* text = user_ptr<const char>(address);
  const std::size_t size = strnlen(text, kPathBytesMax);
  if (size == kPathBytesMax) return base::Error(ENAMETOOLONG, "path is longer than 4095 bytes");
  if (size == 0) return base::Error(ENOENT, "the path is empty");
  return std::string(text, size);
}

// An absolute path needs no directory.
base::Status check_path_fd(const bpf::bpf_attr& attr, std::string_view path) {
  if (attr.file_flags & bpf::BPF_F_PATH_FD && !path.starts_with('/'))
    return base::Error(EOPNOTSUPP, "paths relative to a descriptor are planned, not implemented yet");
  return base::success();
}

}  // namespace

Answer obj_pin(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  if (attr.file_flags & ~u32(bpf::BPF_F_PATH_FD)) return base::Error(EINVAL, "unknown file_flags");
  if (!(attr.file_flags & bpf::BPF_F_PATH_FD) && attr.path_fd != 0)
    return base::Error(EINVAL, "path_fd without BPF_F_PATH_FD");
  // Linux tries the kinds of objects in turn and answers EINVAL when it is none, open or not.
  const auto target = client.find(int(attr.bpf_fd));
  if (!target) return base::Error(EINVAL, target.error().what());
  const ObjectKind kind = target->object->kind();
  if (kind != ObjectKind::map && kind != ObjectKind::prog && kind != ObjectKind::link)
    return base::Error(EINVAL, "only maps, programs and links can be pinned");
  SLUICE_TRY(const std::string path, read_path(attr.pathname));
  SLUICE_CHECK(check_path_fd(attr, path));
  if (!client.privileged()) return base::Error(EPERM, "pinning is not permitted without CAP_BPF");
  SLUICE_TRY(std::string name, normal_path(state, path));
  // libbpf in the loader makes no folders: it has no file system.
  SLUICE_CHECK(state.pins.add(name, Handle(target->object), client.uid(), bool(client.on_pin)));
  if (client.on_pin) client.on_pin(path);
  return 0L;
}

Answer obj_get(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  constexpr u32 kFlags = bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY | bpf::BPF_F_PATH_FD;
  if (attr.bpf_fd != 0 || attr.file_flags & ~kFlags) return base::Error(EINVAL, "unknown file_flags, or bpf_fd is set");
  if (!(attr.file_flags & bpf::BPF_F_PATH_FD) && attr.path_fd != 0)
    return base::Error(EINVAL, "path_fd without BPF_F_PATH_FD");
  SLUICE_TRY(const Access access, parse_access(attr.file_flags));
  SLUICE_TRY(const std::string path, read_path(attr.pathname));
  SLUICE_CHECK(check_path_fd(attr, path));
  // Files and folders that are no pins are EACCES to Linux.
  SLUICE_TRY(std::string name, normal_path(state, path, EACCES));
  SLUICE_TRY(auto object, state.pins.get(name, client.uid()));
  if (object->kind() == ObjectKind::link && !(access.read && access.write))
    return base::Error(EINVAL, "links are not for reading or writing only");
  return install(client, std::move(object), access);
}

base::Status Door::pin(const std::string& path, const std::shared_ptr<Object>& object) {
  SLUICE_TRY(const std::string name, normal_path(*state_, path));
  return state_->pins.add(name, Handle(object), geteuid(), true);
}

base::Result<std::shared_ptr<Object>> Door::find_pin(const std::string& path) const {
  SLUICE_TRY(const std::string name, normal_path(*state_, path));
  return state_->pins.get(name, geteuid());
}

base::Status Door::unpin(const std::string& path) {
  SLUICE_TRY(const std::string name, normal_path(*state_, path));
  return state_->pins.remove(name);
}

std::vector<std::string> Door::pins_of(const Object& object) const {
  std::vector<std::string> paths = state_->pins.names_of(object);
  for (std::string& path : paths) path.insert(0, state_->config.pin_root + "/");
  return paths;
}

base::Status Door::open_pin_folder() {
  return state_->pins.open_folder(state_->config.pin_root);
}
void Door::prune_pins() {
  state_->pins.prune();
}

}  // namespace control
