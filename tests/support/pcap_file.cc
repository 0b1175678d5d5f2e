// SPDX-License-Identifier: Apache-2.0
#include "tests/support/pcap_file.h"

#include <cstring>
#include <fstream>
#include <iterator>

#include "base/types.h"

namespace support {
namespace {

using base::u32;

struct FileHeader {
  u32 magic, version, zone, accuracy, snap_bytes, link_type;
};
struct PacketHeader {
  u32 seconds, fraction, kept_bytes, wire_bytes;
};
constexpr u32 kMicroseconds = 0xa1b2c3d4, kNanoseconds = 0xa1b23c4d, kEthernet = 1;

}  // namespace

base::Result<std::vector<std::vector<std::byte>>> read_pcap(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(in)), {});
  FileHeader head{};
  if (file.size() < sizeof head) return base::Error(EINVAL, path + ": no capture file");
  std::memcpy(&head, file.data(), sizeof head);
  if ((head.magic != kMicroseconds && head.magic != kNanoseconds) || head.link_type != kEthernet)
    return base::Error(EINVAL, path + ": not a capture of Ethernet frames in this byte order");
  std::vector<std::vector<std::byte>> packets;
  for (std::size_t at = sizeof head; at < file.size();) {
    PacketHeader packet{};
    if (file.size() - at < sizeof packet) return base::Error(EINVAL, path + ": cut off in a packet header");
    std::memcpy(&packet, file.data() + at, sizeof packet);
    at += sizeof packet;
    if (file.size() - at < packet.kept_bytes) return base::Error(EINVAL, path + ": cut off in a packet");
    const auto* bytes = reinterpret_cast<const std::byte*>(file.data()) + at;
    packets.emplace_back(bytes, bytes + packet.kept_bytes);
    at += packet.kept_bytes;
  }
  return packets;
}

}  // namespace support
