// SPDX-License-Identifier: Apache-2.0
// Whole objects through the loader process.
#include "control/load_object.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "bpf/registry/registry.h"
#include "control/btf_format.h"
#include "control/show.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using control::LoadRequest;

LoadRequest object(const std::string& name) {
  LoadRequest request;
  request.path = std::string(PROGS) + "/" + name + ".bpf.o";
  return request;
}

LoadRequest features() {
  LoadRequest request = object("features");
  request.programs = {"features"};
  return request;
}

u32 run_once(control::Door& door, const control::LoadedProgram& program) {
  control::LocalClient client;
  std::vector<char> packet(64);
  bpf_attr attr = make_attr();
  attr.test.prog_fd = u32(client.install(program.program, {}));
  attr.test.data_in = address(packet.data());
  attr.test.data_size_in = u32(packet.size());
  EXPECT_EQ(door.bpf_command(client, bpf::BPF_PROG_TEST_RUN, &attr, sizeof attr), 0) << client.last_error;
  return attr.test.retval;
}

// {"<section>": [{"a": 1}, ...]} -> the value of one variable.
control::Json variable(control::Map& map, const std::string& name) {
  auto dump = control::dump_map(map);
  if (!dump) return nullptr;
  for (const auto& [section, vars] : (*dump)["entries"][0]["formatted"]["value"].items())
    for (const auto& var : vars)
      if (var.contains(name)) return var[name];
  return nullptr;
}

TEST(LoadObject, GlobalsSubprogramsMapsAndCoreWork) {
  control::Door door{control::DoorConfig{}};
  auto loaded = control::load_object(door, features());
  ASSERT_TRUE(loaded.ok()) << loaded.error().what();
  ASSERT_EQ(loaded->programs.size(), 1U);
  EXPECT_EQ(run_once(door, loaded->programs[0]), 2U);
  EXPECT_EQ(run_once(door, loaded->programs[0]), 2U);
  EXPECT_EQ(variable(*loaded->find_map(".bss")->map, "packets"), 2);
  EXPECT_EQ(variable(*loaded->find_map(".data")->map, "last_queue"), 0) << "CO-RE put the field in the wrong place";
  EXPECT_EQ(variable(*loaded->find_map(".data")->map, "label"), "hello");
  EXPECT_EQ(variable(*loaded->find_map(".rodata")->map, "count"), true);
  auto pairs = control::dump_map(*loaded->find_map("pairs")->map);
  EXPECT_EQ((*pairs)["entries"][0]["formatted"].dump(), R"({"key":1,"value":{"a":1,"b":2,"c":3}})");
}

TEST(LoadObject, ReadOnlyDataCanBeSetBeforeLoadingAndIsFrozenAfterwards) {
  control::Door door{control::DoorConfig{}};
  LoadRequest request = features();
  request.set_globals = [](const bpf::btf::Btf& types) -> base::Result<std::vector<control::GlobalBytes>> {
    SLUICE_TRY(const auto variable, control::find_global(types, "verdict"));
    EXPECT_EQ(variable.size, 4U);
    return std::vector<control::GlobalBytes>{{variable.section, variable.offset, {std::byte{3}, {}, {}, {}}}};
  };
  auto loaded = control::load_object(door, request);
  ASSERT_TRUE(loaded.ok()) << loaded.error().what();
  EXPECT_EQ(run_once(door, loaded->programs[0]), 3U);
  EXPECT_TRUE(loaded->find_map(".rodata")->map->frozen);
}

TEST(LoadObject, AVariableThatIsNotThereIsRefusedWithTheNamesThatAre) {
  control::Door door{control::DoorConfig{}};
  LoadRequest request = features();
  request.set_globals = [](const bpf::btf::Btf& types) -> base::Result<std::vector<control::GlobalBytes>> {
    SLUICE_TRY(const auto variable, control::find_global(types, "verdikt"));
    return std::vector<control::GlobalBytes>{{variable.section, variable.offset, {}}};
  };
  auto loaded = control::load_object(door, request);
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().what().find("verdikt"), std::string::npos) << loaded.error().what();
  EXPECT_NE(loaded.error().what().find("last_queue"), std::string::npos) << loaded.error().what();
}

TEST(LoadObject, MapsCanBeResized) {
  control::Door door{control::DoorConfig{}};
  LoadRequest request = features();
  request.max_entries = {{"pairs", 4096}};
  auto loaded = control::load_object(door, request);
  ASSERT_TRUE(loaded.ok()) << loaded.error().what();
  EXPECT_EQ(loaded->find_map("pairs")->map->spec().max_entries, 4096U);
  request.max_entries = {{"no_such_map", 1}};
  EXPECT_FALSE(control::load_object(door, request).ok());
}

