// SPDX-License-Identifier: Apache-2.0
// control_client — a program with libc that calls bpf(2) and times it. It knows nothing of Sluice: run as it is it asks
// the host kernel, run by `sluice exec` it asks the daemon.
//
//   control_client lookup CALLS       MAP_LOOKUP_ELEM, CALLS times: {"median_ns", "p99_ns"}
//   control_client batch COUNT TURNS  MAP_LOOKUP_BATCH over a hash of COUNT elements, TURNS times: {"ns": [...]}
//   control_client wait CALLS         says "ready", waits for a line, then as lookup
//
// It runs on CPU 0. Every value that comes back is checked. Exit 1: a call fails or a value is wrong.
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "bpf/abi/attr.h"
#include "bpf/abi/types.h"

namespace {

using bpf::bpf_attr;

constexpr uint32_t kEntries = 1024;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

uint64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1'000'000'000U + uint64_t(t.tv_nsec);
}

long call(bpf::bpf_cmd cmd, bpf_attr& attr) {
  return syscall(SYS_bpf, cmd, &attr, sizeof attr);
}

uint64_t address(const void* p) {
  return reinterpret_cast<uint64_t>(p);
}

uint64_t value_of(uint32_t key) {
  return uint64_t{key} * 7 + 1;
}

int make_filled(uint32_t entries) {
  bpf_attr attr{};
  attr.map_type = bpf::BPF_MAP_TYPE_HASH;
  attr.key_size = sizeof(uint32_t);
  attr.value_size = sizeof(uint64_t);
  attr.max_entries = entries;
  const int fd = int(call(bpf::BPF_MAP_CREATE, attr));
  if (fd < 0) fail("MAP_CREATE");
  std::vector<uint32_t> keys(entries);
  std::vector<uint64_t> values(entries);
  for (uint32_t i = 0; i < entries; ++i) keys[i] = i, values[i] = value_of(i);
  attr = {};
  attr.batch.map_fd = uint32_t(fd);
  attr.batch.keys = address(keys.data());
  attr.batch.values = address(values.data());
  attr.batch.count = entries;
  if (call(bpf::BPF_MAP_UPDATE_BATCH, attr) != 0 || attr.batch.count != entries) fail("MAP_UPDATE_BATCH");
  return fd;
}

void look_up(int fd, unsigned calls) {
  std::vector<uint64_t> took(calls);
  for (unsigned i = 0; i < calls; ++i) {
    const uint32_t key = i * 2654435761U % kEntries;
    uint64_t value = 0;
    bpf_attr attr{};
    attr.map_fd = uint32_t(fd);
    attr.key = address(&key);
    attr.value = address(&value);
    const uint64_t start = now_ns();
    if (call(bpf::BPF_MAP_LOOKUP_ELEM, attr) != 0) fail("MAP_LOOKUP_ELEM");
    took[i] = now_ns() - start;
    if (value != value_of(key)) fail("a value is wrong");
  }
  std::sort(took.begin(), took.end());
  std::printf("{\"median_ns\": %llu, \"p99_ns\": %llu}\n", static_cast<unsigned long long>(took[calls / 2]),
              static_cast<unsigned long long>(took[std::size_t{calls} * 99 / 100]));
}

uint64_t batch_ns(int fd, uint32_t entries, std::vector<uint32_t>& keys, std::vector<uint64_t>& values) {
  uint64_t token[2] = {};
  uint32_t got = 0;
  const uint64_t start = now_ns();
  for (bool more = true; more;) {
    bpf_attr attr{};
    attr.batch.map_fd = uint32_t(fd);
    attr.batch.in_batch = got ? address(token) : 0;
    attr.batch.out_batch = address(token);
    attr.batch.keys = address(keys.data() + got);
    attr.batch.values = address(values.data() + got);
    attr.batch.count = uint32_t(keys.size()) - got;
    const long rc = call(bpf::BPF_MAP_LOOKUP_BATCH, attr);
    if (rc != 0 && errno != ENOENT) fail("MAP_LOOKUP_BATCH");
    got += attr.batch.count;
    more = rc == 0;
  }
  const uint64_t took = now_ns() - start;
  if (got != entries) fail("elements are missing");
  for (uint32_t i = 0; i < got; ++i)
    if (values[i] != value_of(keys[i])) fail("a value is wrong");
  return took;
}

void look_up_all(uint32_t entries, unsigned turns) {
  const int fd = make_filled(entries);
  // Room for more than there is: a batch ends with ENOENT, not with the last place.
  std::vector<uint32_t> keys(entries + 1024);
  std::vector<uint64_t> values(entries + 1024);
  std::string rows;
  for (unsigned turn = 0; turn < turns; ++turn)
    rows += (turn ? ", " : "") + std::to_string(batch_ns(fd, entries, keys, values));
  std::printf("{\"ns\": [%s]}\n", rows.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  const auto number = [&](int at) { return argc > at ? unsigned(std::max(1, std::atoi(argv[at]))) : 1U; };
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) fail("sched_setaffinity");
  if (mode == "batch") {
    look_up_all(number(2), number(3));
    return 0;
  }
  if (mode != "lookup" && mode != "wait") {
    std::fputs("usage: control_client lookup CALLS | batch COUNT TURNS | wait CALLS\n", stderr);
    return 2;
  }
  const int fd = make_filled(kEntries);
  if (mode == "wait") {
    std::puts("ready");
    std::fflush(stdout);
    if (std::getchar() == EOF) return 1;
  }
  look_up(fd, number(2));
}
