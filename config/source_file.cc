// SPDX-License-Identifier: Apache-2.0
#include "config/source_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "config/text.h"

namespace config {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

std::string mebibytes(std::size_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

const char* kind_word(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

// Reads to the end, one byte further than `max` at most: a file may grow while it is read.
bool read_all(int fd, std::size_t max, std::string& text) {
  constexpr std::size_t kChunkBytes = 64 * 1024;
  while (text.size() <= max) {
    const std::size_t before = text.size();
    text.resize(before + kChunkBytes);
    const ssize_t got = ::read(fd, text.data() + before, kChunkBytes);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return true;
    if (got < 0 && errno != EINTR) return false;
  }
  return true;
}

std::string directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

std::optional<int> add_source(Diagnostics& diagnostics, std::string name, std::string text, std::string directory) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  const auto bad = find_non_text(text);
  if (!bad) return diagnostics.sources.add(std::move(name), std::move(text), std::move(directory));

  // Such a line is not shown, only its place.
  const std::string_view before = std::string_view(text).substr(0, *bad);
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  Mark mark;
  mark.line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  mark.column = column_of_offset(std::string_view(text).substr(line_start), *bad - line_start);
  mark.end_column = mark.column + 1;
  const std::string byte = printable(std::string_view(text).substr(*bad, 1));
  mark.file = diagnostics.sources.add(std::move(name), {}, std::move(directory));
  const bool control = static_cast<unsigned char>(text[*bad]) < 0x80;
  diagnostics.add(Code::kFileNotText, {}, mark,
                  control ? "not a text file: control character " + byte
                          : "not UTF-8 text: a character that cannot stand in a text file begins with byte " + byte);
  return std::nullopt;
}

std::optional<int> read_source(Diagnostics& diagnostics, const std::string& path, Budget& budget) {
  const auto fail = [&](Code code, std::string message) -> std::optional<int> {
    diagnostics.add(code, {}, Mark{.file = diagnostics.sources.add(path, {})}, std::move(message));
    return std::nullopt;
  };
  // Without O_NONBLOCK, opening a pipe that nobody writes to would wait forever.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info{};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) {
    return fail(Code::kFileUnreadable, std::string("cannot be read: ") + std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode))
    return fail(Code::kFileNotRegular, std::string("is ") + kind_word(info.st_mode) + ", not a file");

  std::string text;
  const std::size_t max = std::min(kFileBytesMax, budget.bytes);
  if (!read_all(fd.get(), max, text))
    return fail(Code::kFileUnreadable, std::string("cannot be read: ") + std::strerror(errno));
  if (text.size() > kFileBytesMax) return fail(Code::kFileTooLarge, "larger than " + mebibytes(kFileBytesMax));
  if (text.size() > max)
    return fail(Code::kFileTooLarge, "the files together are larger than " + mebibytes(kTotalBytesMax));
  budget.bytes -= text.size();
  return add_source(diagnostics, path, std::move(text), directory_of(path));
}

}  // namespace config
