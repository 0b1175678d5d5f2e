// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstring>

#include "drivers/capture_file.h"

namespace drivers {
namespace {

using base::u16;

constexpr u32 kSnapshotBytes = 262144;
constexpr auto kWriterSleep = std::chrono::milliseconds(1);

// File headers, field by field as they lie in the file (host byte order; readers find out from the magic).
struct PcapHeader {
  u32 magic = 0xa1b23c4d;  // nanoseconds
  u16 version_major = 2;
  u16 version_minor = 4;
  u32 zone = 0;
  u32 accuracy = 0;
  u32 snapshot_bytes = kSnapshotBytes;
  u32 link_type = 1;
};
struct PcapRecord {
  u32 seconds;
  u32 nanoseconds;
  u32 captured_bytes;
  u32 frame_bytes;
};
struct SectionBlock {
  u32 type = 0x0a0d0d0a;
  u32 length = 28;
  u32 magic = 0x1a2b3c4d;
  u16 version_major = 1;
  u16 version_minor = 0;
  u32 section_bytes[2] = {0xffffffff, 0xffffffff};  // unknown
  u32 length_again = 28;
};
struct EnhancedPacketHead {
  u32 type = 6;
  u32 length = 0;
  u32 interface = 0;
  u32 time_high = 0;
  u32 time_low = 0;
  u32 captured_bytes = 0;
  u32 frame_bytes = 0;
};
static_assert(sizeof(PcapHeader) == 24 && sizeof(SectionBlock) == 28 && sizeof(EnhancedPacketHead) == 28);

u32 pad4(u32 bytes) {
  return (bytes + 3) & ~3u;
}

void append(std::string& to, const void* data, std::size_t size) {
  to.append(static_cast<const char*>(data), size);
}
void append_u16(std::string& to, u16 v) {
  append(to, &v, sizeof v);
}
void append_u32(std::string& to, u32 v) {
  append(to, &v, sizeof v);
}

// Interface block with the options if_name (2) and if_tsresol (9): nanoseconds.
std::string interface_block(const std::string& name) {
  std::string body;
  append_u16(body, 1);  // Ethernet
  append_u16(body, 0);
  append_u32(body, kSnapshotBytes);
  append_u16(body, 2);
  append_u16(body, u16(name.size()));
  body += name;
  body.resize(pad4(u32(body.size())), '\0');
  append_u16(body, 9);
  append_u16(body, 1);
  append_u32(body, 9);  // 10^-9; three bytes of padding
  append_u32(body, 0);  // end of options
  std::string block;
  append_u32(block, 1);
  append_u32(block, u32(body.size()) + 12);
  block += body;
  append_u32(block, u32(body.size()) + 12);
  return block;
}

std::string file_header(CaptureFormat format, const std::string& interface) {
  std::string header;
  if (format == CaptureFormat::pcap) {
    const PcapHeader pcap;
    append(header, &pcap, sizeof pcap);
    return header;
  }
  const SectionBlock section;
  append(header, &section, sizeof section);
  return header + interface_block(interface);
}

}  // namespace

base::Result<std::unique_ptr<CaptureWriter>> CaptureWriter::create(const std::string& path, CaptureFormat format,
                                                                   const std::string& interface) {
  std::FILE* file = std::fopen(path.c_str(), "wbe");
  if (!file) return base::Error(errno, path + ": " + std::strerror(errno));
  std::unique_ptr<CaptureWriter> writer(new CaptureWriter(file, format));
  const std::string header = file_header(format, interface);
  writer->write_bytes(header.data(), header.size());
  writer->thread_ = std::thread([w = writer.get()] { w->run(); });
  return writer;
}

CaptureWriter::~CaptureWriter() {
  stop_.store(true, std::memory_order_release);
  if (thread_.joinable()) thread_.join();
  std::fclose(file_);
}

bool CaptureWriter::try_append(u64 time_ns, const void* const* parts, const u32* part_bytes, u32 part_count) noexcept {
  Record record = {.time_ns = time_ns, .bytes = 0, .padding = 0};
  for (u32 i = 0; i < part_count; ++i) record.bytes += part_bytes[i];
  const u64 head = head_.load(std::memory_order_relaxed);
  const u64 room = kRingBytes - (head - tail_.load(std::memory_order_acquire));
  if (sizeof record + record.bytes > room) return false;
  put_ring(head, &record, sizeof record);
  u64 at = head + sizeof record;
  for (u32 i = 0; i < part_count; at += part_bytes[i++]) put_ring(at, parts[i], part_bytes[i]);
  head_.store(at, std::memory_order_release);
  return true;
}

base::Status CaptureWriter::flush() {
  const u64 target = head_.load(std::memory_order_acquire);
  while (written_.load(std::memory_order_acquire) < target) std::this_thread::sleep_for(kWriterSleep);
  if (const int code = error_.load())
    return base::Error(code, std::string("writing the capture: ") + std::strerror(code));
  return base::success();
}

void CaptureWriter::run() {
  for (;;) {
    const bool last = stop_.load(std::memory_order_acquire);
    if (drain()) {
      if (std::fflush(file_) != 0) error_.store(errno);
      written_.store(tail_.load(std::memory_order_relaxed), std::memory_order_release);
    } else if (last) {
      return;
    } else {
      std::this_thread::sleep_for(kWriterSleep);
    }
  }
}

bool CaptureWriter::drain() {
  const u64 head = head_.load(std::memory_order_acquire);
  u64 at = tail_.load(std::memory_order_relaxed);
  if (at == head) return false;
  while (at != head) {
    Record record;
    get_ring(at, &record, sizeof record);
    write_record(record, at + sizeof record);
    at += sizeof record + record.bytes;
    tail_.store(at, std::memory_order_release);
  }
  return true;
}

void CaptureWriter::write_record(const Record& record, u64 at) {
  if (format_ == CaptureFormat::pcap) {
    const PcapRecord head = {u32(record.time_ns / 1000000000), u32(record.time_ns % 1000000000), record.bytes,
                             record.bytes};
    write_bytes(&head, sizeof head);
    write_ring(at, record.bytes);
    return;
  }
  EnhancedPacketHead head;
  head.length = u32(sizeof head) + pad4(record.bytes) + 4;
  head.time_high = u32(record.time_ns >> 32);
  head.time_low = u32(record.time_ns);
  head.captured_bytes = head.frame_bytes = record.bytes;
  write_bytes(&head, sizeof head);
  write_ring(at, record.bytes);
  const u32 zero = 0;
  write_bytes(&zero, pad4(record.bytes) - record.bytes);
  write_bytes(&head.length, sizeof head.length);
}

void CaptureWriter::write_ring(u64 at, u32 bytes) {
  const u64 start = at % kRingBytes;
  const u64 first = std::min<u64>(bytes, kRingBytes - start);
  write_bytes(ring_.data() + start, first);
  write_bytes(ring_.data(), bytes - first);
}

// After the first error nothing is written any more: the file ends at a place that can be told.
void CaptureWriter::write_bytes(const void* data, std::size_t size) {
  if (size == 0 || error_.load(std::memory_order_relaxed)) return;
  if (std::fwrite(data, 1, size, file_) != size) error_.store(errno);
}

void CaptureWriter::put_ring(u64 at, const void* data, u32 bytes) noexcept {
  const u64 start = at % kRingBytes;
  const u64 first = std::min<u64>(bytes, kRingBytes - start);
  std::memcpy(ring_.data() + start, data, first);
  std::memcpy(ring_.data(), static_cast<const std::byte*>(data) + first, bytes - first);
}

void CaptureWriter::get_ring(u64 at, void* data, u32 bytes) const noexcept {
  const u64 start = at % kRingBytes;
  const u64 first = std::min<u64>(bytes, kRingBytes - start);
  std::memcpy(data, ring_.data() + start, first);
  std::memcpy(static_cast<std::byte*>(data) + first, ring_.data(), bytes - first);
}

}  // namespace drivers
