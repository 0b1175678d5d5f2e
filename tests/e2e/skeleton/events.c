// SPDX-License-Identifier: Apache-2.0
// An application that waits for a ring buffer: with libbpf's poll, with its own epoll and poll, while another process
// makes the records. Nothing in it knows where it runs.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "events.skel.h"

enum how { SUBMIT, OUTPUT, DISCARD, NO_WAKEUP, FORCE_WAKEUP };

struct event {
  __u32 number;
  __u32 length;
};

static struct events *skel;

static int on_event(void *ctx, void *data, size_t size) {
  const struct event *event = data;
  printf("  %s: event %u of %u bytes, %zu\n", (const char *)ctx, event->number, event->length, size);
  return event->length == 99 ? -7 : 0;
}

static void send_packets(enum how how, unsigned size, unsigned count) {
  unsigned char packet[256] = {how};
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = size, .repeat = count);
  const int rc = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.tell), &options);
  if (rc) printf("  a run fails: %d\n", rc);
}

// Another process sends while this one waits.
static pid_t send_later(enum how how, unsigned size, unsigned count) {
  fflush(stdout);
  const pid_t child = fork();
  if (child != 0) return child;
  usleep(200000);
  send_packets(how, size, count);
  fflush(stdout);
  _exit(0);
}

static void with_libbpf(void) {
  struct ring_buffer *ring = ring_buffer__new(bpf_map__fd(skel->maps.events), on_event, "libbpf", NULL);
  if (!ring) {
    printf("no ring buffer: %d\n", errno);
    exit(3);
  }
  printf("nothing there: %d, %d\n", ring_buffer__poll(ring, 0), ring_buffer__poll(ring, 50));
  send_packets(SUBMIT, 64, 3);
  printf("three: %d\n", ring_buffer__poll(ring, 1000));
  printf("no more: %d\n", ring_buffer__poll(ring, 20));
  pid_t child = send_later(OUTPUT, 80, 1);  // of two, the second might come before or behind the wake-up
  printf("from a child: %d\n", ring_buffer__poll(ring, 10000) > 0);
  waitpid(child, NULL, 0);
  printf("the rest: %d\n", ring_buffer__consume(ring) >= 0);
  send_packets(DISCARD, 64, 2);
  send_packets(SUBMIT, 65, 1);
  printf("two are discarded: %d\n", ring_buffer__poll(ring, 1000));
  send_packets(NO_WAKEUP, 66, 1);
  printf("nobody is woken: %d\n", ring_buffer__poll(ring, 50));
  printf("but it is there: %d\n", ring_buffer__consume(ring));
  child = send_later(FORCE_WAKEUP, 67, 1);
  printf("without a limit: %d\n", ring_buffer__poll(ring, -1));
  waitpid(child, NULL, 0);
  send_packets(SUBMIT, 99, 2);
  printf("a callback that fails: %d\n", ring_buffer__poll(ring, 1000));
  printf("is asked no more: %d\n", ring_buffer__poll(ring, 1000));
  send_packets(SUBMIT, 70, 300);
  printf("a full one: %d of %u, lost %u\n", ring_buffer__consume(ring) > 0, skel->bss->number, skel->bss->lost);
  ring_buffer__free(ring);
}

static void with_epoll(void) {
  const int fd = bpf_map__fd(skel->maps.events), set = epoll_create1(0);
  int pipes[2];
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x1122334455667788}, seen[4] = {0};
  if (set < 0 || pipe(pipes)) exit(4);
  printf("add: %d\n", epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
  printf("twice: %d", epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
  printf(", errno %d\n", errno);
  event.data.u64 = 5;
  printf("a pipe: %d\n", epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], &event));
  printf("before: %d\n", epoll_wait(set, seen, 4, 50));
  send_packets(SUBMIT, 64, 1);
  printf("one: %d, %x, %llx\n", epoll_wait(set, seen, 4, 1000), seen[0].events, (long long)seen[0].data.u64);
  printf("still: %d\n", epoll_wait(set, seen, 4, 1000));
  printf("both: %d", write(pipes[1], "x", 1) == 1 ? epoll_wait(set, seen, 4, 1000) : -1);
  printf(", %d\n", epoll_pwait(set, seen, 1, 1000, NULL));
  // Each position is a page; the program's own store is the consumer's.
  volatile unsigned long *consumer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  volatile unsigned long *producer = mmap(NULL, 4096 + 2 * 4096, PROT_READ, MAP_SHARED, fd, 4096);
  if (consumer == MAP_FAILED || producer == MAP_FAILED) exit(5);
  printf("positions: %lu behind\n", *producer - *consumer);
  *consumer = *producer;
  printf("the pipe alone: %d, %llx\n", epoll_wait(set, seen, 4, 1000), (long long)seen[0].data.u64);
  printf("del the pipe: %d\n", epoll_ctl(set, EPOLL_CTL_DEL, pipes[0], NULL));
  printf("all consumed: %d\n", epoll_wait(set, seen, 4, 50));
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = 9;
  printf("mod: %d\n", epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
  const pid_t child = send_later(SUBMIT, 64, 1);
  printf("once: %d, %llx\n", epoll_wait(set, seen, 4, 10000), (long long)seen[0].data.u64);
  waitpid(child, NULL, 0);
  printf("not twice: %d\n", epoll_wait(set, seen, 4, 50));
  printf("mod: %d\n", epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
  printf("again: %d\n", epoll_wait(set, seen, 4, 1000));
  printf("del: %d", epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
  printf(", %d", epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
  printf(", errno %d\n", errno);
  struct pollfd both[2] = {{.fd = pipes[0], .events = POLLOUT}, {.fd = fd, .events = POLLIN}};
  printf("poll: %d, %d, %x\n", poll(both, 2, 1000), both[0].revents, both[1].revents);
  *consumer = *producer;
  printf("poll: %d, %x\n", poll(both + 1, 1, 50), both[1].revents);
  const pid_t other = send_later(SUBMIT, 64, 1);
  printf("poll: %d, %x\n", poll(both + 1, 1, 10000), both[1].revents);
  waitpid(other, NULL, 0);
  close(set);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  skel = events__open_and_load();
  if (!skel) return 2;
  with_libbpf();
  with_epoll();
  events__destroy(skel);
  return 0;
}
