// SPDX-License-Identifier: Apache-2.0
// memif_port.cc — shared-memory packet interface to another process: DPDK's net_memif.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "drivers/eth_port.h"

namespace drivers {
namespace {

constexpr u16 kQueuesMax = 255;
constexpr u16 kDescriptors = 1024;  // the driver's ring; it rounds to a power of two

// What stands at the path of a socket that we want to listen on.
enum class SocketState { absent, stale, alive, other };

SocketState probe_socket(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(path, error);
  if (!std::filesystem::exists(status)) return SocketState::absent;
  if (!std::filesystem::is_socket(status)) return SocketState::other;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int code = errno;
  close(fd);
  return connected || code != ECONNREFUSED ? SocketState::alive : SocketState::stale;
}

// Servers of this process share a socket (each its own id): the first one finds it clean, later ones find it alive.
base::Status clear_socket(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!parent.empty() && !std::filesystem::is_directory(parent, error))
    return base::Error(ENOENT, "socket " + path + ": there is no directory " + parent.string());
  switch (probe_socket(path)) {
    case SocketState::stale:
      if (unlink(path.c_str()) != 0) return device_error(errno, "socket " + path + ": stale, cannot be removed");
      return base::success();
    case SocketState::other:
      return base::Error(EEXIST, "socket " + path + ": something that is no socket is there");
    case SocketState::alive:
      return base::Error(EADDRINUSE, "socket " + path + ": another process listens there");
    case SocketState::absent:
      return base::success();
  }
  return base::success();
}

// Sockets that servers of this process listen on, with how many do.
class ServerSockets {
 public:
  base::Status add(const std::string& path) {
    if (counts_[path] == 0) SLUICE_CHECK(clear_socket(path));
    ++counts_[path];
    return base::success();
  }
  void remove(const std::string& path) {
    if (--counts_[path] != 0) return;
    counts_.erase(path);
    if (probe_socket(path) == SocketState::stale) unlink(path.c_str());
  }

 private:
  std::map<std::string, u32> counts_;
};

ServerSockets& server_sockets() {
  static ServerSockets sockets;
  return sockets;
}

// Holds a place among the servers of a socket; declared so that it is let go after the device is gone.
class ServerSocket {
 public:
  explicit ServerSocket(std::string path) : path_(std::move(path)) {}
  ServerSocket(ServerSocket&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ServerSocket& operator=(ServerSocket&&) = delete;
  ~ServerSocket() {
    if (!path_.empty()) server_sockets().remove(path_);
  }

 private:
  std::string path_;
};

struct SocketHolder {
  ServerSocket socket;
};

// The socket is a base that comes first: it is destroyed after the device.
class MemifPort final : private SocketHolder, public EthPort {
 public:
  MemifPort(PortSpec spec, Mempool& pool, EthDevice device, QueuePlan plan, ServerSocket socket)
      : SocketHolder{std::move(socket)}, EthPort(std::move(spec), pool, std::move(device), plan) {}

  bool copies_on_receive() const noexcept override { return !std::get<MemifOptions>(spec().options).zero_copy; }
};

std::string make_args(const PortSpec& spec, const MemifOptions& options) {
  u32 log2_ring = 0;
  while ((1u << log2_ring) < choose_descriptors(spec.rx_descriptors, kDescriptors)) ++log2_ring;
  std::string args = std::string("role=") + (options.role == MemifOptions::Role::server ? "server" : "client") +
                     ",id=" + std::to_string(options.id) + ",socket=" + options.socket +
                     ",socket-abstract=no,bsize=" + std::to_string(options.buffer_bytes) +
                     ",rsize=" + std::to_string(log2_ring);
  if (spec.mac) args += ",mac=" + format_mac(*spec.mac);
  if (!options.secret.empty()) args += ",secret=" + options.secret;
  if (options.zero_copy) args += ",zero-copy=yes";
  return args;
}

}  // namespace

base::Status check_memif_port(const PortSpec& spec) {
  const auto* options = std::get_if<MemifOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind memif");
  if (options->socket.empty() || options->socket.size() >= sizeof(sockaddr_un::sun_path) || options->socket[0] != '/')
    return base::Error(EINVAL, "socket must be an absolute path of at most 107 characters");
  if (options->socket.find(',') != std::string::npos || options->secret.find(',') != std::string::npos)
    return base::Error(EINVAL, "socket and secret cannot hold a comma");
  if (options->secret.size() > 24) return base::Error(EINVAL, "secret has more than 24 characters");
  if (options->zero_copy && options->role == MemifOptions::Role::server)
    return base::Error(EINVAL, "zero-copy is the client's choice, not the server's");
  if (options->buffer_bytes < spec.mtu + 18 || options->buffer_bytes > 65535)
    return base::Error(EINVAL,
                       "buffer-bytes " + std::to_string(options->buffer_bytes) + " is not in mtu + 18 to 65535");
  if (spec.rx_queues > kQueuesMax || spec.tx_queues > kQueuesMax)
    return base::Error(EINVAL, "kind memif has at most " + std::to_string(kQueuesMax) + " queues");
  const u16 descriptors = choose_descriptors(spec.rx_descriptors, kDescriptors);
  if (descriptors < 64 || descriptors > 16384 || (descriptors & (descriptors - 1)))
    return base::Error(EINVAL, "rxd " + std::to_string(descriptors) + " is not a power of two in 64 to 16384");
  return base::success();
}

// One transmit queue unless asked for more: the peer decides how many it reads, and frames on one it does not read
// would be lost.
base::Result<std::unique_ptr<Port>> open_memif_port(const PortSpec& spec, Mempool& pool, u16) {
  const auto& options = std::get<MemifOptions>(spec.options);
  const bool server = options.role == MemifOptions::Role::server;
  if (server) SLUICE_CHECK(server_sockets().add(options.socket));
  ServerSocket socket(server ? options.socket : "");
  SLUICE_TRY(EthDevice device, EthDevice::probe("net_memif_" + spec.name, make_args(spec, options)));
  const u16 descriptors = choose_descriptors(spec.rx_descriptors, kDescriptors);
  const QueuePlan plan = {.rx_queues = spec.rx_queues,
                          .tx_queues = choose_tx_queues(spec, 1, 1),
                          .rx_descriptors = descriptors,
                          .tx_descriptors = descriptors,
                          .set_mac = false};
  return finish_open(std::make_unique<MemifPort>(spec, pool, std::move(device), plan, std::move(socket)));
}

}  // namespace drivers
