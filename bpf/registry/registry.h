// SPDX-License-Identifier: Apache-2.0
// registry.h — from an ABI number to a name and to behaviour. Every table here is expanded from types.def.
//
// Shape     constexpr tables indexed by ABI number; a working row whose file is missing does not link.
// Errors    EINVAL unknown number; EOPNOTSUPP planned row, in words.
#pragma once

#include <array>
#include <string_view>

#include "base/result.h"
#include "bpf/abi/types.h"
#include "bpf/registry/map_ops.h"
#include "bpf/registry/prog_spec.h"

namespace bpf {

#define BPF_PROG_TYPE(id, name, user_ctx, host_ctx) extern const ProgSpec name##_prog_spec;
#define BPF_PROG_TYPE_TEST_RUN(id, name, user_ctx, host_ctx) extern const ProgSpec name##_prog_spec;
#define BPF_PROG_TYPE_VERIFIED(id, name, user_ctx, host_ctx) extern const ProgSpec name##_prog_spec;
#define BPF_MAP_TYPE(id, name) extern const MapOps name##_map_ops;
#include "bpf/registry/types.def"

struct TypeRow {
  std::string_view name{};
  bool works = false;
  bool runs = false;      // program types: BPF_PROG_TEST_RUN at least; true of every one that works
  bool verified = false;  // program types: programs can be verified; true of every one that runs
};

inline constexpr auto kProgTypes = [] {
  std::array<TypeRow, __MAX_BPF_PROG_TYPE> t{};
  t[0] = {"unspec"};
#define BPF_PROG_TYPE(id, name, user_ctx, host_ctx) t[id] = {#name, true, true, true};
#define BPF_PROG_TYPE_TEST_RUN(id, name, user_ctx, host_ctx) t[id] = {#name, false, true, true};
#define BPF_PROG_TYPE_VERIFIED(id, name, user_ctx, host_ctx) t[id] = {#name, false, false, true};
#define BPF_PROG_TYPE_PLANNED(id, name, user_ctx, host_ctx) t[id] = {#name};
#include "bpf/registry/types.def"
  return t;
}();

inline constexpr auto kMapTypes = [] {
  std::array<TypeRow, __MAX_BPF_MAP_TYPE> t{};
  t[0] = {"unspec"};
#define BPF_MAP_TYPE(id, name) t[id] = {#name, true};
#define BPF_MAP_TYPE_PLANNED(id, name) t[id] = {#name};
#include "bpf/registry/types.def"
  return t;
}();

inline constexpr auto kLinkTypes = [] {
  std::array<TypeRow, __MAX_BPF_LINK_TYPE> t{};
  t[0] = {"unspec"};
#define BPF_LINK_TYPE(id, name) t[id] = {#name, true};
#define BPF_LINK_TYPE_PLANNED(id, name) t[id] = {#name};
#include "bpf/registry/types.def"
  return t;
}();

consteval bool rows_complete() {
  int prog[__MAX_BPF_PROG_TYPE] = {1};  // number 0 is UNSPEC: counted, never a row
  int map[__MAX_BPF_MAP_TYPE] = {1};
  int link[__MAX_BPF_LINK_TYPE] = {1};
#define BPF_PROG_TYPE(id, ...) ++prog[id];
#define BPF_PROG_TYPE_TEST_RUN(id, ...) ++prog[id];
#define BPF_PROG_TYPE_VERIFIED(id, ...) ++prog[id];
#define BPF_PROG_TYPE_PLANNED(id, ...) ++prog[id];
#define BPF_MAP_TYPE(id, ...) ++map[id];
#define BPF_MAP_TYPE_PLANNED(id, ...) ++map[id];
#define BPF_LINK_TYPE(id, ...) ++link[id];
#define BPF_LINK_TYPE_PLANNED(id, ...) ++link[id];
#include "bpf/registry/types.def"
  for (int n : prog)
    if (n != 1) return false;
  for (int n : map)
    if (n != 1) return false;
  for (int n : link)
    if (n != 1) return false;
  return true;
}
static_assert(rows_complete(), "types.def: every ABI number has exactly one row");

// The only roads from an ABI number to behaviour.
// For verification: also of types that no hook runs yet.
base::Result<const ProgSpec*> find_prog_spec(base::u32 type);
// For execution: EOPNOTSUPP where programs of the type are verified only.
base::Result<const ProgSpec*> find_runnable_prog_spec(base::u32 type);
base::Result<const MapOps*> find_map_ops(base::u32 type);  // needs the maps library linked

}  // namespace bpf
