// SPDX-License-Identifier: Apache-2.0
#include "drivers/eal.h"

#include <fcntl.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "drivers/eal_log.h"

namespace drivers {
namespace fs = std::filesystem;
namespace {

std::atomic<bool> eal_started = false;

// The lines that DPDK logged last: what the sentence of a failed start quotes.
class LogTail {
 public:
  void add(base::u32 level, const std::string& line) {
    const std::lock_guard lock(mutex_);
    if (level <= kLogError && text_.size() < kBytesMax) text_ += (text_.empty() ? "" : "; ") + line;
  }
  std::string take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(text_, {});
  }

 private:
  static constexpr std::size_t kBytesMax = 600;
  std::mutex mutex_;
  std::string text_;
};

std::string lcore_map(const EalOptions& options) {
  std::string map = "0@" + std::to_string(options.main_cpu);
  for (std::size_t i = 0; i < options.worker_cpus.size(); ++i)
    map += "," + std::to_string(i + 1) + "@" + std::to_string(options.worker_cpus[i]);
  return map;
}

std::string join(const std::vector<u32>& numbers) {
  std::string text;
  for (const u32 n : numbers) text += (text.empty() ? "" : ",") + std::to_string(n);
  return text;
}

bool is_prefix_valid(const std::string& prefix) {
  return !prefix.empty() && prefix.size() <= 64 && prefix[0] != '.' && prefix.find('/') == std::string::npos;
}

base::Status check_options(const EalOptions& options) {
  if (!is_prefix_valid(options.file_prefix))
    return base::Error(EINVAL,
                       "file prefix '" + options.file_prefix + "' is not a plain file name of 1 to 64 characters");
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<u32> cpus = options.worker_cpus;
  std::sort(cpus.begin(), cpus.end());
  if (const auto twice = std::adjacent_find(cpus.begin(), cpus.end()); twice != cpus.end())
    return base::Error(EINVAL, "cpu " + std::to_string(*twice) + " is given to two workers");
  cpus.push_back(options.main_cpu);
  for (const u32 cpu : cpus)
    if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed))
      return base::Error(EINVAL, "cpu " + std::to_string(cpu) + " does not exist or this process may not run on it");
  return base::success();
}

fs::path runtime_dir(const std::string& prefix) {
  if (geteuid() == 0) return fs::path("/var/run/dpdk") / prefix;
  const char* dir = getenv("XDG_RUNTIME_DIR");
  return fs::path(dir ? dir : "/tmp") / "dpdk" / prefix;
}

std::vector<fs::path> hugepage_mounts() {
  std::vector<fs::path> mounts;
  std::ifstream table("/proc/mounts");
  for (std::string device, dir, type, rest; table >> device >> dir >> type && std::getline(table, rest);)
    if (type == "hugetlbfs") mounts.push_back(dir);
  return mounts;
}

// Files <prefix>map_<n>, whoever left them.
void remove_hugepage_files(const std::string& prefix) {
  for (const fs::path& mount : hugepage_mounts()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(mount, ignored))
      if (entry.path().filename().string().starts_with(prefix + "map_")) fs::remove(entry.path(), ignored);
  }
}

// A primary process holds a write lock on its `config` file as long as it lives.
bool is_prefix_in_use(const std::string& prefix) {
  const int fd = open((runtime_dir(prefix) / "config").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool in_use = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  close(fd);
  return in_use;
}

void remove_leftovers(const std::string& prefix) {
  std::error_code ignored;
  fs::remove_all(runtime_dir(prefix), ignored);
  remove_hugepage_files(prefix);
}

bool can_use_hugepages(const EalOptions& options, std::string& reason) {
  const u64 free_bytes = free_hugepage_bytes();
  u64 wanted = 0;
  for (const u32 mb : options.socket_mb) wanted += u64(mb) << 20;
  if (free_bytes == 0)
    reason = "no hugepage is free";
  else if (wanted > free_bytes)
    reason = std::to_string(wanted >> 20) + " MiB of hugepages are wanted, " + std::to_string(free_bytes >> 20) +
             " are free";
  else if (hugepage_mounts().empty())
    reason = "no hugetlbfs is mounted";
  return reason.empty();
}

base::Status init(const std::vector<std::string>& argv) {
  std::vector<std::string> copies = argv;  // rte_eal_init reorders and keeps pointers into it until it returns
  std::vector<char*> pointers;
  for (std::string& arg : copies) pointers.push_back(arg.data());
  pointers.push_back(nullptr);
  if (rte_eal_init(int(copies.size()), pointers.data()) >= 0) return base::success();
  return base::Error(rte_errno ? rte_errno : EIO, "");
}

}  // namespace

