// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/kptr_types.h"

#include <algorithm>
#include <cerrno>
#include <string>

namespace bpf::verifier {
namespace {

using base::u32;

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

base::Status check_program_structs(const btf::Btf& types, const KernelTypes& kernel) {
  SLUICE_CHECK(btf::check_struct_fields(types));
  for (u32 id = 1; id < types.count(); ++id) {
    if (types.kind(id) != BTF_KIND_STRUCT) continue;
    SLUICE_TRY(btf::Fields fields, btf::find_struct_fields(types, id));
    if (!fields.empty()) SLUICE_CHECK(find_pointed_types(fields, types, kernel));
  }
  return base::success();
}

bool kept_by_rcu(std::string_view kernel_struct) {
  return std::ranges::find(kRcuProtected, kernel_struct) != std::end(kRcuProtected);
}

}  // namespace bpf::verifier
