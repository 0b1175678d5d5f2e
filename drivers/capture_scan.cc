// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "drivers/capture_file.h"

namespace drivers {
namespace {

constexpr u32 kPcapMicro = 0xa1b2c3d4;
constexpr u32 kPcapNano = 0xa1b23c4d;
constexpr u32 kBlockSection = 0x0a0d0d0a;
constexpr u32 kBlockInterface = 1;
constexpr u32 kBlockPacket = 2;  // obsolete, still read
constexpr u32 kBlockSimplePacket = 3;
constexpr u32 kBlockEnhancedPacket = 6;
constexpr u32 kByteOrderMagic = 0x1a2b3c4d;
constexpr u32 kLinkEthernet = 1;
constexpr u32 kFrameBytesMax = 262144;  // tcpdump's own bound of a snapshot
constexpr u32 kBlockBytesMax = 16u << 20;

class Scanner {
 public:
  explicit Scanner(const std::string& path) : path_(path), file_(path, std::ios::binary) {}

  base::Result<CaptureSummary> run() {
    std::error_code error;
    if (std::filesystem::is_directory(path_, error)) return fail(EISDIR, "is a directory");
    if (!file_) return fail(errno ? errno : ENOENT, std::strerror(errno ? errno : ENOENT));
    u32 magic = 0;
    if (!read(magic)) return fail(EINVAL, "is empty or shorter than a capture's first word");
    if (magic == kBlockSection) return scan_pcapng();
    swapped_ = magic == base::byte_swap(kPcapMicro) || magic == base::byte_swap(kPcapNano);
    const u32 host_magic = order(magic);
    if (host_magic != kPcapMicro && host_magic != kPcapNano) return fail(EINVAL, "is neither pcap nor pcapng");
    return scan_pcap();
  }

 private:
  base::Result<CaptureSummary> scan_pcap() {
    u32 header[5];  // versions, zone, accuracy, snapshot length, link type
    if (!read(header)) return fail(EINVAL, "ends inside its header");
    if ((order(header[4]) & 0xffff) != kLinkEthernet) return fail(EINVAL, "holds no Ethernet frames");
    u32 record[4];  // seconds, fraction, captured bytes, frame bytes
    while (read_start(record)) {
      const u32 bytes = order(record[2]);
      if (bytes > kFrameBytesMax) return corrupt("a record of " + std::to_string(bytes) + " bytes");
      if (!skip(bytes)) break;
      count(bytes);
    }
    return finish();
  }

  // type | length | body | length again. The byte order of a section's block is known only from the first word of its
  // body.
  base::Result<CaptureSummary> scan_pcapng() {
    u32 type = kBlockSection;
    do {
      u32 length = 0, first = 0;
      if (!read(length)) break;
      const bool section = type == kBlockSection;
      if (section) {
        if (!read(first)) break;
        swapped_ = first == base::byte_swap(kByteOrderMagic);
        if (order(first) != kByteOrderMagic) return corrupt("a section without byte order magic");
      }
      const u32 taken = section ? 12 : 8;
      length = order(length);
      if (length < taken + 4 || length % 4 || length > kBlockBytesMax)
        return corrupt("a block of " + std::to_string(length) + " bytes");
      body_.resize(length - taken);
      if (!read_bytes(body_.data(), body_.size())) break;
      if (!section) take_block(order(type));
      if (!ethernet_) return fail(EINVAL, "holds frames that are not Ethernet");
    } while (read_start(type));
    return finish();
  }

  void take_block(u32 type) {
    const u32 body_bytes = u32(body_.size()) - 4;
    if (type == kBlockInterface && body_bytes >= 8) {
      base::u16 link = 0;
      std::memcpy(&link, body_.data(), sizeof link);
      ethernet_ = ethernet_ && (swapped_ ? base::byte_swap(link) : link) == kLinkEthernet;
    } else if (type == kBlockSimplePacket && body_bytes >= 4) {
      count(std::min(word(0), body_bytes - 4));
    } else if ((type == kBlockEnhancedPacket || type == kBlockPacket) && body_bytes >= 20) {
      count(std::min(word(3), body_bytes - 20));
    }
  }

  u32 word(u32 index) const {
    u32 v = 0;
    std::memcpy(&v, body_.data() + 4 * std::size_t(index), sizeof v);
    return order(v);
  }

  template <class T>
  bool read(T& value) {
    return read_bytes(&value, sizeof value);
  }

  // The start of a record: a file may end before it, not inside it.
  template <class T>
  bool read_start(T& value) {
    const u64 before = offset_;
    const bool whole = read(value);
    if (offset_ == before) summary_.truncated = false;
    return whole;
  }

  bool read_bytes(void* to, std::size_t size) {
    file_.read(static_cast<char*>(to), std::streamsize(size));
    return advance(u64(file_.gcount()), size);
  }

  bool skip(u64 size) {
    file_.ignore(std::streamsize(size));
    return advance(u64(file_.gcount()), size);
  }

  bool advance(u64 got, u64 wanted) {
    offset_ += got;
    if (got != wanted) summary_.truncated = true;
    return got == wanted;
  }

  void count(u32 bytes) {
    ++summary_.packets;
    summary_.longest = std::max(summary_.longest, bytes);
  }

  u32 order(u32 v) const { return swapped_ ? base::byte_swap(v) : v; }
  base::Result<CaptureSummary> finish() { return summary_; }
  base::Error fail(int code, const std::string& what) const { return base::Error(code, path_ + ": " + what); }
  base::Error corrupt(const std::string& what) const {
    return fail(EINVAL, "is damaged: " + what + " before byte " + std::to_string(offset_));
  }

  std::string path_;
  std::ifstream file_;
  u64 offset_ = 0;
  bool swapped_ = false;
  bool ethernet_ = true;
  std::vector<std::byte> body_;
  CaptureSummary summary_;
};

}  // namespace

base::Result<CaptureSummary> scan_capture(const std::string& path) {
  return Scanner(path).run();
}

}  // namespace drivers
