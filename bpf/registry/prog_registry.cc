// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "bpf/registry/registry.h"

namespace bpf {
namespace {
constexpr auto kSpecs = [] {
  std::array<const ProgSpec*, __MAX_BPF_PROG_TYPE> t{};
#define BPF_PROG_TYPE(id, name, user_ctx, host_ctx) t[id] = &name##_prog_spec;
#define BPF_PROG_TYPE_TEST_RUN(id, name, user_ctx, host_ctx) t[id] = &name##_prog_spec;
#define BPF_PROG_TYPE_VERIFIED(id, name, user_ctx, host_ctx) t[id] = &name##_prog_spec;
#include "bpf/registry/types.def"
  return t;
}();
}  // namespace

base::Result<const ProgSpec*> find_prog_spec(base::u32 type) {
  if (type == 0 || type >= kSpecs.size())
    return base::Error(EINVAL, "unknown program type " + std::to_string(type));
  if (!kSpecs[type])
    return base::Error(EOPNOTSUPP,
                       "program type '" + std::string(kProgTypes[type].name) + "' is planned, not implemented yet");
  return kSpecs[type];
}

base::Result<const ProgSpec*> find_runnable_prog_spec(base::u32 type) {
  SLUICE_TRY(const ProgSpec* spec, find_prog_spec(type));
  if (!kProgTypes[type].runs)
    return base::Error(EOPNOTSUPP, "programs of type '" + std::string(kProgTypes[type].name) +
                                       "' are verified only: nothing runs them yet");
  return spec;
}

}  // namespace bpf
