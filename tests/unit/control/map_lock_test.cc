// SPDX-License-Identifier: Apache-2.0
// BPF_F_LOCK and fields in values: the same commands and programs on our door and on the host, with the same answers
// and the same contents. The lock's word is never shown, never set, and stays with its element.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <functional>
#include <random>
#include <set>

#include "bpf/abi/flags.h"
#include "tests/support/host_kernel.h"
#include "tests/support/insn.h"
#include "tests/support/value_btf.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using namespace bpf;
using namespace support;
using Buffer = std::vector<std::byte>;

// Where a value's fields are.
struct Layout {
  const char* name;
  std::vector<ValueField> fields;
  u32 size;
  int lock;  // offset, -1: none that BPF_F_LOCK takes
  int data;  // of a word that programs may write
};
const Layout kLayouts[] = {
    {"first", {{"bpf_spin_lock", 0}}, 24, 0, 8},
    {"last", {{"bpf_spin_lock", 20}}, 24, 20, 8},
    {"in_a_word", {{"bpf_spin_lock", 4}}, 16, 4, 8},
    {"before_odd_bytes", {{"bpf_spin_lock", 16}}, 29, 16, 8},
    {"beside_a_timer", {{"bpf_timer", 0}, {"bpf_spin_lock", 16}}, 32, 16, 24},
    {"beside_a_pointer", {{"kptr", 0}, {"bpf_spin_lock", 12}}, 32, 12, 16},
    {"of_the_other_kind", {{"bpf_res_spin_lock", 0}}, 24, -1, 8},
    {"timer_alone", {{"bpf_timer", 8}}, 40, -1, 24},
    {"bytes", {{"u64", 0}}, 24, -1, 8},
};

struct Kind {
  const char* name;
  u32 type;
  u32 flags;
};
constexpr Kind kKinds[] = {
    {"array", BPF_MAP_TYPE_ARRAY, 0},
    {"hash", BPF_MAP_TYPE_HASH, 0},
    {"hash_no_prealloc", BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC},
};

// One side: our door, or the kernel.
struct Side {
  std::function<long(u32, bpf_attr&)> call;
  long map = -1;

  long element(u32 cmd, const void* key, const void* value, u64 flags) const {
    bpf_attr attr = make_attr();
    attr.map_fd = u32(map);
    attr.key = address(key);
    attr.value = address(value);
    attr.flags = flags;
    return call(cmd, attr);
  }
};

control::DoorConfig on(control::Engine engine) {
  control::DoorConfig config;
  config.engine = engine;
  return config;
}

struct Twins {
  static constexpr u32 kEntries = 8;
  static constexpr u32 kKeys = 10;  // the last two: too many for the one, beyond the end of the other

  Local local;
  std::vector<Fd> open;
  Side ours{[this](u32 cmd, bpf_attr& a) { return local.call(cmd, a); }};
  Side host{[this](u32 cmd, bpf_attr& a) {
    const long rc = host_bpf(cmd, &a, sizeof a);
    if (rc >= 0 && (cmd == BPF_MAP_CREATE || cmd == BPF_BTF_LOAD || cmd == BPF_PROG_LOAD)) open.emplace_back(int(rc));
    return rc;
  }};
  u32 size;

  Twins(const Kind& kind, const Layout& layout, u32 more_flags = 0, control::Engine engine = control::Engine::interp)
      : local(on(engine)), size(layout.size) {
    for (Side* side : {&ours, &host}) {
      const auto blob = value_btf(layout.fields, layout.size);
      bpf_attr btf = make_attr();
      btf.btf = address(blob.data());
      btf.btf_size = u32(blob.size());
      bpf_attr attr = make_attr();
      attr.map_type = kind.type;
      attr.key_size = 4;
      attr.value_size = layout.size;
      attr.max_entries = kEntries;
      attr.map_flags = kind.flags | more_flags;
      attr.btf_fd = u32(side->call(BPF_BTF_LOAD, btf));
      attr.btf_key_type_id = kKeyType;
      attr.btf_value_type_id = kValueType;
      side->map = side->call(BPF_MAP_CREATE, attr);
    }
  }

  long both(const char* what, const std::function<long(const Side&)>& step) {
    const long mine = step(ours);
    const long theirs = step(host);
    EXPECT_EQ(mine, theirs) << what;
    return theirs;
  }

  void element(u32 cmd, u32 key, const Buffer& value, u64 flags) {
    Buffer mine(value), theirs(value);
    const long a = ours.element(cmd, &key, mine.data(), flags);
    const long b = host.element(cmd, &key, theirs.data(), flags);
    EXPECT_EQ(a, b) << "command " << cmd << " key " << key << " flags " << flags;
    if (a == 0) EXPECT_EQ(mine, theirs) << "command " << cmd << " key " << key << " flags " << flags;
  }

