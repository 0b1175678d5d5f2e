// SPDX-License-Identifier: Apache-2.0
// head.h — filling in a map's struct bpf_map, and the runtime operations of types that lack one.
//
// Shape     a type names the operations that it has; complete() puts Linux's answer in the place of the
//           others.
// Source    a helper on a map type that has no such operation is refused by the verifier; these are the second line.
#pragma once

#include <cerrno>

#include "bpf/abi/host/bpf_map.h"
#include "bpf/registry/map_ops.h"

namespace maps {

constexpr bpf_map_runtime complete(bpf_map_runtime parts) {
  if (parts.lookup == nullptr)
    parts.lookup = [](bpf_env*, bpf_map*, bpf_map_shape, const void*) -> void* { return nullptr; };
  if (parts.update == nullptr)
    parts.update = [](bpf_env*, bpf_map*, bpf_map_shape, const void*, const void*, uint64_t) -> int64_t {
      return -EOPNOTSUPP;
    };
  if (parts.erase == nullptr)
    parts.erase = [](bpf_env*, bpf_map*, bpf_map_shape, const void*) -> int64_t { return -EINVAL; };
  if (parts.redirect == nullptr)
    parts.redirect = [](bpf_env*, bpf_map*, bpf_map_shape, uint64_t, uint64_t) -> int64_t { return -EOPNOTSUPP; };
  if (parts.lookup_percpu == nullptr)
    parts.lookup_percpu = [](bpf_env*, bpf_map*, bpf_map_shape, const void*, uint32_t) -> void* { return nullptr; };
  if (parts.push == nullptr)
    parts.push = [](bpf_env*, bpf_map*, bpf_map_shape, const void*, uint64_t) -> int64_t { return -EOPNOTSUPP; };
  if (parts.pop == nullptr)
    parts.pop = [](bpf_env*, bpf_map*, bpf_map_shape, void*) -> int64_t { return -EOPNOTSUPP; };
  if (parts.peek == nullptr) parts.peek = parts.pop;
  if (parts.each == nullptr)
    parts.each = [](bpf_env*, bpf_map*, bpf_map_shape, const bpf_callback*, uint64_t, uint64_t) -> int64_t {
      return -EINVAL;
    };
  if (parts.count == nullptr) parts.count = [](const bpf_map*) -> uint64_t { return 0; };
  return parts;
}

// A type's operations where values have fields: updates go around them.
constexpr bpf_map_runtime with_update(bpf_map_runtime parts, decltype(bpf_map_runtime::update) update) {
  parts.update = update;
  return parts;
}

// The id is the control plane's to give, when the map gets one.
void fill_head(bpf_map& head, const bpf::MapSpec& spec, const bpf_map_runtime* runtime);

}  // namespace maps
