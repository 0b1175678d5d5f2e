// SPDX-License-Identifier: Apache-2.0
// af_xdp_port.cc — queues of an interface that the kernel keeps, taken from it by an XDP program: DPDK's net_af_xdp.
//
// Shape     the memory of the mempool is the memory that the kernel writes frames to. 2,048 of its buffers per queue
//           lie in the kernel's fill ring as long as the port is open.
// Closing   the driver forgets the buffers that the kernel still has. They are told from all others: received frames
//           are longer than nothing, buffers for the kernel are empty; a callback marks frames on their way out.
//           REQUIRES: no lcore uses the mempool at that time.
// Source    https://doc.dpdk.org/guides-22.11/nics/af_xdp.html; Documentation/networking/af_xdp
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>
#include <unordered_set>
#include <vector>

#include "drivers/eth_port.h"
#include "drivers/host_interface.h"

namespace drivers {
namespace {

constexpr u16 kQueuesMax = 16;
constexpr u16 kDescriptors = 2048;       // the driver's fill ring, whatever is asked for
constexpr u32 kChunkBytesMax = 4096;     // a frame of user memory is at most a page for the kernel
constexpr u16 kInTransmitRing = 0xfffe;  // of mbuf::port
constexpr auto kCompletionTime = std::chrono::milliseconds(100);
constexpr auto kReleaseTime = std::chrono::milliseconds(1000);
constexpr auto kReleasePoll = std::chrono::milliseconds(20);

base::Status check_access() {
  const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return device_error(errno, "an XDP socket, which takes CAP_NET_RAW (and CAP_BPF, CAP_NET_ADMIN for its program)");
  close(fd);
  // The kernel counts the memory of the pool as locked. What cannot be raised here fails below in words.
  const rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);
  return base::success();
}

base::Status check_pool(const Mempool& pool) {
  const rte_mempool* raw = pool.raw();
  const u32 chunk = raw->header_size + raw->elt_size + raw->trailer_size;
  if (chunk > kChunkBytesMax)
    return base::Error(EINVAL, "a buffer of mempool " + pool.spec().name + " takes " + std::to_string(chunk) +
                                   " bytes, the kernel takes at most a page: lower data-room by " +
                                   std::to_string(chunk - kChunkBytesMax));
  // The driver takes the pool for one array that begins with its first piece of memory.
  const rte_mempool_memhdr* piece = STAILQ_FIRST(&raw->mem_list);
  if (raw->nb_mem_chunks != 1 || piece->len > u64(raw->populated_size + 1) * chunk + RTE_MEMPOOL_ALIGN)
    return base::Error(EINVAL, "the buffers of mempool " + pool.spec().name +
                                   " do not stand one after another, which the kernel wants: set eal.iova to va");
  return base::success();
}

// The XDP sockets of this process, by descriptor, with their inode numbers.
std::map<int, ino_t> xdp_sockets() {
  std::map<int, ino_t> sockets;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
    const int fd = std::atoi(entry.path().filename().c_str());
    int domain = 0;
    socklen_t size = sizeof domain;
    struct stat status = {};
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_XDP && fstat(fd, &status) == 0)
      sockets[fd] = status.st_ino;
  }
  return sockets;
}

// The driver and its library leave the socket of a closed queue open, and with it the queue taken (libxdp 1.3.1).
class DriverSockets {
 public:
  DriverSockets() : before_(xdp_sockets()) {}
  DriverSockets(DriverSockets&& other) noexcept
      : before_(std::exchange(other.before_, std::nullopt)), own_(std::move(other.own_)) {}
  DriverSockets& operator=(DriverSockets&&) = delete;
  ~DriverSockets() {
    if (!before_) return;
    if (!noted_) note();
    const auto now = xdp_sockets();
    for (const auto& [fd, inode] : own_)
      if (const auto still = now.find(fd); still != now.end() && still->second == inode) close(fd);
  }
  // What was opened since the beginning is the driver's.
  void note() {
    noted_ = true;
    for (const auto& [fd, inode] : xdp_sockets())
      if (const auto old = before_->find(fd); old == before_->end() || old->second != inode) own_[fd] = inode;
  }

 private:
  std::optional<std::map<int, ino_t>> before_;
  std::map<int, ino_t> own_;
  bool noted_ = false;
};

// Gives back what the kernel had when the port was closed.
class KernelBuffers {
 public:
  explicit KernelBuffers(rte_mempool* pool) : pool_(pool) {}
  KernelBuffers(KernelBuffers&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)) {}
  KernelBuffers& operator=(KernelBuffers&&) = delete;
  ~KernelBuffers() {
    if (pool_) reclaim();
  }

 private:
  void reclaim() {
    u32 lcore = 0;
    RTE_LCORE_FOREACH(lcore) {
      if (rte_mempool_cache* cache = rte_mempool_default_cache(pool_, lcore)) rte_mempool_cache_flush(cache, pool_);
    }
    std::vector<void*> inside;
    std::unordered_set<const void*> known;
    for (void* buffer = nullptr; rte_mempool_generic_get(pool_, &buffer, 1, nullptr) == 0;) {
      inside.push_back(buffer);
      known.insert(buffer);
    }
    Search search = {known, inside};
    rte_mempool_obj_iter(pool_, note_lost, &search);
    for (void* buffer : inside) rte_mempool_generic_put(pool_, &buffer, 1, nullptr);
  }

  struct Search {
    const std::unordered_set<const void*>& known;
    std::vector<void*>& inside;
  };
  static void note_lost(rte_mempool*, void* search_arg, void* buffer, unsigned) {
    Search& search = *static_cast<Search*>(search_arg);
    rte_mbuf* mbuf = static_cast<rte_mbuf*>(buffer);
    const bool lost = (mbuf->pkt_len == 0 && mbuf->data_len == 0) || mbuf->port == kInTransmitRing;
    if (!lost || search.known.contains(buffer)) return;
    mbuf->next = nullptr;
    mbuf->nb_segs = 1;
    rte_mbuf_refcnt_set(mbuf, 1);
    search.inside.push_back(buffer);
  }

  rte_mempool* pool_;
};

