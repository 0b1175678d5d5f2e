// SPDX-License-Identifier: Apache-2.0
// mempool.h — packet buffers. Every buffer has 256 bytes of headroom before the frame, as Linux gives XDP programs.
//
// Shape     mbuf | private area | buffer. Drivers place a frame 128 bytes into the buffer (RTE_PKTMBUF_HEADROOM); the
//           last 128 bytes of the private area are the other half of the headroom. A frame that ends up in there is
//           moved up before it is sent.
// Threads   make and destruction: control thread. Buffers: any lcore.
// Lifetime  outlives the ports that were opened on it.
// Errors    EINVAL; ENOMEM with the bytes that were asked for.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/types.h"

struct rte_mempool;

namespace drivers {

using base::u16;
using base::u32;
using base::u64;

inline constexpr u32 kXdpHeadroom = 256;
inline constexpr u32 kMbufHeadroom = 128;                             // RTE_PKTMBUF_HEADROOM as DPDK was built
inline constexpr u32 kHiddenHeadroom = kXdpHeadroom - kMbufHeadroom;  // in the private area
inline constexpr u32 kMbufPrivateBytes = 128 + kHiddenHeadroom;       // 128: room for the socket buffer of later stages

struct MempoolSpec {
  std::string name = "pool0";
  int socket = -1;       // NUMA node, -1: any
  u32 mbufs = 8191;      // one less than a power of two wastes no memory
  u32 data_room = 2176;  // mbuf headroom + largest frame in one buffer
  u32 cache = 256;       // buffers kept per lcore
};

// What make() would take from the memory of the EAL.
u64 mempool_bytes(const MempoolSpec& spec);

class Mempool {
 public:
  static base::Result<std::unique_ptr<Mempool>> make(const MempoolSpec& spec);
  ~Mempool();
  Mempool(const Mempool&) = delete;
  Mempool& operator=(const Mempool&) = delete;

  const MempoolSpec& spec() const noexcept { return spec_; }
  rte_mempool* raw() const noexcept { return pool_; }
  u32 size() const noexcept { return spec_.mbufs; }
  u32 available() const noexcept;  // exact only while no lcore takes or gives

 private:
  Mempool(MempoolSpec spec, rte_mempool* pool) : spec_(std::move(spec)), pool_(pool) {}

  MempoolSpec spec_;
  rte_mempool* pool_;
};

}  // namespace drivers
