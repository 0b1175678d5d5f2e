// SPDX-License-Identifier: Apache-2.0
// Files: what can stand in the place of one, includes, bounds; and the JSON form of diagnostics.
#include "config/load.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "config/bounds.h"

namespace config {
namespace {

constexpr const char* kPort = "ports: { list: [ { name: p, kind: \"null\" } ] }\n";

class ConfigFiles : public ::testing::Test {
 protected:
  ConfigFiles() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-config-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~ConfigFiles() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = directory_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }

  // What is said about the file, with the directory's name taken out.
  std::string said(const std::string& path) {
    std::string text = render_text(load(path).diagnostics);
    const std::string prefix = directory_.string() + "/";
    for (std::size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
    return text;
  }

  std::filesystem::path directory_;
};

TEST_F(ConfigFiles, AMissingFileIsNamed) {
  EXPECT_EQ(said((directory_ / "none.yaml").string()),
            "none.yaml: error: cannot be read: No such file or directory\n"
            "sluiced: 1 error, 0 warnings; configuration not applied\n");
}

TEST_F(ConfigFiles, ADirectoryIsNotAFile) {
  std::filesystem::create_directory(directory_ / "d.yaml");
  EXPECT_NE(said((directory_ / "d.yaml").string()).find("d.yaml: error: is a directory, not a file\n"),
            std::string::npos);
}

TEST_F(ConfigFiles, APipeDoesNotHangTheLoad) {
  const std::string path = (directory_ / "pipe").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_NE(said(path).find("pipe: error: is a pipe, not a file\n"), std::string::npos);
}

TEST_F(ConfigFiles, ADeviceIsNotAFile) {
  EXPECT_NE(said("/dev/zero").find("/dev/zero: error: is a device, not a file\n"), std::string::npos);
}

TEST_F(ConfigFiles, AFileWithoutPermissionIsNamed) {
  const std::string path = write("secret.yaml", std::string("version: 1\n") + kPort);
  std::filesystem::permissions(path, std::filesystem::perms::none);
  // Root may read everything: be somebody else for a moment.
  const ::uid_t before = ::geteuid();
  constexpr ::uid_t kNobody = 65534;
  if (before == 0) ASSERT_EQ(::seteuid(kNobody), 0);
  const std::string text = said(path);
  ASSERT_EQ(::seteuid(before), 0);
  EXPECT_NE(text.find("secret.yaml: error: cannot be read: Permission denied\n"), std::string::npos);
}

TEST_F(ConfigFiles, ALoopOfLinksIsNamed) {
  std::filesystem::create_symlink("loop.yaml", directory_ / "loop.yaml");
  EXPECT_NE(said((directory_ / "loop.yaml").string()).find("cannot be read: Too many levels of symbolic links"),
            std::string::npos);
}

TEST_F(ConfigFiles, ABinaryFileIsNotText) {
  EXPECT_EQ(said(write("elf.yaml", std::string("version: 1\n\x7f"
                                               "ELF\0\0",
                                               17))),
            "elf.yaml:2:1: error: not a text file: control character \\x7f\n"
            "sluiced: 1 error, 0 warnings; configuration not applied\n");
}

TEST_F(ConfigFiles, Latin1IsNotUtf8) {
  EXPECT_EQ(
      said(write("latin.yaml", "version: 1\n# caf\xe9\n")),
      "latin.yaml:2:6: error: not UTF-8 text: a character that cannot stand in a text file begins with byte \\xe9\n"
      "sluiced: 1 error, 0 warnings; configuration not applied\n");
}

TEST_F(ConfigFiles, AByteOrderMarkAndWindowsLineEndsAreRead) {
  const auto result =
      load(write("dos.yaml", std::string("\xef\xbb\xbf") +
                                 "version: 1\r\nports:\r\n  list:\r\n    - { name: p, kind: \"null\" }\r\n"));
  EXPECT_TRUE(result.ok()) << render_text(result.diagnostics);
}

TEST_F(ConfigFiles, PlacesInAFileWithWindowsLineEndsAreRight) {
  EXPECT_EQ(said(write("dos.yaml", "version: 1\r\nporst: 2\r\n" + std::string(kPort))),
            "dos.yaml:2:1: error: porst: unknown key 'porst'; did you mean 'ports'?\n"
            "    2 | porst: 2\n"
            "      | ^~~~~\n"
            "sluiced: 1 error, 0 warnings; configuration not applied\n");
}

TEST_F(ConfigFiles, AFileBeyondTheBoundIsRefusedUnread) {
  const std::string path = write("big.yaml", "");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);  // sparse
  EXPECT_NE(said(path).find("big.yaml: error: larger than 16 MiB\n"), std::string::npos);
}

TEST_F(ConfigFiles, IncludesAreMergedInNameOrder) {
  write("conf.d/20-b.yaml", "ports: { list: [ { name: b, kind: \"null\" } ] }\n");
  write("conf.d/10-a.yaml", "version: 1\nports: { list: [ { name: a, kind: \"null\" } ] }\nlimits: { programs: 7 }\n");
  write("conf.d/ignored.txt", "nonsense: [");
  const auto result = load(write(
      "main.yaml", std::string("version: 1\ninclude: [ 'conf.d/*.yaml' ]\nlimits: { maps-memory: 1G }\n") + kPort));
  ASSERT_TRUE(result.ok()) << render_text(result.diagnostics);
  ASSERT_EQ(result.config->ports.size(), 3u);
  EXPECT_EQ(result.config->ports[0].name, "p");
  EXPECT_EQ(result.config->ports[1].name, "a");
  EXPECT_EQ(result.config->ports[2].name, "b");
  EXPECT_EQ(result.config->limits.programs, 7u);
  EXPECT_EQ(result.config->limits.maps_memory_bytes, std::uint64_t{1} << 30);
}

TEST_F(ConfigFiles, ErrorsInIncludedFilesAreFoundThere) {
  write("conf.d/a.yaml", "ports:\n  list:\n    - { name: p, kind: \"null\", mtu: big }\nlimits: { programs: 7 }\n");
  const auto path =
      write("main.yaml", std::string("version: 1\ninclude: [ conf.d/a.yaml ]\nlimits: { programs: 8 }\n") + kPort);
  EXPECT_EQ(said(path),
            "conf.d/a.yaml:3:15: error: ports.list[1].name: a second port named 'p'\n"
            "    3 |     - { name: p, kind: \"null\", mtu: big }\n"
            "      |               ^\n"
            "main.yaml:4:26: note: the first one is here\n"
            "conf.d/a.yaml:3:37: error: ports.list[1].mtu: must be a whole number below 2^64, not text 'big'\n"
            "    3 |     - { name: p, kind: \"null\", mtu: big }\n"
            "      |                                     ^~~\n"
            "conf.d/a.yaml:4:11: error: limits.programs: duplicate key 'programs' in an included file\n"
            "    4 | limits: { programs: 7 }\n"
            "      |           ^~~~~~~~\n"
            "main.yaml:3:11: note: 'programs' stands here already\n"
            "sluiced: 3 errors, 0 warnings; configuration not applied\n");
}

TEST_F(ConfigFiles, AFileMatchedByTwoPatternsIsMergedOnce) {
  write("a.yaml", "ports: { list: [ { name: a, kind: \"null\" } ] }\n");
  const auto result =
      load(write("main.yaml", "version: 1\ninclude: [ a.yaml, '*.yaml', ./a.yaml ]\n" + std::string(kPort)));
  ASSERT_TRUE(result.ok()) << render_text(result.diagnostics);
  EXPECT_EQ(result.config->ports.size(), 2u);
}

TEST_F(ConfigFiles, AnIncludedFileThatIsNamedMustExistAPatternNeedNot) {
  EXPECT_NE(said(write("m.yaml", "version: 1\ninclude: [ gone.yaml ]\n" + std::string(kPort)))
                .find("error: include[0]: no file 'gone.yaml'"),
            std::string::npos);
  const auto result = load(write("n.yaml", "version: 1\ninclude: [ 'gone.d/*.yaml' ]\n" + std::string(kPort)));
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.diagnostics.warning_count(), 1u);
}

