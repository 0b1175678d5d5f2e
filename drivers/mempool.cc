// SPDX-License-Identifier: Apache-2.0
#include "drivers/mempool.h"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

namespace drivers {

static_assert(kMbufHeadroom == RTE_PKTMBUF_HEADROOM);
static_assert(kMbufPrivateBytes % RTE_MBUF_PRIV_ALIGN == 0);

namespace {

constexpr u32 kDataRoomMax = 65535;  // mbuf lengths have 16 bits
constexpr u32 kMbufsMax = 1u << 26;

base::Status check(const MempoolSpec& spec) {
  if (spec.name.empty() || spec.name.size() >= RTE_MEMPOOL_NAMESIZE - 4)
    return base::Error(EINVAL, "the name must have 1 to " + std::to_string(RTE_MEMPOOL_NAMESIZE - 5) + " characters");
  if (spec.mbufs == 0 || spec.mbufs > kMbufsMax)
    return base::Error(EINVAL, "mbufs must be 1 to " + std::to_string(kMbufsMax));
  if (spec.data_room <= kMbufHeadroom + 64 || spec.data_room > kDataRoomMax)
    return base::Error(EINVAL, "data-room must be above " + std::to_string(kMbufHeadroom + 64) + " and at most " +
                                   std::to_string(kDataRoomMax));
  if (spec.cache > RTE_MEMPOOL_CACHE_MAX_SIZE || u64(spec.cache) * 3 / 2 > spec.mbufs)
    return base::Error(EINVAL, "cache " + std::to_string(spec.cache) + " is above " +
                                   std::to_string(RTE_MEMPOOL_CACHE_MAX_SIZE) + " or above two thirds of mbufs");
  return base::success();
}

}  // namespace

u64 mempool_bytes(const MempoolSpec& spec) {
  rte_mempool_objsz sizes;
  const u32 element = u32(sizeof(rte_mbuf)) + kMbufPrivateBytes + spec.data_room;
  return u64(spec.mbufs) * rte_mempool_calc_obj_size(element, 0, &sizes);
}

base::Result<std::unique_ptr<Mempool>> Mempool::make(const MempoolSpec& spec) {
  SLUICE_CHECK(check(spec).in("mempool " + spec.name));
  rte_mempool* pool = rte_pktmbuf_pool_create(spec.name.c_str(), spec.mbufs, spec.cache, kMbufPrivateBytes,
                                              base::u16(spec.data_room), spec.socket < 0 ? SOCKET_ID_ANY : spec.socket);
  if (!pool)
    return base::Error(rte_errno, "mempool " + spec.name + ": " + std::to_string(mempool_bytes(spec) >> 10) +
                                      " KiB could not be had: " + rte_strerror(rte_errno));
  return std::unique_ptr<Mempool>(new Mempool(spec, pool));
}

Mempool::~Mempool() {
  rte_mempool_free(pool_);
}

u32 Mempool::available() const noexcept {
  return rte_mempool_avail_count(pool_);
}

}  // namespace drivers
