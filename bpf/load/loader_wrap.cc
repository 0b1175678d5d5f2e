// SPDX-License-Identifier: Apache-2.0
// What libbpf asks of the system, answered by the door: --wrap=syscall and friends send its calls here. The loader
// touches no file, no kernel BPF and no network; an object comes in as bytes and leaves as commands.
#include "bpf/load/loader_wrap.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "base/percpu.h"
#include "bpf/load/command_edits.h"

namespace bpf::load {
namespace {

DoorClient* door = nullptr;
int vmlinux_fd = -1;

bool is_vmlinux(const char* path) {
  return std::strcmp(path, "/sys/kernel/btf/vmlinux") == 0;
}

// A descriptor of its own with its own position.
int open_vmlinux() {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", vmlinux_fd);
  return openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

// libbpf asks what the system can do with small programs of types that every kernel has. The question is about the
// engine (names, global data, attach types, helper numbers), so where the type does not run here it is put again with
// one that does. Its probes have no name, or this one; programs of an object always have theirs.
constexpr char kProbeName[] = "libbpf_nametest";

bool is_probe(const bpf_attr& attr) {
  return attr.prog_name[0] == '\0' || std::strncmp(attr.prog_name, kProbeName, sizeof attr.prog_name) == 0;
}

// A file of the system's with contents of our own; below 0: errno.
int open_text(const std::string& text) {
  const int fd = memfd_create("sluice-list", MFD_CLOEXEC);
  if (fd < 0) return -1;
  if (write(fd, text.data(), text.size()) == ssize_t(text.size()) && lseek(fd, 0, SEEK_SET) == 0) return fd;
  close(fd);
  return -1;
}

// Perf event arrays without a size get an entry a CPU.
bool is_cpu_list(const char* path) { return std::strcmp(path, "/sys/devices/system/cpu/possible") == 0; }
int open_cpu_list() { return open_text("0-" + std::to_string(base::possible_cpu_count() - 1) + "\n"); }

long door_command(unsigned cmd, void* user_attr, unsigned size) {
  if (cmd != BPF_PROG_LOAD || size < offsetof(bpf_attr, prog_name) + sizeof(bpf_attr::prog_name))
    return door->call(cmd, user_attr, size);
  auto& attr = *static_cast<bpf_attr*>(user_attr);
  if (!is_probe(attr)) return door->call(cmd, user_attr, size);
  long result = door->call(cmd, user_attr, size);
  if (result >= 0) return result;
  const base::u32 asked = std::exchange(attr.prog_type, BPF_PROG_TYPE_XDP);
  result = door->call(cmd, user_attr, size);
  attr.prog_type = asked;
  return result;
}

}  // namespace

void serve_libbpf(DoorClient& client, int vmlinux) {
  door = &client;
  vmlinux_fd = vmlinux;
}

}  // namespace bpf::load

// Names that the linker gives to wrapped functions.
extern "C" {

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
FILE* __wrap_fopen64(const char* path, const char* mode);
int __wrap_open64(const char* path, int flags, ...);
int __wrap_faccessat(int dir, const char* path, int mode, int flags);
int __wrap_access(const char* path, int mode);
int __wrap_statfs64(const char* path, struct statfs64* out);
int __wrap_mkdir(const char* path, mode_t mode);
int __wrap_unlink(const char* path);

long __wrap_syscall(long number, ...) {
  long a[6];
  va_list args;
  va_start(args, number);
  for (long& v : a) v = va_arg(args, long);
  va_end(args);
  if (number != SYS_bpf) return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  const long result = bpf::load::command_edits().run(unsigned(a[0]), reinterpret_cast<void*>(a[1]), unsigned(a[2]),
                                                     bpf::load::door_command);
  if (result >= 0) return result;
  errno = int(-result);
  return -1;
}

FILE* __wrap_fopen64(const char* path, const char* mode) {
  if (std::strcmp(path, "/proc/kallsyms") == 0) {
    const int list = bpf::load::open_text(bpf::load::command_edits().symbol_lines());
    return list < 0 ? nullptr : fdopen(list, mode);
  }
  const int fd = bpf::load::is_vmlinux(path) ? bpf::load::open_vmlinux() : -1;
  if (fd >= 0) return fdopen(fd, mode);
  errno = ENOENT;
  return nullptr;
}

int __wrap_open64(const char* path, int flags, ...) {
  if (bpf::load::is_vmlinux(path)) return bpf::load::open_vmlinux();
  if (bpf::load::is_cpu_list(path)) return bpf::load::open_cpu_list();
  // To reuse a pinned map libbpf opens the root folder, for a number that it then puts the map's descriptor on.
  if (std::strcmp(path, "/") == 0) return int(__real_syscall(SYS_openat, AT_FDCWD, path, flags, 0));
  errno = ENOENT;
  return -1;
}

int __wrap_faccessat(int, const char* path, int, int) {
  if (bpf::load::is_vmlinux(path)) return 0;
  errno = ENOENT;
  return -1;
}
int __wrap_access(const char* path, int mode) {
  return __wrap_faccessat(AT_FDCWD, path, mode, 0);
}

// Pins: the door judges paths, so every directory looks like a BPF file system and is there.
int __wrap_statfs64(const char*, struct statfs64* out) {
  std::memset(out, 0, sizeof *out);
  out->f_type = BPF_FS_MAGIC;
  return 0;
}
int __wrap_mkdir(const char*, mode_t) {
  return 0;
}
int __wrap_unlink(const char*) {
  errno = ENOENT;
  return -1;
}

}  // extern "C"
