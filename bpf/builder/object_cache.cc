// SPDX-License-Identifier: Apache-2.0
#include "bpf/builder/object_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "base/sha256.h"
#include "bpf/builder/wire.h"
#include "bpf/jit/identity.h"

namespace bpf::builder {
namespace {

constexpr char kSuffix[] = ".obj";
constexpr char kAsidePrefix[] = ".new-";   // being written
constexpr time_t kAsideSecondsMax = 3600;  // then its writer is gone
constexpr u64 kObjectBytesMax = u64{256} << 20;

struct Header {
  char magic[8];
  CacheKey key;
  CacheKey digest;  // of the object
  u64 object_bytes;
};
static_assert(sizeof(Header) == 80);
constexpr char kMagic[8] = {'S', 'L', 'O', 'B', 'J', '0', '0', '1'};

std::string file_name(const CacheKey& key) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string name;
  for (const u8 b : key) name += {kDigits[b >> 4], kDigits[b & 15]};
  return name + kSuffix;
}

base::Error unusable(const std::string& path, const std::string& why) {
  return base::Error(EPERM, "object cache " + path + ": " + why);
}

bool is_ours_alone(const struct stat& s) {
  return s.st_uid == geteuid() && (s.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool read_all(int fd, void* to, size_t size) {
  auto* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= size_t(got);
  }
  return true;
}

bool write_all(int fd, const void* from, size_t size) {
  const auto* at = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t put = write(fd, at, size);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += put;
    size -= size_t(put);
  }
  return true;
}

// Opened, and still not what it should be: nullopt.
std::optional<std::vector<std::byte>> read_object(int fd, const CacheKey& key) {
  struct stat s{};
  // No name at all: another writer has put its own in the place since.
  if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_nlink > 1 || !is_ours_alone(s)) return std::nullopt;
  Header header;
  if (!read_all(fd, &header, sizeof header)) return std::nullopt;
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.key != key) return std::nullopt;
  if (header.object_bytes > kObjectBytesMax || u64(s.st_size) != sizeof header + header.object_bytes)
    return std::nullopt;
  std::vector<std::byte> object(header.object_bytes);
  if (!read_all(fd, object.data(), object.size()) || base::sha256(object) != header.digest) return std::nullopt;
  return object;
}

// Every name in the folder.
std::vector<std::string> list(int folder) {
  std::vector<std::string> names;
  const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* dir = fd < 0 ? nullptr : fdopendir(fd);
  if (!dir) {
    if (fd >= 0) close(fd);
    return names;
  }
  while (const dirent* entry = readdir(dir)) names.emplace_back(entry->d_name);
  closedir(dir);
  return names;
}

// What has been written aside by processes that died meanwhile.
void remove_leftovers(int folder) {
  const time_t now = time(nullptr);
  for (const std::string& name : list(folder)) {
    struct stat s{};
    if (!name.starts_with(kAsidePrefix) || fstatat(folder, name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (now - s.st_mtime > kAsideSecondsMax) unlinkat(folder, name.c_str(), 0);
  }
}

}  // namespace

CacheKey cache_key(const CompileRequest& request) {
  CompileRequest plain = request;
  plain.program.name.clear();
  for (MapFacts& map : plain.program.maps) {
    map.id = 0;
    map.name.clear();
    map.btf.clear();
    map.btf_key_type_id = map.btf_value_type_id = 0;
  }
  std::vector<std::byte> bytes = encode(plain);
  const auto identity = jit::find_identity();
  const std::string text = identity ? *identity : identity.error().what();
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  bytes.insert(bytes.end(), begin, begin + text.size());
  return base::sha256(bytes);
}

base::Result<std::unique_ptr<ObjectCache>> ObjectCache::open(const std::string& path, u64 bytes_max) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return unusable(path, std::strerror(errno));
  base::UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return unusable(path, errno == ELOOP || errno == ENOTDIR ? "no folder" : std::strerror(errno));
  struct stat s{};
  if (fstat(folder.get(), &s) != 0) return unusable(path, std::strerror(errno));
  if (s.st_uid != geteuid()) return unusable(path, "belongs to another user: what is in it is not trusted");
  if (!is_ours_alone(s)) return unusable(path, "others may write to it: what is in it is not trusted (chmod go-w)");
  remove_leftovers(folder.get());
  return std::unique_ptr<ObjectCache>(new ObjectCache(std::move(folder), bytes_max));
}

std::optional<std::vector<std::byte>> ObjectCache::find(const CacheKey& key) {
  const std::string name = file_name(key);
  const base::UniqueFd fd(openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  const bool exists = fd || errno == ELOOP;
  std::optional<std::vector<std::byte>> object;
  if (fd) object = read_object(fd.get(), key);
  if (object) {
    ++hits_;
    futimens(fd.get(), nullptr);  // used: shrink() goes by it
    return object;
  }
  ++misses_;
  if (exists) {
    ++damaged_;
    unlinkat(folder_.get(), name.c_str(), 0);
  }
  return std::nullopt;
}

void ObjectCache::store(const CacheKey& key, base::ConstBytes object) {
  if (object.size() > kObjectBytesMax) return;
  static std::atomic<u64> serial = 0;
  const std::string aside = kAsidePrefix + std::to_string(getpid()) + "-" + std::to_string(serial++);
  const base::UniqueFd fd(
      openat(folder_.get(), aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return;
  Header header{.magic = {}, .key = key, .digest = base::sha256(object), .object_bytes = object.size()};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  const bool written = write_all(fd.get(), &header, sizeof header) && write_all(fd.get(), object.data(), object.size());
  if (!written || renameat(folder_.get(), aside.c_str(), folder_.get(), file_name(key).c_str()) != 0) {
    unlinkat(folder_.get(), aside.c_str(), 0);
    return;
  }
  ++stores_;
  shrink();
}

void ObjectCache::shrink() {
  struct File {
    time_t used;
    u64 bytes;
    std::string name;
  };
  std::vector<File> files;
  u64 total = 0;
  for (std::string& name : list(folder_.get())) {
    struct stat s{};
    if (!name.ends_with(kSuffix) || fstatat(folder_.get(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) continue;
    total += u64(s.st_size);
    files.push_back({s.st_mtime, u64(s.st_size), std::move(name)});
  }
  if (total <= bytes_max_) return;
  std::ranges::sort(files, {}, &File::used);
  for (const File& f : files) {
    if (total <= bytes_max_) return;
    if (unlinkat(folder_.get(), f.name.c_str(), 0) == 0) total -= f.bytes;
  }
}

ObjectCache::Stats ObjectCache::stats() const {
  return {.hits = hits_, .misses = misses_, .stores = stores_, .damaged = damaged_};
}

}  // namespace bpf::builder
