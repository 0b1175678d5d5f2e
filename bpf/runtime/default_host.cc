// SPDX-License-Identifier: Apache-2.0
#include "bpf/runtime/default_host.h"

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <random>

#include "bpf/runtime/runtime.h"

namespace bpf::runtime {
namespace {

base::u64 read_clock(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return base::u64(t.tv_sec) * 1000000000 + base::u64(t.tv_nsec);
}

void append_line(bpf_env* env, const char* line, base::u32 size) {
  auto* sink = static_cast<TraceSink*>(env->host_ctx);
  if (!sink || sink->text.size() + size > sink->bytes_max) return;
  sink->text.append(line, size);
}

// The one device where there is no data path.
constexpr base::u32 kLoopback = 1;
constexpr base::s64 kLoopbackMtu = 65536;

constexpr bpf_host kDefaultHost = {
    .ktime_get_ns = [](bpf_env*) { return read_clock(CLOCK_MONOTONIC); },
    .ktime_get_boot_ns = [](bpf_env*) { return read_clock(CLOCK_BOOTTIME); },
    .ktime_get_tai_ns = [](bpf_env*) { return read_clock(CLOCK_TAI); },
    .find_mtu = [](bpf_env*, base::u32 ifindex) { return ifindex == kLoopback ? kLoopbackMtu : -ENODEV; },
    .trace_printk = append_line,
};

// sysfs names a CPU's node with a link cpuN/nodeM; a machine without NUMA has none.
base::u32 find_numa_node(base::u32 cpu) {
  std::error_code ignored;
  const std::string dir = "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
  for (const auto& entry : std::filesystem::directory_iterator(dir, ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("node")) return base::u32(std::strtoul(name.c_str() + 4, nullptr, 10));
  }
  return 0;
}

}  // namespace

const bpf_host* default_host() {
  return &kDefaultHost;
}

void init_env(bpf_env& env, base::u32 cpu, const bpf_host* host, void* host_ctx) {
  env = {};
  env.cpu = cpu;
  env.numa_node = find_numa_node(cpu);
  env.host = host;
  env.host_ctx = host_ctx;
  std::random_device random;
  env.prandom_state = base::u64(random()) << 32 | random();
  bpf_env_begin(&env);
}

}  // namespace bpf::runtime