struct Holder {
  KernelBuffers buffers;
  DriverSockets sockets;
  BorrowedInterface interface;
};

u16 mark_sent(u16, u16, rte_mbuf** frames, u16 count, void*) {
  for (u16 i = 0; i < count; ++i) frames[i]->port = kInTransmitRing;
  return count;
}

// The holder is a base that comes first: it gives back after the device is gone.
class AfXdpPort final : private Holder, public EthPort {
 public:
  AfXdpPort(PortSpec spec, Mempool& pool, EthDevice device, QueuePlan plan, BorrowedInterface interface)
      : Holder{KernelBuffers(pool.raw()), {}, std::move(interface)},
        EthPort(std::move(spec), pool, std::move(device), plan) {}
  // Callbacks belong to the number of the device, which the next one gets.
  ~AfXdpPort() override {
    AfXdpPort::stop();
    for (u16 queue = 0; queue < callbacks_.size(); ++queue) {
      rte_eth_remove_tx_callback(id(), queue, callbacks_[queue]);
      rte_free(const_cast<rte_eth_rxtx_callback*>(callbacks_[queue]));
    }
  }

  base::Status configure() override {
    SLUICE_CHECK(EthPort::configure());
    for (u16 queue = 0; queue < tx_queue_count(); ++queue) {
      const rte_eth_rxtx_callback* callback = rte_eth_add_tx_callback(id(), queue, mark_sent, nullptr);
      if (!callback) return base::Error(ENOMEM, "no callback on transmit queue " + std::to_string(queue));
      callbacks_.push_back(callback);
    }
    sockets.note();
    return base::success();
  }

  // An empty burst takes in what the kernel has sent; until no more comes.
  void stop() override {
    if (!started()) return;
    const auto end = std::chrono::steady_clock::now() + kCompletionTime;
    for (u32 before = 0, now = mempool().available(); before != now && std::chrono::steady_clock::now() < end;) {
      for (u16 queue = 0; queue < tx_queue_count(); ++queue) rte_eth_tx_burst(id(), queue, nullptr, 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      before = std::exchange(now, mempool().available());
    }
    EthPort::stop();
  }

  bool has_rss() const noexcept override { return rx_queue_count() > 1; }
  bool link_up() const override { return started() && interface.is_running(); }

 private:
  std::vector<const rte_eth_rxtx_callback*> callbacks_;
};

base::Result<std::unique_ptr<Port>> open_on(const PortSpec& spec, Mempool& pool, BorrowedInterface interface) {
  const auto& options = std::get<AfXdpOptions>(spec.options);
  const std::string args = "iface=" + options.interface +
                           ",start_queue=0,queue_count=" + std::to_string(spec.rx_queues) +
                           (options.zero_copy ? "" : ",force_copy=1");
  SLUICE_TRY(EthDevice device, EthDevice::probe("net_af_xdp_" + spec.name, args));
  const QueuePlan plan = {.rx_queues = spec.rx_queues,
                          .tx_queues = spec.rx_queues,
                          .rx_descriptors = kDescriptors,
                          .tx_descriptors = kDescriptors,
                          .set_mac = false};
  return finish_open(std::make_unique<AfXdpPort>(spec, pool, std::move(device), plan, std::move(interface)));
}

}  // namespace

base::Status check_af_xdp_port(const PortSpec& spec) {
  const auto* options = std::get_if<AfXdpOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind af_xdp");
  SLUICE_CHECK(check_interface_name(options->interface));
  if (spec.mac) return base::Error(EINVAL, "kind af_xdp has the address of its interface, no other");
  return check_paired_queues(spec, kQueuesMax);
}

base::Result<std::unique_ptr<Port>> open_af_xdp_port(const PortSpec& spec, Mempool& pool, u16) {
  const auto& options = std::get<AfXdpOptions>(spec.options);
  SLUICE_CHECK(check_access());
  SLUICE_CHECK(check_pool(pool));
  // The kernel lets go of a queue a little after its socket is closed: whoever opens it again soon is told EBUSY.
  const auto end = std::chrono::steady_clock::now() + kReleaseTime;
  for (;;) {
    SLUICE_TRY(BorrowedInterface interface, BorrowedInterface::borrow(options.interface, spec.mtu));
    auto port = open_on(spec, pool, std::move(interface));
    if (port) return port;
    if (std::chrono::steady_clock::now() > end)
      return base::Error(EBUSY,
                         "interface " + options.interface + ": no AF_XDP socket could be had for its first " +
                             std::to_string(spec.rx_queues) +
                             " queues: has it so many, does another program hold them, may this one load BPF? (" +
                             port.error().what() + ")");
    std::this_thread::sleep_for(kReleasePoll);
  }
}

}  // namespace drivers