TEST(LoadObject, AMapPinnedByNameIsSharedByTheNextObject) {
  control::Door door{control::DoorConfig{}};
  auto first = control::load_object(door, features());
  ASSERT_TRUE(first.ok()) << first.error().what();
  auto second = control::load_object(door, features());
  ASSERT_TRUE(second.ok()) << second.error().what();
  EXPECT_EQ(first->find_map("per_cpu")->map->id(), second->find_map("per_cpu")->map->id());
  EXPECT_NE(first->find_map("pairs")->map->id(), second->find_map("pairs")->map->id());
  EXPECT_TRUE(door.find_pin("/sys/fs/bpf/per_cpu").ok());
}

TEST(LoadObject, AProgArrayIsFilledByTheObjectItself) {
  control::Door door{control::DoorConfig{}};
  auto loaded = control::load_object(door, object("tail_calls"));
  ASSERT_TRUE(loaded.ok()) << loaded.error().what();
  EXPECT_EQ(run_once(door, *loaded->find_program("entry")), u32(bpf::XDP_TX));
}

TEST(LoadObject, WhenOneProgramIsRefusedNothingStays) {
  control::Door door{control::DoorConfig{}};
  auto loaded = control::load_object(door, object("features"));  // with the program that reads behind the packet
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().what().find("reads_behind_the_packet"), std::string::npos) << loaded.error().what();
  EXPECT_TRUE(door.maps().empty());
  EXPECT_TRUE(door.programs().empty());
  EXPECT_FALSE(door.find_pin("/sys/fs/bpf/per_cpu").ok());
}

TEST(LoadObject, EachProgramIsJudgedAlone) {
  control::Door door{control::DoorConfig{}};
  auto judged = control::judge_object(door, object("features"));
  ASSERT_TRUE(judged.ok()) << judged.error().what();
  ASSERT_EQ(judged->size(), 2U);
  EXPECT_EQ((*judged)[0].error, 0) << (*judged)[0].sentence;
  EXPECT_GT((*judged)[0].report.verdict.stats.verified_insns, 0U);
  EXPECT_EQ((*judged)[1].error, EACCES);
  EXPECT_NE((*judged)[1].sentence.find("packet"), std::string::npos);
  EXPECT_TRUE(door.maps().empty());
}

TEST(LoadObject, ADoorWithoutRoomSaysSo) {
  control::DoorConfig config;
  config.limits.programs_max = 1;
  control::Door door(std::move(config));
  auto first = control::load_object(door, features());
  ASSERT_TRUE(first.ok()) << first.error().what();
  auto second = control::load_object(door, features());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().what().find("the most allowed"), std::string::npos) << second.error().what();
}

struct BadFile {
  const char* name;
  std::string content;
  const char* word;
};

TEST(LoadObject, WhatIsNoObjectIsRefusedInOneSentence) {
  control::Door door{control::DoorConfig{}};
  const std::string folder = testing::TempDir();
  std::ifstream in(std::string(PROGS) + "/features.bpf.o", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  std::string other_machine = whole;
  other_machine[18] = 62;  // e_machine: x86-64
  std::string other_order = whole;
  other_order[5] = 2;  // EI_DATA: big endian
  const BadFile files[] = {{"empty.o", "", "empty"},
                           {"text.o", "int main() {}", "not an ELF"},
                           {"head.o", whole.substr(0, 40), "truncated"},
                           {"half.o", whole.substr(0, whole.size() / 2), "truncated"},
                           {"machine.o", other_machine, "not an eBPF object"},
                           {"order.o", other_order, "byte order"}};
  for (const BadFile& file : files) {
    LoadRequest request;
    request.path = folder + file.name;
    std::ofstream(request.path, std::ios::binary) << file.content;
    auto loaded = control::load_object(door, request);
    ASSERT_FALSE(loaded.ok()) << file.name;
    EXPECT_NE(loaded.error().what().find(file.word), std::string::npos) << loaded.error().what();
    EXPECT_EQ(loaded.error().what().find('\n'), std::string::npos);
    unlink(request.path.c_str());
  }
  LoadRequest request;
  request.path = folder;
  EXPECT_EQ(control::load_object(door, request).error().code(), EISDIR);
  request.path = folder + "no such file";
  EXPECT_EQ(control::load_object(door, request).error().code(), ENOENT);
}

TEST(LoadObject, DamagedObjectsNeverHurtTheCaller) {
  control::Door door{control::DoorConfig{}};
  std::ifstream in(std::string(PROGS) + "/features.bpf.o", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  LoadRequest request;
  request.path = testing::TempDir() + "damaged.o";
  for (unsigned seed = 1; seed <= 25; ++seed) {
    std::srand(seed);
    std::string damaged = whole;
    for (int i = 0; i < 20; ++i) damaged[64 + std::size_t(std::rand()) % (damaged.size() - 64)] = char(std::rand());
    std::ofstream(request.path, std::ios::binary) << damaged;
    auto judged = control::judge_object(door, request);
    if (!judged) EXPECT_FALSE(judged.error().what().empty()) << "seed " << seed;
    EXPECT_TRUE(door.maps().empty()) << "seed " << seed;
    EXPECT_TRUE(door.programs().empty()) << "seed " << seed;
  }
  unlink(request.path.c_str());
}

}  // namespace
}  // namespace control_test
