// SPDX-License-Identifier: Apache-2.0
#include "bpf/runtime/native.h"

#include <algorithm>
#include <array>

#include "bpf/registry/kfunc.h"
#include "bpf/runtime/burst.h"
#include "bpf/runtime/runtime.h"

namespace bpf::runtime {
namespace {

constexpr auto kBodies = [] {
  std::array<helper_fn, __BPF_FUNC_MAX_ID> t{};
#define BPF_HELPER(id, name, ...) t[id] = bpf_##name;
#include "bpf/registry/helpers.def"
  return t;
}();

struct Variant {
  base::u32 id;
  std::string_view name;
  helper_fn body;
};
constexpr Variant kVariants[] = {
#define BPF_HELPER_VARIANT_BODY(id, name, ...) {id, #name, bpf_##name},
#include "bpf/registry/helpers.def"
    {0, "packet_load", bpf_packet_load},  // no helper: what legacy packet loads call
};

struct KfuncBody {
  std::string_view name;
  helper_fn body;
};
constexpr KfuncBody kKfuncs[] = {
#define KFUNC_RUNS(name, set, flags) {#name, name},
#include "bpf/registry/kfuncs.def"
};

const KfuncBody* find_kfunc_body(std::string_view name) {
  const auto found = std::ranges::find(kKfuncs, name, &KfuncBody::name);
  return found == std::end(kKfuncs) ? nullptr : found;
}

constexpr std::string_view kPrefix = "bpf_";

}  // namespace

helper_fn native_helper(base::u32 id, bpf_prog_type type) {
  const HelperProto* proto = find_helper(id, type);
  if (!proto) return nullptr;
  for (const Variant& v : kVariants)
    if (v.id == id && v.name == proto->name) return v.body;
  return kBodies[id];
}

helper_fn native_kfunc(base::u32 number) {
  const KfuncBody* found = number < kfunc_count() ? find_kfunc_body(get_kfunc(number).name) : nullptr;
  return found ? found->body : nullptr;
}

void native_xdp_burst(struct xdp_burst* burst, bpf_env* env, const bpf_prog* self) {
  xdp_burst(burst, env, self, bpf_prog_run(self), XDP_BURST_REDIRECTS | XDP_BURST_MOVES);
}

const void* native_symbol(std::string_view name) {
  if (const KfuncBody* kfunc = find_kfunc_body(name)) return reinterpret_cast<const void*>(kfunc->body);
  if (!name.starts_with(kPrefix)) return nullptr;
  name.remove_prefix(kPrefix.size());
  for (const Variant& v : kVariants)
    if (v.name == name) return reinterpret_cast<const void*>(v.body);
  for (base::u32 id = 1; id < kBodies.size(); ++id)
    if (kBodies[id] && get_helper(id).name == name) return reinterpret_cast<const void*>(kBodies[id]);
  return nullptr;
}

}  // namespace bpf::runtime
