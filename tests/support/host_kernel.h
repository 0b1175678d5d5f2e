// SPDX-License-Identifier: Apache-2.0
// host_kernel.h — the running kernel's bpf(2) as the oracle of tests: make maps, load, test-run, look at maps.
//
// Shape     free functions over Fd; ProgSource is loaded as it stands (map indexes become descriptors, BTF is loaded
// first). Threads   re-entrant. Lifetime: descriptors close with their Fd. Errors    HostLoad::error is the errno;
// elsewhere base::Result. Source    bpf(2). Talks through syscall(2) with our own bpf_attr: <linux/bpf.h> clashes with
// bpf/abi.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "bpf/program.h"

namespace support {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  Fd& operator=(Fd&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();
  int get() const noexcept { return fd_; }
  bool valid() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Takes capabilities from this thread for as long as it lives, as a program's loader without them would be.
class LoweredCapabilities {
 public:
  explicit LoweredCapabilities(const bpf::Capabilities& caps);
  LoweredCapabilities(const LoweredCapabilities&) = delete;
  LoweredCapabilities& operator=(const LoweredCapabilities&) = delete;
  ~LoweredCapabilities();

 private:
  base::u64 effective_ = 0;
  bool lowered_ = false;
};

struct HostLoad {
  int error = 0;  // 0: accepted
  Fd prog;
  std::string log;  // whole when log_level was not 0
  base::u64 load_ns = 0;  // of PROG_LOAD alone
  bool accepted() const noexcept { return error == 0; }
};

struct HostRun {
  base::u32 retval = 0;
  std::vector<std::byte> data;  // the packet afterwards
  base::u32 duration_ns = 0;    // mean per run
};

// Empty when bpf(2) can load programs here, else the reason. Asked once.
const std::optional<std::string>& host_kernel_unusable();
// The same for users without CAP_BPF (kernel.unprivileged_bpf_disabled).
const std::optional<std::string>& host_closed_to_unprivileged();

// `inner` is the template of map-in-map types (-1: none).
base::Result<Fd> host_make_map(const bpf::MapFacts& facts, int inner = -1);
// Makes every map of `source` (a frozen one is filled with its contents and frozen).
base::Result<std::vector<Fd>> host_make_maps(const bpf::ProgSource& source);
HostLoad host_load(const bpf::ProgSource& source, std::span<const Fd> maps, base::u32 log_level = 0);
// Makes the maps as well; they live as long as the program does. For verdicts alone.
HostLoad host_load(const bpf::ProgSource& source, base::u32 log_level = 0);
base::Result<HostRun> host_test_run(const Fd& prog, base::ConstBytes packet, base::u32 repeat = 1);

// A run with a context of the type's own: `ctx` comes back as the run left it.
struct HostCtxRun {
  int error = 0;  // errno; else the rest is set
  base::u32 retval = 0;
  std::vector<std::byte> data;
};
HostCtxRun host_test_run(const Fd& prog, base::ConstBytes packet, base::Bytes ctx, base::u32 flags);

base::Status host_map_update(const Fd& map, base::ConstBytes key, base::ConstBytes value, base::u64 flags = 0);
// `value` has value_size bytes, or round_up(value_size, 8) * possible CPUs for per-CPU maps.
base::Status host_map_lookup(const Fd& map, base::ConstBytes key, base::Bytes value);
base::Status host_map_erase(const Fd& map, base::ConstBytes key);
// An empty key asks for the first. ENOENT behind the last.
base::Status host_map_next_key(const Fd& map, base::ConstBytes key, base::Bytes next);
// Number of possible CPUs of the host, for per-CPU values.
base::u32 host_possible_cpus();

}  // namespace support

// In a test body or fixture: SKIPPED, loudly, where the host kernel cannot be asked. Needs <gtest/gtest.h>.
#define SLUICE_REQUIRE_HOST_KERNEL() \
  if (const auto& why = ::support::host_kernel_unusable()) GTEST_SKIP() << "host kernel is no oracle here: " << *why
