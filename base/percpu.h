// SPDX-License-Identifier: Apache-2.0
// percpu.h — the CPUs that per-CPU storage is sized by: the host's possible ones, as libbpf applications count them.
//
// Shape     the list in /sys/devices/system/cpu/possible ("0-3,8"), read once.
// Threads   any; the first call reads the file.
// Errors    an unreadable list counts as the CPUs that are configured.
// Source    libbpf_num_possible_cpus() counts the numbers of that list; user buffers have one slot for each of them.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace base {

// More slots than any machine that Debian 12's kernel is built for.
inline constexpr u32 kCpusMax = 8192;

// Bytes between two objects that different CPUs write.
inline constexpr u32 kCacheLine = 64;

// "0-3,8" -> {0, 1, 2, 3, 8}. EINVAL: not such a list, or a number past kCpusMax.
Result<std::vector<u32>> parse_cpu_list(std::string_view text);

// Slots of a per-CPU value. Never 0.
u32 possible_cpu_count();

// The CPU the calling thread runs on just now, below possible_cpu_count(); for threads that hold no BPF CPU.
u32 current_cpu() noexcept;

}  // namespace base
