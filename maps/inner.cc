// SPDX-License-Identifier: Apache-2.0
#include "maps/inner.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bpf/abi/flags.h"
#include "bpf/registry/registry.h"
#include "maps/ops.h"

namespace maps {

base::Status check_template(const bpf::MapSpec& outer) {
  const std::string where = "map '" + outer.name + "'";
  if (!outer.inner) return base::Error(EINVAL, where + ": a map of maps needs an inner map to show its shape");
  SLUICE_TRY(const bpf::MapOps* ops, bpf::find_map_ops(outer.inner->type));
  switch (ops->inner) {
    case bpf::InnerRule::nested:
      return base::Error(EINVAL, where + ": a map of maps cannot hold maps of maps");
    case bpf::InnerRule::never:
      return base::Error(-kNotSupported, where + ": maps of the inner map's type cannot be held by a map");
    case bpf::InnerRule::alike:
    case bpf::InnerRule::alike_entries:
      break;
  }
  return base::success();
}

namespace {

bool same_fields(const bpf_value_fields* a, const bpf_value_fields* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return std::equal(a->at, a->at + a->count, b->at, b->at + b->count, [](const auto& x, const auto& y) {
    return x.offset == y.offset && x.size == y.size && x.kind == y.kind;
  });
}

}  // namespace

bool alike(const bpf::MapSpec& pattern, const bpf::MapSpec& candidate) {
  if (pattern.type != candidate.type || pattern.key_size != candidate.key_size ||
      pattern.value_size != candidate.value_size || pattern.map_flags != candidate.map_flags ||
      !same_fields(pattern.fields.get(), candidate.fields.get()))
    return false;
  const auto ops = bpf::find_map_ops(pattern.type);
  // An array's bounds are known to the program, unless it was made to be an inner map of any length.
  return !ops || (*ops)->inner != bpf::InnerRule::alike_entries || (pattern.map_flags & bpf::BPF_F_INNER_MAP) != 0 ||
         pattern.max_entries == candidate.max_entries;
}

int copy_id(const bpf_map* inner, base::Bytes value) {
  if (inner == nullptr) return -ENOENT;
  std::memcpy(value.data(), &inner->id, sizeof inner->id);
  return 0;
}

}  // namespace maps
