/* SPDX-License-Identifier: Apache-2.0 */
/* printk.c — bpf_trace_printk: formats rendered and handed to the host. Native only: it uses libc.
 *
 * Shape     the whole format is checked while it is rendered into one line; nothing is emitted unless all is good.
 *           %[0 +-][width](c | s | [l|ll](d i u x X) | p…), at most three arguments; forms of %p: plain (hashed),
 *           x K s S B, i4 I4 i6 I6 (addresses), ks us (strings).
 * Errors    EINVAL for a format that is unterminated, not ASCII, unknown, or asks for a fourth argument.
 * Cost      hundreds of ns; strings and addresses are read through the kernel so that a bad pointer cannot fault.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bpf/runtime/runtime.h"

enum {
  kLineMax = 1024, /* bytes of a rendered line, as Linux's per-CPU buffer */
  kArgsMax = 3,    /* five registers less format and size */
  kFlagsMax = 32,  /* bytes of one conversion, rebuilt for snprintf */
};

struct line {
  char text[kLineMax];
  uint32_t used; /* what the line would need; may exceed kLineMax, as snprintf counts */
};

struct conversion {
  char spec[kFlagsMax]; /* "%-08": flags and width, without size and letter */
  uint64_t arg;
};

static void append(struct line* line, const char* bytes, size_t n) {
  for (size_t i = 0; i < n; ++i, ++line->used)
    if (line->used < kLineMax - 1) line->text[line->used] = bytes[i];
}

/* Reads up to `n` bytes; a program's pointer may be any number. */
static size_t read_memory(uint64_t from, void* to, size_t n) {
  struct iovec local = {to, n}, remote = {(void*)(uintptr_t)from, n};
  ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
  return got < 0 ? 0 : (size_t)got;
}

static void append_string(struct line* line, const struct conversion* c) {
  char text[512] = "", spec[kFlagsMax + 2], out[kLineMax];
  /* Byte by byte: the string may end right before unreadable memory. */
  for (size_t i = 0; i + 1 < sizeof text; ++i)
    if (read_memory(c->arg + i, &text[i], 1) != 1 || text[i] == 0) {
      text[i] = 0;
      break;
    }
  snprintf(spec, sizeof spec, "%ss", c->spec);
  append(line, out, (size_t)snprintf(out, sizeof out, spec, text) < sizeof out ? strlen(out) : sizeof out - 1);
}

static void append_number(struct line* line, const struct conversion* c, char letter, int longs) {
  char spec[kFlagsMax + 4], out[kLineMax];
  snprintf(spec, sizeof spec, "%s%s%c", c->spec, longs ? "ll" : "", letter);
  if (longs)
    snprintf(out, sizeof out, spec, (unsigned long long)c->arg);
  else
    snprintf(out, sizeof out, spec, (unsigned)c->arg);
  append(line, out, strlen(out));
}

/* A plain %p shows an identity, not an address. */
static void append_pointer(struct line* line, uint64_t pointer, bool hashed) {
  char out[20];
  if (hashed) pointer = (pointer * 0x9e3779b97f4a7c15u) >> 32;
  append(line, out, (size_t)snprintf(out, sizeof out, "%016llx", (unsigned long long)pointer));
}

static void append_address_number(struct line* line, uint64_t address) {
  char out[20];
  append(line, out, (size_t)snprintf(out, sizeof out, "0x%llx", (unsigned long long)address));
}

static void append_ipv4(struct line* line, const uint8_t* a, bool leading_zeros) {
  char out[16];
  append(
      line, out,
      (size_t)snprintf(out, sizeof out, leading_zeros ? "%03u.%03u.%03u.%03u" : "%u.%u.%u.%u", a[0], a[1], a[2], a[3]));
}

static void append_ipv6(struct line* line, const uint8_t* a, bool colons) {
  char out[8];
  for (int i = 0; i < 16; i += 2)
    append(line, out, (size_t)snprintf(out, sizeof out, "%s%02x%02x", colons && i ? ":" : "", a[i], a[i + 1]));
}