TEST_F(ConfigFiles, IncludedFilesIncludeNothing) {
  write("a.yaml", "include: [ a.yaml ]\n");
  EXPECT_NE(said(write("m.yaml", "version: 1\ninclude: [ a.yaml ]\n" + std::string(kPort)))
                .find("a.yaml:1:1: error: an included file cannot include others"),
            std::string::npos);
}

TEST_F(ConfigFiles, TooManyIncludesAreStopped) {
  for (std::size_t i = 0; i <= kIncludedFilesMax; ++i) write("conf.d/" + std::to_string(i) + ".yaml", "eal:\n");
  EXPECT_NE(said(write("m.yaml", "version: 1\ninclude: [ 'conf.d/*' ]\n" + std::string(kPort)))
                .find("error: include[0]: more than 64 files are included"),
            std::string::npos);
}

TEST_F(ConfigFiles, IncludeTakesAListOfPatterns) {
  EXPECT_NE(said(write("m.yaml", "version: 1\ninclude: a.yaml\n" + std::string(kPort)))
                .find("2:10: error: include: must be a list of file patterns, not text"),
            std::string::npos);
}

TEST_F(ConfigFiles, RelativePathsAreRelativeToTheFileTheyStandIn) {
  write("conf.d/a.yaml", "programs: [ { name: fw, object: ../bpf/fw.bpf.o } ]\n");
  const auto result = load(write(
      "m.yaml",
      "version: 1\ninclude: [ conf.d/a.yaml ]\nports: { list: [ { name: p, kind: pcap, rx-file: in.pcap } ] }\n"));
  ASSERT_TRUE(result.ok()) << render_text(result.diagnostics);
  EXPECT_EQ(result.config->programs[0].object, (directory_ / "bpf/fw.bpf.o").string());
  EXPECT_EQ(std::get<PcapPort>(result.config->ports[0].options).rx_file, (directory_ / "in.pcap").string());
}

