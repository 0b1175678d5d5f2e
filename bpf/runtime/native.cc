// SPDX-License-Identifier: Apache-2.0
#include "bpf/runtime/native.h"

#include <array>

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

constexpr std::string_view kPrefix = "bpf_";

}  // namespace

helper_fn native_helper(base::u32 id) {
  return id < kBodies.size() ? kBodies[id] : nullptr;
}

void native_xdp_burst(struct xdp_burst* burst, bpf_env* env, const bpf_prog* self) {
  xdp_burst(burst, env, self, bpf_prog_run(self), XDP_BURST_REDIRECTS | XDP_BURST_MOVES);
}

const void* native_symbol(std::string_view name) {
  if (!name.starts_with(kPrefix)) return nullptr;
  name.remove_prefix(kPrefix.size());
  for (base::u32 id = 1; id < kBodies.size(); ++id)
    if (kBodies[id] && get_helper(id).name == name) return reinterpret_cast<const void*>(kBodies[id]);
  return nullptr;
}

}  // namespace bpf::runtime