static bool append_address(struct line* line, uint64_t from, char form, char version) {
  uint8_t bytes[16] = {0};
  if (version != '4' && version != '6') return false;
  read_memory(from, bytes, version == '4' ? 4 : 16);
  if (version == '4')
    append_ipv4(line, bytes, form == 'i');
  else
    append_ipv6(line, bytes, form == 'I');
  return true;
}

/* `p` stands behind "%p"; returns behind the conversion, or NULL. */
static const char* append_pointer_form(struct line* line, const struct conversion* c, const char* p) {
  switch (*p) {
    case 'k':
    case 'u':
      if (p[1] != 's') return NULL;
      append_string(line, c);
      return p + 2;
    case 'i':
    case 'I':
      return append_address(line, c->arg, *p, p[1]) ? p + 2 : NULL;
    case 'x':
      append_pointer(line, c->arg, false);
      return p + 1;
    case 'K':
      append_pointer(line, c->arg, true);
      return p + 1;
    case 's':
    case 'S':
    case 'B': /* there are no symbols to name: as Linux prints an address that has none */
      append_address_number(line, c->arg);
      return p + 1;
    default:
      if (*p && !isspace((unsigned char)*p) && !ispunct((unsigned char)*p)) return NULL;
      append_pointer(line, c->arg, true);
      return p;
  }
}

static const char* append_integer(struct line* line, const struct conversion* c, const char* p) {
  int longs = 0;
  while (*p == 'l' && longs < 2) ++longs, ++p;
  if (!*p || !strchr("diuxX", *p)) return NULL;
  append_number(line, c, *p, longs);
  return p + 1;
}

/* Copies flags and width; `p` stands behind '%'. Returns behind them, or NULL where they are absurdly long. */
static const char* scan_spec(struct conversion* c, const char* p) {
  const char* begin = p;
  p += strspn(p, "0+- ");
  if (*p >= '1' && *p <= '9') p += strspn(p, "0123456789");
  const size_t n = (size_t)(p - begin);
  if (n + 2 > sizeof c->spec) return NULL;
  c->spec[0] = '%';
  memcpy(c->spec + 1, begin, n);
  c->spec[n + 1] = 0;
  return p;
}

static const char* append_conversion(struct line* line, const char* p, uint64_t arg) {
  struct conversion c = {.arg = arg};
  p = scan_spec(&c, p);
  if (!p) return NULL;
  if (*p == 'p') return append_pointer_form(line, &c, p + 1);
  if (*p == 's') return append_string(line, &c), p + 1;
  if (*p == 'c') return append_number(line, &c, 'c', 0), p + 1;
  return append_integer(line, &c, p);
}

static bool format_is_text(const char* format, uint32_t size) {
  if (size == 0 || format[size - 1] != 0) return false;
  for (const char* p = format; *p; ++p)
    if (*p < 0 || (!isprint((unsigned char)*p) && !isspace((unsigned char)*p))) return false;
  return true;
}

static bool render(struct line* line, const char* p, const uint64_t args[kArgsMax]) {
  int used = 0;
  while (*p) {
    if (*p != '%') {
      append(line, p++, 1);
    } else if (p[1] == '%') {
      append(line, p, 1);
      p += 2;
    } else {
      if (used == kArgsMax) return false;
      p = append_conversion(line, p + 1, args[used++]);
      if (!p) return false;
    }
  }
  return true;
}

BPF_BODY(bpf_trace_printk) {
  const char* format = (const char*)(uintptr_t)r1;
  const uint64_t args[kArgsMax] = {r3, r4, r5};
  struct line line;
  line.used = 0;
  if (!format_is_text(format, (uint32_t)r2) || !render(&line, format, args)) return (uint64_t)(int64_t)-EINVAL;
  uint32_t size = line.used < kLineMax - 1 ? line.used : kLineMax - 2;
  if (size == 0 || line.text[size - 1] != '\n') line.text[size++] = '\n';
  env->host->trace_printk(env, line.text, size);
  return line.used;
}
