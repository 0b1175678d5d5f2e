// SPDX-License-Identifier: Apache-2.0
// loader_limits.h — what the loader process may take, and where its socket is.
//
// Threads   constants.
#pragma once

#include "base/types.h"

namespace bpf::load {

inline constexpr int kLoaderSocket = 3;
// libbpf copies an object a few times; BTF ends at 16 MiB
inline constexpr base::u64 kLoaderMemoryBytesMax = base::u64{2} << 30;
inline constexpr base::u32 kLoaderCpuSecondsMax = 60;        // real objects take less than one
inline constexpr base::u32 kObjectBytesMax = 64U << 20;      // real ones stay below 4 MiB
inline constexpr int kLoaderSilenceMsMax = 60'000;           // between two messages

}  // namespace bpf::load
