// SPDX-License-Identifier: Apache-2.0
// flags.h — flag words of bpf(2) commands and helpers, as of Linux 6.18.
#pragma once

#include <cstdint>

namespace bpf {

// element update
enum : std::uint64_t { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2, BPF_F_LOCK = 4 };

// map creation
enum : std::uint32_t {
  BPF_F_NO_PREALLOC = 1U << 0, BPF_F_NO_COMMON_LRU = 1U << 1, BPF_F_NUMA_NODE = 1U << 2, BPF_F_RDONLY = 1U << 3,
  BPF_F_WRONLY = 1U << 4, BPF_F_STACK_BUILD_ID = 1U << 5, BPF_F_ZERO_SEED = 1U << 6, BPF_F_RDONLY_PROG = 1U << 7,
  BPF_F_WRONLY_PROG = 1U << 8, BPF_F_CLONE = 1U << 9, BPF_F_MMAPABLE = 1U << 10, BPF_F_PRESERVE_ELEMS = 1U << 11,
  BPF_F_INNER_MAP = 1U << 12, BPF_F_LINK = 1U << 13, BPF_F_PATH_FD = 1U << 14, BPF_F_VTYPE_BTF_OBJ_FD = 1U << 15,
  BPF_F_TOKEN_FD = 1U << 16, BPF_F_SEGV_ON_FAULT = 1U << 17, BPF_F_NO_USER_CONV = 1U << 18,
};

// PROG_ATTACH, LINK_UPDATE (replace) and PROG_QUERY; BPF_F_LINK above as well
enum : std::uint32_t {
  BPF_F_ALLOW_OVERRIDE = 1U << 0, BPF_F_ALLOW_MULTI = 1U << 1, BPF_F_REPLACE = 1U << 2, BPF_F_BEFORE = 1U << 3,
  BPF_F_AFTER = 1U << 4, BPF_F_ID = 1U << 5, BPF_F_PREORDER = 1U << 6,
};
enum : std::uint32_t { BPF_F_QUERY_EFFECTIVE = 1U << 0 };

// stack traces
enum : std::uint64_t { BPF_F_FAST_STACK_CMP = 1U << 9, BPF_F_REUSE_STACKID = 1U << 10 };

// perf_event_output and its like
enum : std::uint64_t {
  BPF_F_INDEX_MASK = 0xffffffffU, BPF_F_CURRENT_CPU = BPF_F_INDEX_MASK,
  BPF_F_CTXLEN_MASK = std::uint64_t{0xfffff} << 32,
};

// ring buffers
enum : std::uint64_t { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum : std::uint32_t { BPF_RINGBUF_BUSY_BIT = 1U << 31, BPF_RINGBUF_DISCARD_BIT = 1U << 30, BPF_RINGBUF_HDR_SZ = 8 };

// program load
enum : std::uint32_t {
  BPF_F_STRICT_ALIGNMENT = 1U << 0, BPF_F_ANY_ALIGNMENT = 1U << 1, BPF_F_TEST_RND_HI32 = 1U << 2,
  BPF_F_TEST_STATE_FREQ = 1U << 3, BPF_F_SLEEPABLE = 1U << 4, BPF_F_XDP_HAS_FRAGS = 1U << 5,
  BPF_F_XDP_DEV_BOUND_ONLY = 1U << 6, BPF_F_TEST_REG_INVARIANTS = 1U << 7,
};

// verifier log level
enum : std::uint32_t { BPF_LOG_LEVEL1 = 1, BPF_LOG_LEVEL2 = 2, BPF_LOG_STATS = 4, BPF_LOG_FIXED = 8 };

// redirect
enum : std::uint64_t { BPF_F_INGRESS = 1, BPF_F_BROADCAST = 1U << 3, BPF_F_EXCLUDE_INGRESS = 1U << 4 };

// XDP attach (rtnetlink and link_create)
enum : std::uint32_t {
  XDP_FLAGS_UPDATE_IF_NOEXIST = 1U << 0, XDP_FLAGS_SKB_MODE = 1U << 1, XDP_FLAGS_DRV_MODE = 1U << 2,
  XDP_FLAGS_HW_MODE = 1U << 3, XDP_FLAGS_REPLACE = 1U << 4,
};

// test_run
enum : std::uint32_t {
  BPF_F_TEST_RUN_ON_CPU = 1U << 0, BPF_F_TEST_XDP_LIVE_FRAMES = 1U << 1, BPF_F_TEST_SKB_CHECKSUM_COMPLETE = 1U << 2,
};

}  // namespace bpf
