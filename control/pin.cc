// SPDX-License-Identifier: Apache-2.0
// BPF_OBJ_PIN and BPF_OBJ_GET: names for objects that outlive their descriptors.
//
// Shape     a table from normal path to handle. /sys/fs/bpf and the configured pin root are the same place, so that a
//           client that knows only the former finds its pins.
#include <algorithm>
#include <cstring>
#include <filesystem>

#include "bpf/abi/flags.h"
#include "control/door_state.h"

namespace control {
namespace {

constexpr std::string_view kBpffs = "/sys/fs/bpf";
constexpr std::size_t kPinsMax = 65536;  // names are the callers' to invent: a bound against a loop
constexpr std::size_t kPathBytesMax = 4096;

bool strip_prefix(std::string_view prefix, std::string_view& path) {
  if (!path.starts_with(prefix) || path.size() <= prefix.size() || path[prefix.size()] != '/') return false;
  path.remove_prefix(prefix.size() + 1);
  return true;
}

// "/sys/fs/bpf/a/b" and "<root>/a/b" -> "a/b".
base::Result<std::string> normal_path(const DoorState& state, std::string_view path) {
  const std::string plain = std::filesystem::path(path).lexically_normal().string();
  std::string_view rest = plain;
  if (!strip_prefix(state.config.pin_root, rest) && !strip_prefix(kBpffs, rest))
    return base::Error(EPERM, "pins live below " + state.config.pin_root + " or /sys/fs/bpf");
  if (rest.empty() || rest.ends_with('/')) return base::Error(EINVAL, "a pin needs a name");
  const std::string_view last = rest.substr(rest.rfind('/') + 1);
  if (last.find('.') != rest.npos) return base::Error(EPERM, "names of pins have no dots");
  return std::string(rest);
}

base::Result<std::string> read_path(u64 address) {
  if (address == 0) return base::Error(EFAULT, "no path");
  const auto* text = user_ptr<const char>(address);
  const std::size_t size = strnlen(text, kPathBytesMax);
  if (size == kPathBytesMax) return base::Error(ENAMETOOLONG, "path is longer than 4095 bytes");
  return std::string(text, size);
}

base::Status add_pin(DoorState& state, std::string_view path, Handle handle) {
  SLUICE_TRY(std::string name, normal_path(state, path));
  if (state.pins.contains(name)) return base::Error(EEXIST, "'" + std::string(path) + "' exists");
  if (state.pins.size() >= kPinsMax) return base::Error(ENOSPC, "there are 65536 pins, the most allowed");
  state.pins.emplace(std::move(name), std::move(handle));
  return base::success();
}

base::Result<std::shared_ptr<Object>> get_pin(const DoorState& state, std::string_view path) {
  SLUICE_TRY(const std::string name, normal_path(state, path));
  const auto row = state.pins.find(name);
  if (row == state.pins.end()) return base::Error(ENOENT, "nothing is pinned at '" + std::string(path) + "'");
  return row->second.object();
}

base::Status check_path_fd(const bpf::bpf_attr& attr) {
  if (attr.file_flags & bpf::BPF_F_PATH_FD)
    return base::Error(EOPNOTSUPP, "paths relative to a descriptor are planned, not implemented yet");
  if (attr.path_fd != 0) return base::Error(EINVAL, "path_fd without BPF_F_PATH_FD");
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
  if (target->object->kind() == ObjectKind::btf) return base::Error(EINVAL, "BTF cannot be pinned");
  SLUICE_CHECK(check_path_fd(attr));
  SLUICE_TRY(const std::string path, read_path(attr.pathname));
  SLUICE_CHECK(add_pin(state, path, Handle(target->object)));
  if (client.on_pin) client.on_pin(path);
  return 0L;
}

Answer obj_get(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  constexpr u32 kFlags = bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY | bpf::BPF_F_PATH_FD;
  if (attr.bpf_fd != 0 || attr.file_flags & ~kFlags) return base::Error(EINVAL, "unknown file_flags, or bpf_fd is set");
  SLUICE_CHECK(check_path_fd(attr));
  SLUICE_TRY(const Access access, parse_access(attr.file_flags));
  SLUICE_TRY(const std::string path, read_path(attr.pathname));
  SLUICE_TRY(auto object, get_pin(state, path));
  return install(client, std::move(object), access);
}

base::Status Door::pin(const std::string& path, const std::shared_ptr<Object>& object) {
  return add_pin(*state_, path, Handle(object));
}

base::Result<std::shared_ptr<Object>> Door::find_pin(const std::string& path) const { return get_pin(*state_, path); }

base::Status Door::unpin(const std::string& path) {
  SLUICE_TRY(const std::string name, normal_path(*state_, path));
  if (state_->pins.erase(name) == 0) return base::Error(ENOENT, "nothing is pinned at '" + path + "'");
  return base::success();
}

std::vector<std::string> Door::pins_of(const Object& object) const {
  std::vector<std::string> paths;
  for (const auto& [name, handle] : state_->pins)
    if (handle.object().get() == &object) paths.push_back(state_->config.pin_root + "/" + name);
  return paths;
}

}  // namespace control
