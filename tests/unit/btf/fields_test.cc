// SPDX-License-Identifier: Apache-2.0
// Special fields of structs: what BTF_LOAD says of them, asked of the host kernel as well.
#include "bpf/btf/fields.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "bpf/abi/attr.h"
#include "tests/support/host_kernel.h"
#include "tests/support/value_btf.h"

namespace {

using support::ValueField;

struct Case {
  const char* what;
  std::vector<ValueField> fields;
  int error;
};
const std::vector<Case> kCases = {
    {"a lock", {{"bpf_spin_lock", 0}}, 0},
    {"two locks", {{"bpf_spin_lock", 0}, {"bpf_spin_lock", 4}}, E2BIG},
    {"two kinds of lock", {{"bpf_spin_lock", 0}, {"bpf_res_spin_lock", 4}}, EINVAL},
    {"a misaligned lock", {{"bpf_spin_lock", 2}}, EFAULT},
    {"an array of locks", {{"bpf_spin_lock", 0, 2}}, 0},
    {"two reference counts", {{"bpf_refcount", 0}, {"bpf_refcount", 4}}, 0},
    {"two timers", {{"bpf_timer", 0}, {"bpf_timer", 16}}, 0},
    {"a list without a lock", {{"bpf_list_head", 0, 0, false, "elem:l"}}, EINVAL},
    {"a list", {{"bpf_spin_lock", 0}, {"bpf_list_head", 8, 0, false, "elem:l"}}, 0},
    {"a list under the other lock", {{"bpf_res_spin_lock", 0}, {"bpf_list_head", 8, 0, false, "elem:l"}}, 0},
    {"a list without a tag", {{"bpf_spin_lock", 0}, {"bpf_list_head", 8}}, EINVAL},
    {"a list of nothing", {{"bpf_spin_lock", 0}, {"bpf_list_head", 8, 0, false, "none:l"}}, ENOENT},
    {"a list by no member", {{"bpf_spin_lock", 0}, {"bpf_list_head", 8, 0, false, "elem:m"}}, ENOENT},
    {"a list by a number", {{"bpf_spin_lock", 0}, {"bpf_list_head", 8, 0, false, "elem:x"}}, EINVAL},
    {"a list by a tree's node", {{"bpf_spin_lock", 0}, {"bpf_list_head", 8, 0, false, "tree_elem:l"}}, EINVAL},
    {"a tag without a member", {{"bpf_spin_lock", 0}, {"bpf_list_head", 8, 0, false, "elem"}}, EINVAL},
    {"a tree", {{"bpf_spin_lock", 0}, {"bpf_rb_root", 8, 0, false, "tree_elem:l"}}, 0},
    {"a tree by a list's node", {{"bpf_spin_lock", 0}, {"bpf_rb_root", 8, 0, false, "elem:l"}}, EINVAL},
    {"both nodes", {{"bpf_list_node", 0}, {"bpf_rb_node", 24}}, 0},
    {"both nodes, counted", {{"bpf_list_node", 0}, {"bpf_rb_node", 24}, {"bpf_refcount", 56}}, 0},
    {"a pointer", {{"kptr", 0, 0, true}}, 0},
    {"a misaligned pointer", {{"kptr", 4, 0, true}}, EFAULT},
    {"twelve pointers", {{"kptr", 0, 12, true}}, 0},
    {"twelve pointers beside a lock", {{"kptr", 0, 12, true}, {"bpf_spin_lock", 96}}, E2BIG},
    {"a pointer with a tag of another kind", {{"bpf_spin_lock", 0}, {"other", 8, 0, true}}, EINVAL},
    {"elements of elements",
     {{"bpf_spin_lock", 0}, {"bpf_list_node", 8}, {"bpf_list_head", 32, 0, false, "value:bpf_list_node_field"}},
     ELOOP},
};
constexpr base::u32 kSize = 128;

int host_says(const std::vector<std::byte>& blob) {
  bpf::bpf_attr attr;
  std::memset(&attr, 0, sizeof attr);
  attr.btf = reinterpret_cast<base::u64>(blob.data());
  attr.btf_size = base::u32(blob.size());
  const support::Fd fd(static_cast<int>(::syscall(SYS_bpf, bpf::BPF_BTF_LOAD, &attr, sizeof attr)));
  return fd.valid() ? 0 : errno;
}

TEST(Fields, AStructIsJudgedAsByTheHost) {
  SLUICE_REQUIRE_HOST_KERNEL();
  for (const Case& c : kCases) {
    const auto blob = support::value_btf(c.fields, kSize);
    const auto types = bpf::btf::Btf::parse(blob);
    ASSERT_TRUE(types.ok()) << c.what << ": " << types.error().what();
    const auto judged = bpf::btf::check_struct_fields(*types);
    EXPECT_EQ(judged ? 0 : judged.error().code(), c.error) << c.what;
    EXPECT_EQ(host_says(blob), c.error) << c.what;
  }
}

TEST(Fields, AnArrayOfPointersIsAsManyFields) {
  const auto types = bpf::btf::Btf::parse(support::value_btf({{"bpf_spin_lock", 0}, {"kptr", 8, 3, true}}, 32));
  ASSERT_TRUE(types.ok());
  const auto fields = bpf::btf::find_fields(*types, support::kValueType, bpf::btf::kMapFields, 32);
  ASSERT_TRUE(fields.ok());
  ASSERT_EQ(fields->all().size(), 4U);
  EXPECT_EQ(fields->all()[0].kind, bpf::btf::FieldKind::spin_lock);
  EXPECT_EQ(fields->all()[3].offset, 24U);
  EXPECT_EQ(fields->within(12, 20), &fields->all()[1]);
  EXPECT_EQ(fields->at(12), nullptr);
}

}  // namespace