TEST(ConfigJson, HasTheKeysThatEditorsRead) {
  const auto result = load_text("version: 1\nversion: 2\n" + std::string(kPort), "a.yaml");
  const auto json = nlohmann::json::parse(render_json(result.diagnostics));
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["file"], "a.yaml");
  EXPECT_EQ(json[0]["line"], 2);
  EXPECT_EQ(json[0]["column"], 1);
  EXPECT_EQ(json[0]["endColumn"], 8);
  EXPECT_EQ(json[0]["severity"], "error");
  EXPECT_EQ(json[0]["code"], "E0102");
  EXPECT_EQ(json[0]["path"], "/version");
  EXPECT_EQ(json[0]["message"], "duplicate key 'version'");
  EXPECT_EQ(json[0]["notes"][0]["line"], 1);
}

TEST(ConfigJson, NothingToTellIsAnEmptyList) {
  EXPECT_EQ(render_json(load_text("version: 1\n" + std::string(kPort), "a.yaml").diagnostics), "[]");
}

TEST(ConfigDiagnostics, WhatIsFoundLaterPointsIntoTheFile) {
  auto result = load_text(
      "version: 1\nprograms:\n  - { name: fw, object: fw.bpf.o }\nmaps:\n  - name: m\n    entries: [ { key: 1, value: "
      "2 } ]\n" +
          std::string(kPort),
      "a.yaml");
  ASSERT_TRUE(result.ok());
  const auto& entry = result.config->maps[0].entries[0];
  result.diagnostics.add(Code::kMapEntry, entry.at / "value", "2 does not fit 1 bit");
  result.diagnostics.add(Code::kObject, result.config->programs[0].at / "verify" / "log-level", "the log is full");
  EXPECT_EQ(render_text(result.diagnostics),
            "a.yaml:3:5: error: programs[0].verify.log-level: the log is full\n"
            "    3 |   - { name: fw, object: fw.bpf.o }\n"
            "      |     ^\n"
            "a.yaml:6:33: error: maps[0].entries[0].value: 2 does not fit 1 bit\n"
            "    6 |     entries: [ { key: 1, value: 2 } ]\n"
            "      |                                 ^\n"
            "sluiced: 2 errors, 0 warnings; configuration not applied\n");
}

