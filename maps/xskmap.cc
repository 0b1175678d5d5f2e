// SPDX-License-Identifier: Apache-2.0
// xskmap.cc — BPF_MAP_TYPE_XSKMAP: queues of user-space consumers by index; a program redirects packets to them.
//
// Errors    look-up: EOPNOTSUPP. update: EINVAL flags, E2BIG index, then what is wrong with the socket, EEXIST, ENOENT.
//           delete: EINVAL index; an empty slot is no error.
// Source    bpf(2), the running kernel.
#include "maps/head.h"
#include "maps/id_array.h"
#include "maps/redirect_inline.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({.redirect = &maps_xskmap_redirect});

class XskMap final : public IdArray {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::xsk;
  static constexpr bpf::InnerRule kInner = bpf::InnerRule::alike_entries;
  static constexpr bpf::MapOps::Symbols kSymbols = {.redirect = "map_xskmap_redirect"};

  explicit XskMap(const bpf::MapSpec& spec) : IdArray(spec, &kRuntime) {}
  using IdArray::init;
  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kIdArrayRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) { return make_id_array<XskMap>(spec); }

  int lookup(ConstBytes, Bytes) { return -EOPNOTSUPP; }
  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (flags > bpf::BPF_EXIST) return -EINVAL;
    if (index_of(key) == ~0U) return -E2BIG;
    if (object.error == 0 && object.id != 0 && object.id == id_at(index_of(key)))
      return 0;  // it is there: BPF_NOEXIST too
    return put_object(index_of(key), std::move(object), flags);
  }
  int erase(ConstBytes key) { return clear(key); }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::xskmap_map_ops = maps::map_ops<maps::XskMap>();
