// SPDX-License-Identifier: Apache-2.0
// capture_file.h — pcap and pcapng files: judged before they are replayed, and written beside the packet path.
//
// Shape     scan_capture() walks a file once. CaptureWriter: a worker appends records to a bounded byte ring, a
//           thread of ours formats and writes them: the worker makes no system call.
// Threads   try_append: one worker. flush, destruction: control thread.
// Errors    scan: ENOENT, EISDIR, EINVAL with the offset where the file stops making sense. Writer: what open(2),
//           write(2) said.
// Source    draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
#pragma once

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace drivers {

using base::u32;
using base::u64;

struct CaptureSummary {
  u64 packets = 0;
  u32 longest = 0;         // captured bytes of the longest frame
  bool truncated = false;  // the file ends inside a record; what is before it counts
};
base::Result<CaptureSummary> scan_capture(const std::string& path);

enum class CaptureFormat { pcap, pcapng };

class CaptureWriter {
 public:
  static base::Result<std::unique_ptr<CaptureWriter>> create(const std::string& path, CaptureFormat format,
                                                             const std::string& interface);
  ~CaptureWriter();
  CaptureWriter(const CaptureWriter&) = delete;
  CaptureWriter& operator=(const CaptureWriter&) = delete;

  // False: no room now, try again. `parts` of a frame follow each other.
  bool try_append(u64 time_ns, const void* const* parts, const u32* part_bytes, u32 part_count) noexcept;

  // Waits until everything appended so far is in the file.
  base::Status flush();

 private:
  struct Record {
    u64 time_ns;
    u32 bytes;
    u32 padding;
  };
  // 4 MiB: 2 ms of 64-byte frames at 25 Mpps, more than the thread ever sleeps.
  static constexpr u64 kRingBytes = 4u << 20;

  CaptureWriter(std::FILE* file, CaptureFormat format) : file_(file), format_(format) {}
  void run();
  bool drain();
  void write_record(const Record& record, u64 at);
  void write_ring(u64 at, u32 bytes);
  void write_bytes(const void* data, std::size_t size);
  void put_ring(u64 at, const void* data, u32 bytes) noexcept;
  void get_ring(u64 at, void* data, u32 bytes) const noexcept;

  std::FILE* file_;
  CaptureFormat format_;
  std::vector<std::byte> ring_ = std::vector<std::byte>(kRingBytes);
  alignas(64) std::atomic<u64> head_{0};  // bytes appended
  alignas(64) std::atomic<u64> tail_{0};  // bytes taken
  std::atomic<u64> written_{0};           // bytes of the ring that are in the file
  std::atomic<int> error_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace drivers
