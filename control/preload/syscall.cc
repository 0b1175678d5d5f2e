// SPDX-License-Identifier: Apache-2.0
// syscall() for those who call bpf(2) through it: libbpf, linked statically or not, bpftool, xdp-tools.
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "control/preload/next.h"
#include "control/preload/session.h"

extern "C" long syscall(long number, ...) noexcept {
  long a[6];
  va_list args;
  va_start(args, number);
  for (long& v : a) v = va_arg(args, long);
  va_end(args);
  if (number != SYS_bpf || !preload::is_on()) {
    static auto* const real = preload::next<long(long, ...)>("syscall");
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  }
  const int before = errno;
  const long result = preload::bpf_command(base::u32(a[0]), reinterpret_cast<void*>(a[1]), base::u32(a[2]));
  errno = result < 0 ? int(-result) : before;
  return result < 0 ? -1 : result;
}
