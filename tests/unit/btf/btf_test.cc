// SPDX-License-Identifier: Apache-2.0
#include "bpf/btf/btf.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string>

#include "bpf/abi/attr.h"
#include "bpf/abi/types.h"
#include "tests/support/host_kernel.h"

namespace {

using base::u32;

// Builds blobs record by record; names are interned as they come.
struct Maker {
  std::vector<u32> types;
  std::string strings = std::string(1, '\0');

  u32 name(const std::string& s) {
    if (s.empty()) return 0;
    const auto at = static_cast<u32>(strings.size());
    strings += s + '\0';
    return at;
  }
  void record(const std::string& n, u32 kind, u32 vlen, u32 size_or_type, std::vector<u32> tail = {},
              bool flag = false) {
    types.insert(types.end(), {name(n), (kind << 24) | vlen | (flag ? 1U << 31 : 0), size_or_type});
    types.insert(types.end(), tail.begin(), tail.end());
  }
  std::vector<std::byte> blob() const {
    bpf::btf_header h{bpf::BTF_MAGIC,
                      bpf::BTF_VERSION,
                      0,
                      sizeof h,
                      0,
                      static_cast<u32>(types.size() * 4),
                      static_cast<u32>(types.size() * 4),
                      static_cast<u32>(strings.size())};
    std::vector<std::byte> out(sizeof h + types.size() * 4 + strings.size());
    std::memcpy(out.data(), &h, sizeof h);
    std::memcpy(out.data() + sizeof h, types.data(), types.size() * 4);
    std::memcpy(out.data() + sizeof h + types.size() * 4, strings.data(), strings.size());
    return out;
  }
};

constexpr u32 kSigned = 1U << 24;

int host_btf_load(const std::vector<std::byte>& blob) {
  bpf::bpf_attr attr;
  std::memset(&attr, 0, sizeof attr);
  attr.btf = reinterpret_cast<base::u64>(blob.data());
  attr.btf_size = static_cast<u32>(blob.size());
  const support::Fd fd(static_cast<int>(::syscall(SYS_bpf, bpf::BPF_BTF_LOAD, &attr, sizeof attr)));
  return fd.valid() ? 0 : errno;
}

Maker sample() {
  Maker m;
  m.record("int", bpf::BTF_KIND_INT, 0, 4, {kSigned | 32});  // 1
  m.record("", bpf::BTF_KIND_PTR, 0, 4);                     // 2 -> node
  m.record("u32", bpf::BTF_KIND_TYPEDEF, 0, 1);              // 3
  m.record("node", bpf::BTF_KIND_STRUCT, 3, 24,
           {m.name("next"), 2, 0, m.name("value"), 3, 64, m.name("pad"), 5, 96});  // 4
  m.record("", bpf::BTF_KIND_ARRAY, 0, 0, {1, 1, 3});                              // 5
  m.record("", bpf::BTF_KIND_FUNC_PROTO, 1, 1, {m.name("n"), 2});                  // 6
  m.record("walk", bpf::BTF_KIND_FUNC, bpf::BTF_FUNC_GLOBAL, 6);                   // 7
  m.record("head", bpf::BTF_KIND_VAR, 0, 4, {1});                                  // 8
  m.record(".data", bpf::BTF_KIND_DATASEC, 1, 24, {8, 0, 24});                     // 9
  return m;
}

TEST(Btf, TypesAreFoundByIdAndName) {
  const auto btf = bpf::btf::Btf::parse(sample().blob());
  ASSERT_TRUE(btf.ok()) << btf.error().what();
  EXPECT_EQ(btf->count(), 10U);
  EXPECT_EQ(btf->find("node", bpf::BTF_KIND_STRUCT), 4U);
  EXPECT_EQ(btf->find("node", bpf::BTF_KIND_UNION), std::nullopt);
  EXPECT_EQ(btf->name(7), "walk");
  EXPECT_EQ(btf->skip_modifiers(3), 1U);
  EXPECT_EQ(btf->size_of(5), 12U);
  EXPECT_EQ(btf->size_of(2), 8U);
  EXPECT_EQ(btf->size_of(8), 24U);
  EXPECT_EQ(btf->size_of(6), std::nullopt);
  EXPECT_EQ(btf->member(4, 1).bit_offset, 64U);
  EXPECT_EQ(btf->string_at(btf->member(4, 1).name_off), "value");
  EXPECT_TRUE(btf->int_encoding(1).is_signed);
  EXPECT_EQ(btf->params(6).size(), 1U);
  EXPECT_EQ(btf->vlen(7), bpf::BTF_FUNC_GLOBAL);
}

TEST(Btf, EveryPrefixOfABlobIsRefused) {
  const auto blob = sample().blob();
  for (std::size_t n = 0; n < blob.size(); ++n)
    EXPECT_FALSE(bpf::btf::Btf::parse(base::ConstBytes(blob.data(), n)).ok()) << n << " bytes";
}

TEST(Btf, AStructThatContainsItselfIsRefused) {
  Maker m;
  m.record("s", bpf::BTF_KIND_STRUCT, 1, 8, {0, 1, 0});
  EXPECT_FALSE(bpf::btf::Btf::parse(m.blob()).ok());
}

TEST(Btf, AnEndlessChainOfPointersIsRefused) {
  Maker m;
  m.record("", bpf::BTF_KIND_PTR, 0, 2);
  m.record("t", bpf::BTF_KIND_TYPEDEF, 0, 1);
  EXPECT_FALSE(bpf::btf::Btf::parse(m.blob()).ok());
}

TEST(Btf, ADanglingTypeIdIsRefused) {
  Maker m;
  m.record("", bpf::BTF_KIND_PTR, 0, 77);
  EXPECT_FALSE(bpf::btf::Btf::parse(m.blob()).ok());
}

// What the host accepts we accept; where the host refuses and we do not, later readers must still be safe, which
// parse() promises by itself. One word is damaged per round.
TEST(Btf, OneDamagedWordIsJudgedAsTheHostKernelDoes) {
  SLUICE_REQUIRE_HOST_KERNEL();
  const auto whole = sample().blob();
  ASSERT_EQ(host_btf_load(whole), 0);
  std::mt19937 random(1);
  int differs = 0, refused = 0;
  std::string first;
  for (int round = 0; round < 4000; ++round) {
    auto blob = whole;
    const std::size_t word = random() % (blob.size() / 4);
    u32 value;
    std::memcpy(&value, blob.data() + word * 4, 4);
    value = random() % 2 ? value ^ (1U << (random() % 32)) : random() % 16;
    std::memcpy(blob.data() + word * 4, &value, 4);
    const auto ours = bpf::btf::Btf::parse(blob);
    const int host = host_btf_load(blob);
    refused += host != 0;
    EXPECT_FALSE(host == 0 && !ours.ok())
        << "host accepts, we refuse: word " << word << " = " << value << ": " << (ours.ok() ? "" : ours.error().what());
    if (host != 0 && ours.ok()) {
      ++differs;
      if (first.size() < 600) first += " word " + std::to_string(word) + "=" + std::to_string(value);
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LE(differs, 4000 / 20) << "accepted here, refused by the host:" << first;
}

}  // namespace
