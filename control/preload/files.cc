// SPDX-License-Identifier: Apache-2.0
// Files that Linux makes up and tools read: /proc/<self>/fdinfo of a handle, and /sys/kernel/btf/vmlinux where no mount
// stands in its place. Each is a memory file with the daemon's answer; every other path is passed on.
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "control/preload/next.h"
#include "control/preload/session.h"

namespace preload {
namespace {

using bpf::load::Question;

constexpr char kVmlinux[] = "/sys/kernel/btf/vmlinux";

// The handle that a path below fdinfo is about; -1: none.
int fdinfo_number(const char* path) {
  char rest[64];
  std::snprintf(rest, sizeof rest, "/proc/%d/fdinfo/", getpid());
  const char* number = nullptr;
  for (const char* prefix : {"/proc/self/fdinfo/", "/proc/thread-self/fdinfo/", static_cast<const char*>(rest)})
    if (std::strncmp(path, prefix, std::strlen(prefix)) == 0) number = path + std::strlen(prefix);
  if (!number || *number < '0' || *number > '9') return -1;
  char* end = nullptr;
  const long fd = std::strtol(number, &end, 10);
  if (*end != '\0') return -1;
  // Only a memory file can be a handle.
  return fcntl(int(fd), F_GET_SEALS) >= 0 ? int(fd) : -1;
}

// The lines that the system has for any file; what it says of the memory file is as good as what Linux would say.
std::string first_lines(int fd) {
  char text[256];
  std::snprintf(text, sizeof text, "pos:\t0\nflags:\t02000002\nmnt_id:\t0\nino:\t0\n");
  struct stat st{};
  if (fstat(fd, &st) == 0)
    std::snprintf(text, sizeof text, "pos:\t0\nflags:\t02000002\nmnt_id:\t0\nino:\t%lu\n", (unsigned long)st.st_ino);
  return text;
}

int make_file(const std::string& text, int flags) {
  const int fd = memfd_create("sluice-answer", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
  if (fd < 0) return -1;
  const bool whole = write(fd, text.data(), text.size()) == ssize_t(text.size()) && lseek(fd, 0, SEEK_SET) == 0;
  if (!whole) close(fd);
  return whole ? fd : -1;
}

// A descriptor of what stands in for `path`; -1: nothing does.
int open_stand_in(const char* path, int flags) {
  if (!path || path[0] != '/' || (flags & O_ACCMODE) != O_RDONLY || !is_on()) return -1;
  const ErrnoKept kept;
  if (const int fd = fdinfo_number(path); fd >= 0) {
    const std::string lines = ask(Question::fdinfo, fd);
    return lines.empty() ? -1 : make_file(first_lines(fd) + lines, flags);
  }
  if (std::strcmp(path, kVmlinux) != 0) return -1;
  const std::string types = ask(Question::host_types);
  return types.empty() ? -1 : make_file(types, flags);
}

bool is_stand_in(const char* path, int mode) {
  return path && mode == R_OK && std::strcmp(path, kVmlinux) == 0 && is_on();
}

FILE* open_stream(const char* path, const char* mode, FILE* (*real)(const char*, const char*)) {
  const int fd = mode && mode[0] == 'r' && !std::strchr(mode, '+')
                     ? open_stand_in(path, std::strchr(mode, 'e') ? O_CLOEXEC : 0)
                     : -1;
  return fd >= 0 ? fdopen(fd, mode) : real(path, mode);
}

}  // namespace
}  // namespace preload

#define SLUICE_REAL(name, ...) static auto* const real = preload::next<__VA_ARGS__>(name)

extern "C" {

FILE* fopen(const char* path, const char* mode) {
  SLUICE_REAL("fopen", FILE * (const char*, const char*));
  return preload::open_stream(path, mode, real);
}

FILE* fopen64(const char* path, const char* mode) {
  SLUICE_REAL("fopen64", FILE * (const char*, const char*));
  return preload::open_stream(path, mode, real);
}

int open(const char* path, int flags, ...) {
  SLUICE_REAL("open", int(const char*, int, ...));
  va_list args;
  va_start(args, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
  va_end(args);
  const int fd = preload::open_stand_in(path, flags);
  return fd >= 0 ? fd : real(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
  va_end(args);
  return open(path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  SLUICE_REAL("openat", int(int, const char*, int, ...));
  va_list args;
  va_start(args, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
  va_end(args);
  const int fd = preload::open_stand_in(path, flags);
  return fd >= 0 ? fd : real(folder, path, flags, mode);
}

int openat64(int folder, const char* path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
  va_end(args);
  return openat(folder, path, flags, mode);
}

int access(const char* path, int mode) noexcept {
  SLUICE_REAL("access", int(const char*, int));
  return preload::is_stand_in(path, mode) ? 0 : real(path, mode);
}

int faccessat(int folder, const char* path, int mode, int flags) noexcept {
  SLUICE_REAL("faccessat", int(int, const char*, int, int));
  return preload::is_stand_in(path, mode) ? 0 : real(folder, path, mode, flags);
}

}  // extern "C"