  // All elements by one batch command that has room for all.
  std::pair<long, std::set<std::pair<u32, Buffer>>> drain(const Side& side, u32 cmd, u64 elem_flags) const {
    std::vector<u32> keys(64);
    Buffer values(64 * size);
    u64 out[2];
    bpf_attr attr = make_attr();
    attr.batch.out_batch = address(out);
    attr.batch.keys = address(keys.data());
    attr.batch.values = address(values.data());
    attr.batch.count = 64;
    attr.batch.map_fd = u32(side.map);
    attr.batch.elem_flags = elem_flags;
    const long rc = side.call(cmd, attr);
    std::set<std::pair<u32, Buffer>> all;
    for (u32 n = 0; n < attr.batch.count && (rc == 0 || rc == -ENOENT); ++n)
      all.insert({keys[n], Buffer(values.begin() + long(n) * size, values.begin() + long(n + 1) * size)});
    return {rc, all};
  }
  void batch(u32 cmd, u64 elem_flags) {
    EXPECT_EQ(drain(ours, cmd, elem_flags), drain(host, cmd, elem_flags)) << "batch " << cmd << " " << elem_flags;
  }
  void update_batch(const u32 (&keys)[3], const Buffer& values, u64 elem_flags) {
    both("update batch", [&](const Side& side) {
      bpf_attr attr = make_attr();
      attr.batch.keys = address(keys);
      attr.batch.values = address(values.data());
      attr.batch.count = 3;
      attr.batch.map_fd = u32(side.map);
      attr.batch.elem_flags = elem_flags;
      const long rc = side.call(BPF_MAP_UPDATE_BATCH, attr);
      return rc * 100 - long(attr.batch.count);
    });
  }

  // Loads `make(descriptor of the map)` and runs it once on each side: what it returned, or the errno of the load.
  u32 run(const char* what, const std::function<std::vector<bpf_insn>(u32)>& make) {
    return u32(both(what, [&](const Side& side) -> long {
      const auto insns = make(u32(side.map));
      bpf_attr load = Local::load_attr(insns);
      const long prog = side.call(BPF_PROG_LOAD, load);
      if (prog < 0) return prog;
      Buffer packet(64);
      bpf_attr attr = make_attr();
      attr.test.prog_fd = u32(prog);
      attr.test.data_in = address(packet.data());
      attr.test.data_size_in = u32(packet.size());
      attr.test.repeat = 1;
      const long rc = side.call(BPF_PROG_TEST_RUN, attr);
      return rc < 0 ? rc : long(attr.test.retval);
    }));
  }
};

class MapLock : public testing::TestWithParam<std::tuple<Kind, Layout>> {
 protected:
  const Kind& kind() const { return std::get<0>(param_); }
  const Layout& layout() const { return std::get<1>(param_); }

 private:
  std::tuple<Kind, Layout> param_ = GetParam();
};

TEST_P(MapLock, CommandsAnswerAndLeaveTheSame) {
  SLUICE_REQUIRE_HOST_KERNEL();
  Twins twins(kind(), layout());
  ASSERT_GE(twins.ours.map, 0) << twins.local.client.last_error;
  ASSERT_GE(twins.host.map, 0);
  std::mt19937 random(7);
  const auto value = [&](u32 count) {
    Buffer bytes(std::size_t(count) * layout().size);
    for (std::byte& b : bytes) b = std::byte(random() | 1);
    return bytes;
  };
  constexpr u64 kFlags[] = {0, 0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 12};
  constexpr u32 kElement[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
                              BPF_MAP_LOOKUP_AND_DELETE_ELEM};
  constexpr u32 kDrain[] = {BPF_MAP_LOOKUP_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH};
  for (u32 round = 0; round < 4000 && !HasFailure(); ++round) {
    const u64 flags = kFlags[random() % std::size(kFlags)];
    if (random() % 16 == 0) {
      twins.batch(kDrain[random() % 2], flags);
    } else if (random() % 16 == 0) {
      const u32 keys[3] = {u32(random() % 8), u32(random() % 8), u32(random() % 10)};
      twins.update_batch(keys, value(3), flags);
    } else {
      twins.element(kElement[random() % std::size(kElement)], u32(random() % Twins::kKeys), value(1), flags);
    }
  }
  twins.batch(BPF_MAP_LOOKUP_BATCH, 0);
}

TEST_P(MapLock, FreezeAnswersTheSame) {
  SLUICE_REQUIRE_HOST_KERNEL();
  Twins twins(kind(), layout());
  twins.both("freeze", [](const Side& side) {
    bpf_attr attr = make_attr();
    attr.map_fd = u32(side.map);
    return side.call(BPF_MAP_FREEZE, attr);
  });
}

std::vector<bpf_insn> count_under_lock(u32 map, const Layout& layout) {
  constexpr int kSpinLock = 93, kSpinUnlock = 94;
  return code({st(BPF_W, R10, -4, 1),
               mov64_reg(R2, R10),
               alu64_imm(BPF_ADD, R2, -4),
               ld_map(R1, map),
               call_helper(1),
               jmp_imm(BPF_JNE, R0, 0, 2),
               mov64_imm(R0, 77),
               exit_insn(),
               mov64_reg(R6, R0),
               mov64_reg(R1, R6),
               alu64_imm(BPF_ADD, R1, layout.lock),
               call_helper(kSpinLock),
               ldx(BPF_W, R7, R6, layout.data),
               alu64_imm(BPF_ADD, R7, 1),
               stx(BPF_W, R6, R7, layout.data),
               mov64_reg(R1, R6),
               alu64_imm(BPF_ADD, R1, layout.lock),
               call_helper(kSpinUnlock),
               mov64_reg(R0, R7),
               exit_insn()});
}

