// SPDX-License-Identifier: Apache-2.0
// BPF_MAP_CREATE with special fields in the value: every kind in every type of map that can have types, on our door and
// on the host.
#include <gtest/gtest.h>

#include "bpf/abi/flags.h"
#include "tests/support/host_kernel.h"
#include "tests/support/value_btf.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using support::ValueField;

constexpr u32 kSize = 64;
const std::vector<std::vector<ValueField>> kValues = {
    {{"u64", 0}},
    {{"bpf_spin_lock", 0}},
    {{"bpf_res_spin_lock", 0}},
    {{"bpf_timer", 0}},
    {{"bpf_timer", 0}, {"bpf_timer", 16}},
    {{"bpf_wq", 0}},
    {{"bpf_task_work", 0}},
    {{"kptr", 0, 0, true}},
    {{"kptr_untrusted", 0, 0, true}},
    {{"percpu_kptr", 0, 0, true}},
    {{"bpf_refcount", 0}},
    {{"bpf_spin_lock", 0}, {"bpf_list_head", 8, 0, false, "elem:l"}},
    {{"bpf_spin_lock", 0}, {"bpf_rb_root", 8, 0, false, "tree_elem:l"}},
};
constexpr u32 kTypes[] = {bpf::BPF_MAP_TYPE_HASH,         bpf::BPF_MAP_TYPE_ARRAY,    bpf::BPF_MAP_TYPE_PERCPU_HASH,
                          bpf::BPF_MAP_TYPE_PERCPU_ARRAY, bpf::BPF_MAP_TYPE_LRU_HASH, bpf::BPF_MAP_TYPE_LRU_PERCPU_HASH,
                          bpf::BPF_MAP_TYPE_LPM_TRIE};

template <class F>
long make(F&& bpf_call, const std::vector<std::byte>& blob, u32 type, u32 flags) {
  bpf_attr btf = make_attr();
  btf.btf = address(blob.data());
  btf.btf_size = u32(blob.size());
  const long fd = bpf_call(bpf::BPF_BTF_LOAD, btf);
  if (fd < 0) return -10000 + fd;  // told apart from what MAP_CREATE says
  bpf_attr attr = make_attr();
  const bool trie = type == bpf::BPF_MAP_TYPE_LPM_TRIE;
  attr.map_type = type;
  attr.key_size = trie ? 8 : 4;
  attr.value_size = kSize;
  attr.max_entries = 4;
  attr.map_flags = flags | (trie ? u32(bpf::BPF_F_NO_PREALLOC) : 0);
  attr.btf_fd = u32(fd);
  attr.btf_key_type_id = trie ? support::kTrieKeyType : support::kKeyType;
  attr.btf_value_type_id = support::kValueType;
  const long map = bpf_call(bpf::BPF_MAP_CREATE, attr);
  return map < 0 ? map : 0;
}

TEST(MapFields, EachKindGoesIntoTheTypesOfMapThatTheHostTakes) {
  SLUICE_REQUIRE_HOST_KERNEL();
  int refused = 0;
  for (const u32 type : kTypes)
    for (std::size_t v = 0; v < kValues.size(); ++v)
      for (const u32 flags : {0U, u32(bpf::BPF_F_RDONLY_PROG), u32(bpf::BPF_F_WRONLY_PROG)}) {
        const auto blob = support::value_btf(kValues[v], kSize);
        std::vector<support::Fd> open;
        const long hosts = make(
            [&](u32 cmd, bpf_attr& attr) {
              const long fd = host_bpf(cmd, &attr, sizeof attr);
              if (fd >= 0) open.emplace_back(int(fd));
              return fd;
            },
            blob, type, flags);
        Local local;
        const long ours = make([&](u32 cmd, bpf_attr& attr) { return local.call(cmd, attr); }, blob, type, flags);
        EXPECT_EQ(ours, hosts) << "map type " << type << ", value " << v << " (" << kValues[v][0].name << "), flags "
                               << flags;
        refused += hosts < 0;
      }
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace control_test
