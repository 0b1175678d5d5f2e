// SPDX-License-Identifier: Apache-2.0
// object_cache.h — compiled objects on disk, by content: the same program, compiled by the same compiler, is read back.
//
// Shape     a folder with one file per object: `<key in hex>.obj` = header (magic, key, SHA-256 of the object, size) +
//           object. The key is the SHA-256 of everything compile() looks at: the lowered program, what the JIT knows
//           of its maps (constants of frozen ones included; ids and names are left out), the tier, and
//           jit::find_identity(). A program reaches the cache only after it has been verified and lowered anew: what
//           is saved is the compilation, never the verdict.
// Safety    an object is code that runs with our rights, so the folder must be a real folder of our own user that
//           nobody else can write to, and each file a plain file of ours with one name, unwritable for others. A file
//           whose bytes are not what its header says is deleted. Files appear whole: written aside, then renamed.
// Threads   any, and several processes at a time.
// Errors    open: a sentence why the folder cannot be used. find: a miss. store: nothing happens.
// Cost      find: one read and one SHA-256 (5 ns per byte). store: beyond `bytes_max` the files longest unused go.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "bpf/builder/builder.h"

namespace bpf::builder {

using CacheKey = std::array<u8, 32>;
CacheKey cache_key(const CompileRequest& request);

class ObjectCache {
 public:
  // Makes the folder (mode 0700) where there is none; its parent must exist.
  static base::Result<std::unique_ptr<ObjectCache>> open(const std::string& path, u64 bytes_max);

  std::optional<std::vector<std::byte>> find(const CacheKey& key);
  void store(const CacheKey& key, base::ConstBytes object);

  struct Stats {
    u64 hits = 0, misses = 0, stores = 0;
    u64 damaged = 0;  // files that were there and not what they should be; also misses
  };
  Stats stats() const;

 private:
  ObjectCache(base::UniqueFd folder, u64 bytes_max) : folder_(std::move(folder)), bytes_max_(bytes_max) {}
  void shrink();

  base::UniqueFd folder_;
  u64 bytes_max_;
  std::atomic<u64> hits_ = 0, misses_ = 0, stores_ = 0, damaged_ = 0;
};

}  // namespace bpf::builder
