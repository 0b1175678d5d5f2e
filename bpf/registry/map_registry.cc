// SPDX-License-Identifier: Apache-2.0
// Compiled into the maps library: whoever looks up map ops links the maps.
#include <string>

#include "bpf/registry/registry.h"

namespace bpf {
namespace {
constexpr auto kOps = [] {
  std::array<const MapOps*, __MAX_BPF_MAP_TYPE> t{};
#define BPF_MAP_TYPE(id, name) t[id] = &name##_map_ops;
#include "bpf/registry/types.def"
  return t;
}();
}  // namespace

base::Result<const MapOps*> find_map_ops(base::u32 type) {
  if (type == 0 || type >= kOps.size()) return base::Error(EINVAL, "unknown map type " + std::to_string(type));
  if (!kOps[type])
    return base::Error(EOPNOTSUPP,
                       "map type '" + std::string(kMapTypes[type].name) + "' is planned, not implemented yet");
  return kOps[type];
}

}  // namespace bpf
