// SPDX-License-Identifier: Apache-2.0
// Dumps of programs, with source lines; the perf map.
#include "control/dump.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/load_object.h"
#include "control/perf_map.h"
#include "tests/support/insn.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using namespace support;

control::LoadedObject load(control::Door& door) {
  control::LoadRequest request;
  request.path = std::string(PROGS) + "/features.bpf.o";
  request.programs = {"features"};
  auto object = control::load_object(door, request);
  EXPECT_TRUE(object) << object.error().what();
  return object ? *std::move(object) : control::LoadedObject{};
}

TEST(DumpXlated, HasEveryInstructionAndTheSourceLines) {
  control::Door door{{}};
  const auto object = load(door);
  ASSERT_FALSE(object.programs.empty());
  const control::Program& program = *object.programs[0].program;
  const auto rows = control::dump_xlated(program);
  std::size_t slots = 0, sources = 0;
  for (const auto& row : rows) {
    EXPECT_EQ(row["insn"], slots);
    slots += row["opcodes"].get<std::string>().size() > 8 * 3 ? 2 : 1;
    sources += row.contains("src");
    EXPECT_FALSE(row["disasm"].get<std::string>().empty());
  }
  EXPECT_EQ(slots, program.info().xlated.size());
  EXPECT_GT(sources, 2u);
  EXPECT_EQ(rows.back()["disasm"], "(95) exit");
}

TEST(DumpJited, HasTheMachineCodeOfEachFunctionWithSourceLines) {
  control::Door door{{}};
  const auto object = load(door);
  ASSERT_FALSE(object.programs.empty());
  const control::Program& program = *object.programs[0].program;
  const auto functions = control::dump_jited(program);
  ASSERT_TRUE(functions) << functions.error().what();
  bool entry = false;
  std::size_t sources = 0;
  for (const auto& f : *functions) {
    entry |= f["name"] == "sluice_prog";
    ASSERT_FALSE(f["insns"].empty());
    EXPECT_EQ(f["insns"][0]["pc"], 0);
    for (const auto& insn : f["insns"]) sources += insn.contains("src");
  }
  EXPECT_TRUE(entry);
  EXPECT_GT(sources, 2u);
}

TEST(ProgInfo, EveryLineHasAnAddressInTheCodeAndCodeIsForThePrivileged) {
  control::Door door{{}};
  const auto object = load(door);
  ASSERT_FALSE(object.programs.empty());
  const control::Program& program = *object.programs[0].program;
  const std::size_t lines = program.info().line_info.size();
  ASSERT_GT(lines, 2U);
  for (const bool privileged : {true, false}) {
    control::LocalClient client(1000, privileged ? bpf::Capabilities{} : bpf::kNoCapabilities);
    bpf_attr attr = make_attr();
    std::vector<u64> addresses(lines + 1, 1);
    bpf::bpf_prog_info info{};
    info.nr_jited_line_info = u32(addresses.size());
    info.jited_line_info = address(addresses.data());
    info.jited_line_info_rec_size = sizeof(u64);
    attr.info.bpf_fd = u32(client.install(object.programs[0].program, {}));
    attr.info.info = address(&info);
    attr.info.info_len = sizeof info;
    ASSERT_EQ(door.bpf_command(client, bpf::BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof attr), 0) << client.last_error;
    EXPECT_EQ(info.id, program.id());
    EXPECT_EQ(info.nr_line_info, privileged ? lines : 0);
    EXPECT_EQ(info.nr_jited_line_info, privileged ? lines : 0);
    EXPECT_EQ(info.xlated_prog_len == 0, !privileged);
    EXPECT_EQ(info.nr_jited_ksyms == 0, !privileged);
    if (!privileged) continue;
    const auto text = program.code()->text();
    const u64 begin = address(text.data());
    std::size_t moved = 0;
    for (std::size_t i = 0; i < lines; ++i) {
      EXPECT_GE(addresses[i], begin);
      EXPECT_LT(addresses[i], begin + text.size());
      moved += addresses[i] != addresses[0];
    }
    EXPECT_GT(moved, 1U);
    EXPECT_EQ(addresses[lines], 1U) << "beyond what there is";
  }
}

TEST(DumpJited, OfAnInterpretedProgramIsASentence) {
  control::DoorConfig config;
  config.engine = control::Engine::interp;
  Local local(std::move(config));
  ASSERT_GE(local.load(code({mov64_imm(R0, 2), exit_insn()})), 0);
  const auto functions = control::dump_jited(*local.door.programs().back());
  ASSERT_FALSE(functions);
  EXPECT_EQ(functions.error().code(), EOPNOTSUPP);
}

TEST(PerfMap, NamesEachFunctionWhereItLies) {
  const std::string path = "/tmp/sluice-perf-map-test-" + std::to_string(getpid());
  std::ofstream(path) << "from another time\n";
  Local local;
  ASSERT_GE(local.load(code({mov64_imm(R0, 2), exit_insn()})), 0);
  const auto program = local.door.programs().back();
  {
    const auto map = control::PerfMap::open(path);
    ASSERT_TRUE(map) << map.error().what();
    (*map)->add(*program);
  }
  std::ifstream in(path);
  bool entry = false, burst = false;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    u64 address = 0, size = 0;
    std::string name;
    words >> std::hex >> address >> size >> name;
    EXPECT_TRUE(name.starts_with("bpf_prog_")) << line;
    EXPECT_GT(size, 0u);
    if (address == reinterpret_cast<u64>(bpf_prog_run(program->prog()))) entry = true;
    if (address == reinterpret_cast<u64>(bpf_prog_burst(program->prog()))) burst = name.ends_with("_burst");
  }
  EXPECT_TRUE(entry);
  EXPECT_TRUE(burst);
  std::filesystem::remove(path);
}

TEST(PerfMap, DoesNotFollowALinkThatSomebodyLeft) {
  const std::string path = "/tmp/sluice-perf-map-test-" + std::to_string(getpid());
  const std::string victim = path + "-victim";
  std::ofstream(victim) << "precious";
  std::filesystem::create_symlink(victim, path);
  const auto map = control::PerfMap::open(path);
  ASSERT_TRUE(map) << map.error().what();
  EXPECT_FALSE(std::filesystem::is_symlink(path));
  EXPECT_EQ(std::filesystem::file_size(victim), 8u);
  std::filesystem::remove(path);
  std::filesystem::remove(victim);
}

}  // namespace
}  // namespace control_test