// `fill`: every byte of the value.
std::vector<bpf_insn> update(u32 map, const Layout& layout, u32 key, u32 fill, u64 flags) {
  const int room = int(layout.size + 7) / 8 * 8;
  std::vector<bpf_insn> out = code({st(BPF_W, R10, -4, key)});
  const auto append = [&](const std::vector<bpf_insn>& more) { out.insert(out.end(), more.begin(), more.end()); };
  for (int at = 0; at < room; at += 8) append(code({st(BPF_DW, R10, at - room - 8, s32(fill * 0x01010101U))}));
  append(code({mov64_reg(R2, R10), alu64_imm(BPF_ADD, R2, -4), mov64_reg(R3, R10), alu64_imm(BPF_ADD, R3, -room - 8),
               mov64_imm(R4, base::s64(flags)), ld_map(R1, map), call_helper(2), exit_insn()}));
  return out;
}

void run_programs(control::Engine engine, const Kind& kind, const Layout& layout) {
  Twins twins(kind, layout, 0, engine);
  for (u32 key : {1U, 9U})
    for (u64 flags : {0, 1, 2, 4, 5, 6, 7, 8})
      twins.run("update", [&](u32 map) { return update(map, layout, key, 0x11 + u32(flags), flags); });
  twins.batch(BPF_MAP_LOOKUP_BATCH, 0);
  if (layout.lock < 0) return;
  for (u32 n = 0; n < 2; ++n)
    EXPECT_NE(twins.run("count", [&](u32 map) { return count_under_lock(map, layout); }), 77U);
  twins.batch(BPF_MAP_LOOKUP_BATCH, BPF_F_LOCK);
}

TEST_P(MapLock, ProgramsAnswerAndLeaveTheSame) {
  SLUICE_REQUIRE_HOST_KERNEL();
  run_programs(control::Engine::interp, kind(), layout());
  if (layout().lock == 0) run_programs(control::Engine::jit, kind(), layout());
}

INSTANTIATE_TEST_SUITE_P(Values, MapLock, testing::Combine(testing::ValuesIn(kKinds), testing::ValuesIn(kLayouts)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param).name) + "_" + std::get<1>(test.param).name;
                         });

// Fields without a lock lie in other types as well: their bytes read as zeros, and updates leave them alone.
class MapFieldsApart : public testing::TestWithParam<Kind> {};

TEST_P(MapFieldsApart, ReadAsZeros) {
  SLUICE_REQUIRE_HOST_KERNEL();
  const Layout layout{"pointer", {{"kptr", 8}}, 24, -1, 0};
  Twins twins(GetParam(), layout);
  ASSERT_GE(twins.ours.map, 0) << twins.local.client.last_error;
  ASSERT_GE(twins.host.map, 0);
  const u32 cpus = base::u32(host_possible_cpus());
  for (u32 key = 0; key < 4; ++key)
    for (u64 flags : {0, 4}) {
      const Buffer value(std::size_t(24) * cpus, std::byte(0x55 + key));
      twins.element(BPF_MAP_UPDATE_ELEM, key, value, flags);
      Buffer mine(value), theirs(value);
      twins.both("look-up", [&](const Side& side) {
        return side.element(BPF_MAP_LOOKUP_ELEM, &key, (&side == &twins.ours ? mine : theirs).data(), flags);
      });
      EXPECT_EQ(mine, theirs);
      twins.run("update", [&](u32 map) { return update(map, layout, key, 0x22, flags); });
    }
}

INSTANTIATE_TEST_SUITE_P(Types, MapFieldsApart,
                         testing::Values(Kind{"percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, 0},
                                         Kind{"percpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 0},
                                         Kind{"lru_hash", BPF_MAP_TYPE_LRU_HASH, 0},
                                         Kind{"lru_percpu_hash", BPF_MAP_TYPE_LRU_PERCPU_HASH, 0}),
                         [](const auto& test) { return std::string(test.param.name); });

// A client that may map the memory could hold the lock for ever.
TEST(MapLockMemory, IsNotForClientsToMap) {
  SLUICE_REQUIRE_HOST_KERNEL();
  Twins twins(kKinds[0], kLayouts[0], BPF_F_MMAPABLE);
  ASSERT_GE(twins.ours.map, 0) << twins.local.client.last_error;
  ASSERT_GE(twins.host.map, 0);
  EXPECT_EQ(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, int(twins.host.map), 0), MAP_FAILED);
  const auto object = twins.local.client.find(int(twins.ours.map));
  ASSERT_TRUE(object.ok());
  EXPECT_EQ(static_cast<control::Map&>(*object->object).memory_fd(), -1);
}

}  // namespace
}  // namespace control_test
