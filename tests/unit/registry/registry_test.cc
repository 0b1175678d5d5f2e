// SPDX-License-Identifier: Apache-2.0
#include "bpf/registry/registry.h"

#include <gtest/gtest.h>

#include "bpf/registry/helper.h"

namespace bpf {
namespace {

TEST(Registry, EveryProgramRowAnswersWithBehaviourOrInWords) {
  for (base::u32 type = 1; type < __MAX_BPF_PROG_TYPE; ++type) {
    auto spec = find_prog_spec(type);
    EXPECT_FALSE(kProgTypes[type].name.empty());
    EXPECT_EQ(spec.ok(), kProgTypes[type].verified);
    auto runnable = find_runnable_prog_spec(type);
    EXPECT_EQ(runnable.ok(), kProgTypes[type].runs);
    if (!runnable) {
      EXPECT_EQ(runnable.error().code(), EOPNOTSUPP);
    }
    if (!spec) {
      EXPECT_EQ(spec.error().code(), EOPNOTSUPP);
      EXPECT_NE(spec.error().what().find(kProgTypes[type].name), std::string::npos);
    }
  }
}

TEST(Registry, UnknownProgramNumbersAreInvalid) {
  for (base::u32 type : {0U, unsigned(__MAX_BPF_PROG_TYPE), ~0U}) {
    auto spec = find_prog_spec(type);
    ASSERT_FALSE(spec.ok());
    EXPECT_EQ(spec.error().code(), EINVAL);
  }
}

TEST(Registry, ContextFieldsAscendWithoutOverlapAndStayInside) {
  for (base::u32 type = 1; type < __MAX_BPF_PROG_TYPE; ++type) {
    auto spec = find_prog_spec(type);
    if (!spec) continue;
    base::u32 end = 0;
    for (const CtxField& field : (*spec)->fields) {
      EXPECT_GE(field.offset, end) << field.name;
      end = field.offset + field.size;
    }
    EXPECT_LE(end, (*spec)->ctx_size);
  }
}

TEST(Registry, EveryHelperHasItsNumberAndName) {
  EXPECT_EQ(find_helper(0), nullptr);
  EXPECT_EQ(find_helper(__BPF_FUNC_MAX_ID), nullptr);
  for (base::u32 id = 1; id < __BPF_FUNC_MAX_ID; ++id) {
    ASSERT_NE(find_helper(id), nullptr);
    EXPECT_FALSE(find_helper(id)->name.empty()) << id;
  }
  EXPECT_EQ(get_helper(BPF_FUNC_map_lookup_elem).name, "map_lookup_elem");
  EXPECT_EQ(get_helper(BPF_FUNC_cgrp_storage_delete).name, "cgrp_storage_delete");
}

}  // namespace
}  // namespace bpf
