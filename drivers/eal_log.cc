// SPDX-License-Identifier: Apache-2.0
#include "drivers/eal_log.h"

#include <rte_log.h>

#include <string_view>
#include <utility>

namespace drivers {
namespace {

constexpr std::size_t kLineBytesMax = 4096;

struct LogStream {
  std::function<void(base::u32, const std::string&)> line;
  std::string partial;
};

void hand_over(LogStream& stream) {
  const int level = rte_log_cur_msg_loglevel();  // of the message this thread is writing
  stream.line(level > 0 ? base::u32(level) : RTE_LOG_INFO, std::exchange(stream.partial, {}));
}

ssize_t write_log(void* cookie, const char* bytes, std::size_t size) {
  auto& stream = *static_cast<LogStream*>(cookie);
  for (const char c : std::string_view(bytes, size)) {
    if (c == '\n') {
      if (!stream.partial.empty()) hand_over(stream);
    } else if (stream.partial.size() < kLineBytesMax) {
      stream.partial += c;
    }
  }
  return ssize_t(size);
}

int close_log(void* cookie) {
  delete static_cast<LogStream*>(cookie);
  return 0;
}

}  // namespace

std::FILE* open_log_stream(std::function<void(base::u32, const std::string&)> line) {
  auto* stream = new LogStream{std::move(line), {}};
  std::FILE* file =
      fopencookie(stream, "w", {.read = nullptr, .write = write_log, .seek = nullptr, .close = close_log});
  if (!file) {
    delete stream;
    return nullptr;
  }
  setvbuf(file, nullptr, _IOLBF, kLineBytesMax);
  return file;
}

}  // namespace drivers
