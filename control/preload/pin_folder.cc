// SPDX-License-Identifier: Apache-2.0
// The folder of pins says of itself what a BPF file system says: tools ask before they pin. It is a real folder, so
// mkdir, unlink, rename and walks need nothing.
#include <linux/magic.h>
#include <mntent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <climits>
#include <cstdio>
#include <cstring>

#include "control/preload/next.h"
#include "control/preload/session.h"

namespace preload {
namespace {

// Where this process sees it.
const char* pins() {
  return getenv("SLUICE_PINS");
}

bool is_in_pins(const char* path) {
  const char* root = is_on() ? pins() : nullptr;
  char real[PATH_MAX];
  if (!root || !*root || !path || !realpath(path, real)) return false;
  const std::size_t size = std::strlen(root);
  return std::strncmp(real, root, size) == 0 && (real[size] == '/' || real[size] == '\0');
}

bool is_in_pins(int fd) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return is_in_pins(path);
}

template <class Place, class Answer>
int stat_file_system(int (*real)(Place, Answer*), Place place, Answer* out) {
  const int rc = real(place, out);
  const ErrnoKept kept;
  if (rc == 0 && is_in_pins(place)) out->f_type = BPF_FS_MAGIC;
  return rc;
}

}  // namespace
}  // namespace preload

extern "C" {

int statfs(const char* path, struct statfs* out) noexcept {
  static auto* const real = preload::next<int(const char*, struct statfs*)>("statfs");
  return preload::stat_file_system(real, path, out);
}

int statfs64(const char* path, struct statfs64* out) noexcept {
  static auto* const real = preload::next<int(const char*, struct statfs64*)>("statfs64");
  return preload::stat_file_system(real, path, out);
}

int fstatfs(int fd, struct statfs* out) noexcept {
  static auto* const real = preload::next<int(int, struct statfs*)>("fstatfs");
  return preload::stat_file_system(real, fd, out);
}

int fstatfs64(int fd, struct statfs64* out) noexcept {
  static auto* const real = preload::next<int(int, struct statfs64*)>("fstatfs64");
  return preload::stat_file_system(real, fd, out);
}

// Of the mounts that a tool walks for pins, ours and no other is one.
struct mntent* getmntent(FILE* mounts) noexcept {
  static auto* const real = preload::next<struct mntent*(FILE*)>("getmntent");
  static char bpf[] = "bpf";
  static char none[] = "none";
  struct mntent* entry = real(mounts);
  if (!entry || !preload::is_on() || !preload::pins()) return entry;
  if (std::strcmp(entry->mnt_type, bpf) == 0) entry->mnt_type = none;
  if (std::strcmp(entry->mnt_dir, preload::pins()) == 0) entry->mnt_type = bpf;
  return entry;
}

}  // extern "C"
