// SPDX-License-Identifier: Apache-2.0
#include "drivers/mempool.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
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

u32 element_bytes(const MempoolSpec& spec) {
  return u32(sizeof(rte_mbuf)) + kMbufPrivateBytes + spec.data_room;
}

// Where a device sees the addresses that we see, a buffer may lie across two pages: they stand one after another, also
// on small pages (else one to a page), and the whole pool is one piece.
unsigned pool_flags() {
  return rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
}

// 0 or a negative errno.
int fill(rte_mempool* pool, const MempoolSpec& spec) {
  if (const int rc = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr); rc != 0) return rc;
  rte_pktmbuf_pool_private sizes = {};
  sizes.mbuf_data_room_size = base::u16(spec.data_room);
  sizes.mbuf_priv_size = kMbufPrivateBytes;
  rte_pktmbuf_pool_init(pool, &sizes);
  if (const int rc = rte_mempool_populate_default(pool); rc < 0) return rc;
  rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
  return 0;
}

}  // namespace

u64 mempool_bytes(const MempoolSpec& spec) {
  rte_mempool_objsz sizes;
  return u64(spec.mbufs) * rte_mempool_calc_obj_size(element_bytes(spec), 0, &sizes);
}

base::Result<std::unique_ptr<Mempool>> Mempool::make(const MempoolSpec& spec) {
  SLUICE_CHECK(check(spec).in("mempool " + spec.name));
  rte_mempool* pool = rte_mempool_create_empty(spec.name.c_str(), spec.mbufs, element_bytes(spec), spec.cache,
                                               sizeof(rte_pktmbuf_pool_private),
                                               spec.socket < 0 ? SOCKET_ID_ANY : spec.socket, pool_flags());
  const int rc = pool ? fill(pool, spec) : -rte_errno;
  if (rc != 0) {
    rte_mempool_free(pool);
    return base::Error(-rc, "mempool " + spec.name + ": " + std::to_string(mempool_bytes(spec) >> 10) +
                                " KiB could not be had: " + rte_strerror(-rc));
  }
  return std::unique_ptr<Mempool>(new Mempool(spec, pool));
}

Mempool::~Mempool() {
  rte_mempool_free(pool_);
}

u32 Mempool::available() const noexcept {
  return rte_mempool_avail_count(pool_);
}

}  // namespace drivers
