// SPDX-License-Identifier: Apache-2.0
// An application as libbpf's documentation has it; nothing in it knows where it runs.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "counter.skel.h"

static int quiet(enum libbpf_print_level level, const char *format, va_list args) {
  return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static int run(int prog_fd, unsigned size, unsigned repeat) {
  unsigned char packet[1500] = {0};
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = size, .repeat = repeat);
  const int rc = bpf_prog_test_run_opts(prog_fd, &options);
  printf("run of %u bytes, %u times: rc %d, verdict %u\n", size, repeat, rc, options.retval);
  return rc;
}

int main(void) {
  libbpf_set_print(quiet);
  struct counter *skel = counter__open();
  if (!skel) return 1;
  skel->rodata->verdict = 3;
  if (counter__load(skel)) return 2;
  const int prog_fd = bpf_program__fd(skel->progs.count), map_fd = bpf_map__fd(skel->maps.lengths);
  run(prog_fd, 64, 5);
  run(prog_fd, 1000, 2);
  run(prog_fd, 10, 1);
  printf("through mmap: %llu packets, %llu bytes\n", skel->bss->packets, skel->bss->bytes);
  skel->bss->packets = 100;
  run(prog_fd, 64, 1);
  printf("after a store through mmap: %llu packets\n", skel->bss->packets);
  // A child has its own connection and the parent's descriptors.
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    __u32 key = 64;
    __u64 value = 0;
    const int rc = bpf_map_lookup_elem(map_fd, &key, &value);
    printf("in a child: rc %d, %llu of 64 bytes\n", rc, value);
    exit(fflush(stdout));
  }
  int status = 0;
  waitpid(child, &status, 0);
  __u32 key = 7, next = 0;
  __u64 value = 0;
  printf("a key that is not there: %d\n", bpf_map_lookup_elem(map_fd, &key, &value));
  int rc = bpf_map_get_next_key(map_fd, NULL, &next);
  for (; rc == 0; rc = bpf_map_get_next_key(map_fd, &key, &next)) {
    bpf_map_lookup_elem(map_fd, &next, &value);
    fprintf(stderr, "length %u: %llu\n", next, value);
    key = next;
  }
  struct bpf_map_info info = {0};
  __u32 size = sizeof info;
  printf("info: %d, %s, %u entries\n", bpf_obj_get_info_by_fd(map_fd, &info, &size), info.name, info.max_entries);
  printf("a bad descriptor: %d\n", bpf_map_lookup_elem(12345, &key, &value));
  counter__destroy(skel);
  return status;
}