u64 free_hugepage_bytes() {
  u64 bytes = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/sys/kernel/mm/hugepages", ignored)) {
    u64 kib = 0, pages = 0;
    if (std::sscanf(entry.path().filename().c_str(), "hugepages-%lukB", &kib) != 1) continue;
    if (std::ifstream(entry.path() / "free_hugepages") >> pages) bytes += pages * kib * 1024;
  }
  return bytes;
}

std::vector<std::string> make_eal_argv(const EalOptions& options, EalMemory memory) {
  std::vector<std::string> argv = {"sluiced", "--file-prefix=" + options.file_prefix, "--lcores=" + lcore_map(options),
                                   "--main-lcore=0"};
  if (memory == EalMemory::no_huge) {
    argv.insert(argv.end(), {"--no-huge", "-m", std::to_string(options.no_huge_mb)});
  } else {
    if (!options.socket_mb.empty()) argv.push_back("--socket-mem=" + join(options.socket_mb));
    argv.push_back("--huge-unlink=existing");
    if (options.single_file_segments) argv.push_back("--single-file-segments");
  }
  if (options.iova == EalIova::physical) argv.push_back("--iova-mode=pa");
  if (options.iova == EalIova::virtual_) argv.push_back("--iova-mode=va");
  if (options.pci_devices.empty()) argv.push_back("--no-pci");
  for (const std::string& address : options.pci_devices) argv.insert(argv.end(), {"-a", address});
  argv.push_back(options.telemetry ? "--telemetry" : "--no-telemetry");
  argv.push_back("--log-level=" + std::to_string(options.log_level));
  argv.insert(argv.end(), options.extra.begin(), options.extra.end());
  return argv;
}

base::Result<std::unique_ptr<Eal>> Eal::start(EalOptions options) {
  SLUICE_CHECK(check_options(options).in("eal"));
  if (is_prefix_in_use(options.file_prefix))
    return base::Error(EAGAIN, "eal: file prefix '" + options.file_prefix + "' is in use by another process");

  std::string reason;
  EalMemory memory = options.memory;
  if (memory == EalMemory::hugepages && !can_use_hugepages(options, reason)) {
    if (!options.fall_back)
      return base::Error(ENOMEM, "eal: " + reason + " and falling back to no-huge is not allowed");
    memory = EalMemory::no_huge;
  }
  if (eal_started.exchange(true)) return base::Error(EALREADY, "eal: was started before in this process");

  remove_leftovers(options.file_prefix);
  std::unique_ptr<Eal> eal(new Eal);
  eal->options_ = options;
  eal->memory_ = memory;
  eal->fall_back_reason_ = reason;
  eal->argv_ = make_eal_argv(options, memory);

  // During the start errors are kept for the sentence below as well.
  static LogTail tail;
  auto sink =
      options.log ? options.log : [](u32, const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  eal->log_stream_ = open_log_stream([sink](u32 level, const std::string& line) {
    tail.add(level, line);
    sink(level, line);
  });
  if (eal->log_stream_) rte_openlog_stream(eal->log_stream_);
  if (const base::Status status = init(eal->argv_); !status)
    return base::Error(status.error().code(), "eal: DPDK did not start: " + tail.take());
  tail.take();
  return eal;
}

// Also the end of a start that failed: cleaning up what was not initialised does nothing.
Eal::~Eal() {
  rte_eal_cleanup();
  rte_openlog_stream(nullptr);
  if (log_stream_) std::fclose(log_stream_);
  remove_leftovers(options_.file_prefix);
}

base::Result<u32> cpu_lcore(u32 cpu) {
  u32 lcore = 0;
  RTE_LCORE_FOREACH_WORKER(lcore) {
    const rte_cpuset_t set = rte_lcore_cpuset(lcore);
    if (CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set)) return lcore;
  }
  return base::Error(
      ENOENT, "cpu " + std::to_string(cpu) + " has no worker lcore: it was not among the worker cpus of the eal");
}

}  // namespace drivers
