// SPDX-License-Identifier: Apache-2.0
// socket_maps.cc — BPF_MAP_TYPE_SOCKMAP, SOCKHASH and REUSEPORT_SOCKARRAY: endpoints by index or by key.
//
// Shape     an entry is the endpoint's id; a look-up from bpf(2) shows it as the socket's cookie.
// Errors    look-up: ENOSPC where value_size has no room for a cookie, ENOENT empty. update of SOCKMAP and SOCKHASH:
//           what is wrong with the socket, then EINVAL flags, E2BIG, EEXIST, ENOENT; of REUSEPORT_SOCKARRAY flags and
//           index first. delete: SOCKMAP EINVAL, SOCKHASH ENOENT, REUSEPORT_SOCKARRAY E2BIG index, ENOENT empty.
// Source    bpf(2), the running kernel.
#include <cstring>

#include "maps/head.h"
#include "maps/id_array.h"
#include "maps/id_hash.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({});

constexpr MapRules kSockmapRules = [] {
  MapRules rules = kIdArrayRules;
  rules.value_size_max = 8;
  return rules;
}();

constexpr MapRules kSockhashRules = [] {
  MapRules rules = kSockmapRules;
  rules.key_size_min = 1;
  rules.key_size_max = ~u32{0};
  return rules;
}();
constexpr u32 kKeyBytesMax = 512;  // a program's stack
// The kernel sizes elements and buckets with 32 bits: past these numbers they do not fit.
constexpr u64 kSockhashEntriesMax = u64{1} << 31;

constexpr MapRules kReuseportRules = [] {
  MapRules rules = kSockmapRules;
  rules.flags |= bpf::BPF_F_RDONLY_PROG | bpf::BPF_F_WRONLY_PROG;
  return rules;
}();

constexpr const char* kMeaning = "a descriptor, or room for a cookie";

int show_cookie(u64 id, Bytes value) {
  if (value.size() != sizeof id) return -ENOSPC;
  if (id == 0) return -ENOENT;
  std::memcpy(value.data(), &id, sizeof id);
  return 0;
}

class SockMap final : public IdArray {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::socket;

  explicit SockMap(const bpf::MapSpec& spec) : IdArray(spec, &kRuntime) {}
  using IdArray::init;
  static base::Status check(const bpf::MapSpec& spec) {
    SLUICE_CHECK(check_spec(spec, kSockmapRules));
    return check_value_4_or_8(spec, kMeaning);
  }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) { return make_id_array<SockMap>(spec); }

  int lookup(ConstBytes key, Bytes value) {
    return show_cookie(index_of(key) == ~0U ? 0 : id_at(index_of(key)), value);
  }
  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (object.error != 0) return -object.error;
    if (flags > bpf::BPF_EXIST) return -EINVAL;
    if (index_of(key) == ~0U) return -E2BIG;
    return put_object(index_of(key), std::move(object), flags);
  }
  int erase(ConstBytes key) {
    if (index_of(key) == ~0U) return -EINVAL;
    return put(index_of(key), 0, nullptr) ? 0 : -EINVAL;
  }
};

class ReuseportSockarray final : public IdArray {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::socket;

  explicit ReuseportSockarray(const bpf::MapSpec& spec) : IdArray(spec, &kRuntime) {}
  using IdArray::init;
  static base::Status check(const bpf::MapSpec& spec) {
    SLUICE_CHECK(check_spec(spec, kReuseportRules));
    return check_value_4_or_8(spec, kMeaning);
  }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    return make_id_array<ReuseportSockarray>(spec);
  }

  int lookup(ConstBytes key, Bytes value) {
    return show_cookie(index_of(key) == ~0U ? 0 : id_at(index_of(key)), value);
  }
  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (flags > bpf::BPF_EXIST) return -EINVAL;
    if (index_of(key) == ~0U) return -E2BIG;
    return put_object(index_of(key), std::move(object), flags);
  }
  int erase(ConstBytes key) {
    if (index_of(key) == ~0U) return -E2BIG;
    return put(index_of(key), 0, nullptr) ? 0 : -ENOENT;
  }
};

class SockHash final : public IdHashMap {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::socket;

  explicit SockHash(const bpf::MapSpec& spec) : IdHashMap(spec) { fill_head(hash_.ids.map, spec, &kRuntime); }
  static base::Status check(const bpf::MapSpec& spec) {
    SLUICE_CHECK(check_spec(spec, kSockhashRules));
    SLUICE_CHECK(check_value_4_or_8(spec, kMeaning));
    const std::string where = "map '" + spec.name + "': ";
    if (spec.key_size > kKeyBytesMax)
      return base::Error(E2BIG, where + "key_size is " + std::to_string(spec.key_size) + ", 512 at most");
    if (spec.max_entries >= kSockhashEntriesMax) return base::Error(EINVAL, where + "max_entries is 2^31 or more");
    return base::success();
  }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) { return make_id_hash<SockHash>(spec); }

  int lookup(ConstBytes key, Bytes value) { return show_cookie(hash_.find(key), value); }
  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (object.error != 0) return -object.error;
    if (flags > bpf::BPF_EXIST || object.id == 0) return -EINVAL;
    return hash_.update(key, std::move(object), flags);
  }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::sockmap_map_ops = maps::map_ops<maps::SockMap>();
constinit const bpf::MapOps bpf::sockhash_map_ops = maps::map_ops<maps::SockHash>();
constinit const bpf::MapOps bpf::reuseport_sockarray_map_ops = maps::map_ops<maps::ReuseportSockarray>();
