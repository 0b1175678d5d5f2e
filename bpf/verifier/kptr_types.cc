// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/kptr_types.h"

#include <algorithm>
#include <cerrno>
#include <string>

namespace bpf::verifier {
namespace {

constexpr std::string_view kWithDestructor[] = {
    "task_struct", "cgroup", "bpf_cpumask", "bpf_crypto_ctx", "prog_test_ref_kfunc", "prog_test_member"};
constexpr std::string_view kRcuProtected[] = {"prog_test_ref_kfunc", "cgroup", "bpf_cpumask", "task_struct",
                                              "bpf_crypto_ctx"};

}  // namespace

base::Status find_pointed_types(btf::Fields& fields, const btf::Btf& types, const KernelTypes& kernel) {
  using btf::FieldKind;
  for (btf::Field& f : fields.all()) {
    if (!is_kptr(f.kind) || f.kind == FieldKind::uptr) continue;
    const btf::KernelBtf* known = kernel();
    const std::string_view name = types.name(f.type);
    const auto id = known == nullptr ? std::nullopt : known->find(name, BTF_KIND_STRUCT);
    if (!id) continue;
    if (f.kind == FieldKind::kptr && std::ranges::find(kWithDestructor, name) == std::end(kWithDestructor))
      return base::Error(ENOENT, "nothing releases a struct " + std::string(name) + " that a map holds");
    f.type = *id;
    f.of_kernel = true;
  }
  return base::success();
}

bool kept_by_rcu(std::string_view kernel_struct) {
  return std::ranges::find(kRcuProtected, kernel_struct) != std::end(kRcuProtected);
}

}  // namespace bpf::verifier