TEST(ConfigDiagnostics, TooManyAreCountedNotShown) {
  std::string text = "version: 1\n";
  for (int i = 0; i < 1500; ++i) text += "x" + std::to_string(i) + ": 1\n";
  const auto result = load_text(text + kPort, "a.yaml");
  EXPECT_EQ(result.diagnostics.error_count(), 1500u);
  EXPECT_EQ(result.diagnostics.sorted().size(), kDiagnosticsMax + 1);
  EXPECT_NE(render_text(result.diagnostics).find("error: 500 more are not shown\nsluiced: 1500 errors"),
            std::string::npos);
}

TEST(ConfigDiagnostics, ALongLineIsCutAroundThePlace) {
  const auto result = load_text(
      "version: 1\neal: { extra: [" + std::string(100'000, ' ') + "], iova: vaa }\n" + std::string(kPort), "a.yaml");
  const std::string text = render_text(result.diagnostics);
  EXPECT_LT(text.size(), 1000u);
  EXPECT_NE(text.find("vaa }\n"), std::string::npos) << text;
}

// Bad inputs whose cost could run away, each within a bound that a slow machine under a sanitizer keeps too.
TEST(ConfigBounds, HostileTextsEndInTime) {
  const auto repeat = [](std::string_view piece, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += piece;
    return text;
  };
  const std::size_t kBytes = 200'000;
  const std::string texts[] = {repeat("[", kBytes),
                               repeat("{", kBytes),
                               repeat("- ", kBytes),
                               repeat("? ", kBytes),
                               repeat("a: ", kBytes),
                               repeat("\"", kBytes),
                               repeat("&a ", kBytes),
                               repeat("!a ", kBytes),
                               repeat("a\n", kBytes),
                               repeat("- a\n", kBytes),
                               repeat("[a],", kBytes),
                               repeat("{a: b}, ", kBytes),
                               "[" + repeat("a,", kBytes),
                               "[" + repeat("é,", kBytes),
                               "{" + repeat("a: b, ", kBytes),
                               "x: " + repeat("a ", kBytes),
                               "x: |\n" + repeat(" a\n", kBytes),
                               repeat("%TAG ! a\n", kBytes),
                               repeat("---\n", kBytes),
                               "a: &a [x]\nb: [" + repeat("*a,", kBytes) + "]"};
  for (const std::string& text : texts) {
    const auto begin = std::chrono::steady_clock::now();
    const auto result = load_text(text, "hostile.yaml");
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    EXPECT_FALSE(result.ok());
    EXPECT_LT(seconds.count(), 10) << text.substr(0, 20);
  }
}

TEST(ConfigBounds, ABlockListOfManyEntriesIsRead) {
  std::string text = "version: 1\n" + std::string(kPort) +
                     "programs: [ { name: fw, object: fw.bpf.o } ]\nmaps:\n  - name: blocked\n    entries:\n";
  for (int i = 0; i < 20'000; ++i) {
    text += "      - { key: { saddr: 10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) +
            ", dport: 80 }, value: 1 }\n";
  }
  const auto result = load_text(text, "a.yaml");
  ASSERT_TRUE(result.ok()) << render_text(result.diagnostics).substr(0, 1000);
  EXPECT_EQ(result.config->maps[0].entries.size(), 20'000u);
}

}  // namespace
}  // namespace config
