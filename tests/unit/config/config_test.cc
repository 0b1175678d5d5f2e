// SPDX-License-Identifier: Apache-2.0
// Defaults, units and inheritance in the structs; memory need; nodes and pointers; the schema and the structs agree.
#include "config/config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config/load.h"
#include "config/memory_need.h"
#include "config/schema.h"

namespace config {
namespace {

Config load_good(const std::string& text) {
  auto result = load_text(text, "a.yaml", "/etc/sluice");
  EXPECT_TRUE(result.ok()) << render_text(result.diagnostics);
  return result.config.value_or(Config{});
}

TEST(Config, TheSmallestFileHasAWorkerAPoolAndDefaults) {
  const Config c = load_good("version: 1\nports: { list: [ { name: p, kind: \"null\" } ] }\n");
  ASSERT_EQ(c.workers.size(), 1u);
  EXPECT_EQ(c.workers[0].name, "w0");
  EXPECT_EQ(c.workers[0].cpu, std::nullopt);
  ASSERT_EQ(c.mempools.size(), 1u);
  EXPECT_EQ(c.ports[0].pool, "pool0");
  EXPECT_EQ(c.ports[0].on_pass.action, PassAction::kDrop);
  EXPECT_TRUE(c.programs.empty());
  EXPECT_EQ(c.eal, Eal{});
  EXPECT_EQ(c.jit, Jit{});
  EXPECT_EQ(c.limits, Limits{});
  EXPECT_EQ(c.log, Log{});
}

TEST(Config, ItemsInheritDefaultsAndMayTakeAutoBack) {
  const Config c = load_good(
      "version: 1\n"
      "workers: { defaults: { poll: busy, burst: 16 }, list: [ { name: a }, { name: b, poll: adaptive, max-sleep: 2ms "
      "} ] }\n"
      "ports:\n"
      "  defaults: { mtu: 1400, rxd: 512, on-pass: forward q }\n"
      "  list: [ { name: p, kind: \"null\" }, { name: q, kind: \"null\", mtu: 1300, rxd: auto, on-pass: drop } ]\n");
  EXPECT_EQ(c.workers[0].poll, Poll::kBusy);
  EXPECT_EQ(c.workers[1].poll, Poll::kAdaptive);
  EXPECT_EQ(c.workers[1].burst, 16u);
  EXPECT_EQ(c.workers[1].max_sleep_ns, 2'000'000u);
  EXPECT_EQ(c.ports[0].mtu, 1400u);
  EXPECT_EQ(c.ports[0].rxd, 512u);
  EXPECT_EQ(c.ports[0].on_pass, (OnPass{PassAction::kForward, "q"}));
  EXPECT_EQ(c.ports[1].mtu, 1300u);
  EXPECT_EQ(c.ports[1].rxd, std::nullopt);
  EXPECT_EQ(c.ports[1].on_pass, OnPass{});
}

TEST(Config, SpreadAllIsEveryWorker) {
  const Config c = load_good(
      "version: 1\nworkers: { list: [ { name: a }, { name: b } ] }\n"
      "ports: { defaults: { spread: all }, list: [ { name: p, kind: \"null\" }, { name: q, kind: \"null\", spread: "
      "none } ] }\n");
  EXPECT_EQ(c.ports[0].spread, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(c.ports[1].spread.empty());
}

TEST(Config, ProgramsOfAttachmentsAreNameAndFunction) {
  const Config c = load_good(
      "version: 1\nprograms: [ { name: fw, object: fw.bpf.o } ]\n"
      "attachments: [ { hook: xdp, port: p, program: fw/xdp_fw }, { hook: xdp, port: q, program: fw } ]\n"
      "ports: { list: [ { name: p, kind: \"null\" }, { name: q, kind: \"null\" } ] }\n");
  EXPECT_EQ(c.programs[0].object, "/etc/sluice/fw.bpf.o");
  EXPECT_EQ(c.attachments[0].program, "fw");
  EXPECT_EQ(c.attachments[0].function, "xdp_fw");
  EXPECT_EQ(c.attachments[1].function, "");
}

TEST(Config, EntriesKeepWhatWasWrittenAndWhere) {
  const Config c = load_good(
      "version: 1\nprograms: [ { name: fw, object: fw.bpf.o } ]\nports: { list: [ { name: p, kind: \"null\" } ] }\n"
      "maps: [ { name: m, max-entries: 4k, entries: [ { key: { a: 0x10, b: \"0x10\" }, value: tcp } ] } ]\n");
  EXPECT_EQ(c.maps[0].max_entries, 4000u);
  const MapEntry& entry = c.maps[0].entries[0];
  EXPECT_EQ(entry.key.find("a")->as_unsigned(), 16u);
  EXPECT_EQ(entry.key.find("b")->as_unsigned(), std::nullopt);
  EXPECT_TRUE(entry.key.find("b")->is_text());
  EXPECT_EQ(entry.key.find("a")->mark.line, 4);
  EXPECT_EQ(entry.at.pointer, "/maps/0/entries/0");
}

TEST(Config, PointersBecomeWordsAndNodes) {
  EXPECT_EQ(pointer_to_words("/ports/list/0/queues/1/worker"), "ports.list[0].queues[1].worker");
  EXPECT_EQ(pointer_join("/rodata", "a/b~c"), "/rodata/a~1b~0c");
  Node root;
  root.kind = Node::Kind::kMap;
  Node key;
  key.kind = Node::Kind::kScalar;
  key.text = "a/b~c";
  root.members.push_back({key, key});
  EXPECT_EQ(find_node(root, "/a~1b~0c"), &root.members[0].value);
  EXPECT_EQ(find_node(root, "/missing"), nullptr);
  EXPECT_EQ(find_node(root, "/a~1b~0c/deeper"), nullptr);
  EXPECT_EQ(&nearest_node(root, "/a~1b~0c/deeper"), &root.members[0].value);
}

TEST(Config, NumbersAreReadAsYamlCoreHasThem) {
  const auto scalar = [](std::string text) {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.text = std::move(text);
    return node;
  };
  EXPECT_EQ(scalar("0x1F").as_unsigned(), 31u);
  EXPECT_EQ(scalar("0o17").as_unsigned(), 15u);
  EXPECT_EQ(scalar("+5").as_unsigned(), 5u);
  EXPECT_EQ(scalar("-5").as_signed(), -5);
  EXPECT_EQ(scalar("-9223372036854775808").as_signed(), INT64_MIN);
  EXPECT_EQ(scalar("9223372036854775808").as_signed(), std::nullopt);
  EXPECT_EQ(scalar("18446744073709551615").as_unsigned(), UINT64_MAX);
  EXPECT_EQ(scalar("1.5").as_float(), 1.5);
  for (const char* text : {"", "0x", "1_000", "1 ", "--1", "inf", "nan", "0b1", "12:30"}) {
    EXPECT_TRUE(scalar(text).is_text()) << text;
  }
}

TEST(MemoryNeed, TheRuleCountsWhatCanHoldAPacketAndSaysSo) {
  const Config c = load_good(
      "version: 1\nworkers: { list: [ { name: a }, { name: b } ] }\n"
      "mempools: [ { name: pool0 }, { name: pool1, mbufs: 4096, data-room: 2048 } ]\n"
      "ports:\n  list:\n"
      "    - { name: m, kind: memif, socket: /run/m.sock, rx-queues: 2, rxd: 4096 }\n"
      "    - { name: r0, kind: ring, peer: r1, size: 8192 }\n"
      "    - { name: r1, kind: ring, peer: r0, size: 8192, spread: all }\n"
      "    - { name: n, kind: \"null\", pool: pool1 }\n");
  const auto needs = pool_needs(c);
  ASSERT_EQ(needs.size(), 2u);
  // Workers 2 x (4 x 64 + 384) = 1280; memif 2 x 4096 received + 2 x 1024 sent; rings 2 x 2 x 8192; spread 2 x 1024.
  EXPECT_EQ(needs[0].mbufs, 65535u);
  EXPECT_TRUE(needs[0].is_auto);
  EXPECT_EQ(
      needs[0].reason,
      "2 workers x (4 bursts + 384 cached) + m (rx 4096 x 2 queues + tx 1024 x 2 queues) + r0 (tx 8192 x 2 queues) + "
      "r1 (tx 8192 x 2 queues + spread 1024 x 2 workers) = 46336, rounded up to 2^n - 1");
  EXPECT_EQ(needs[0].bytes, 65535u * mbuf_bytes(c.mempools[0]));
  EXPECT_EQ(mbuf_bytes(c.mempools[0]), 2624u);
  EXPECT_EQ(needs[1].mbufs, 4096u);
  EXPECT_FALSE(needs[1].is_auto);
}

TEST(MemoryNeed, LoopedFilesAreKeptInBuffers) {
  const Config c = load_good("version: 1\nports: { list: [ { name: p, kind: pcap, rx-file: a.pcap, loop: true } ] }\n");
  EXPECT_EQ(pool_needs(c)[0].mbufs, 8191u);
  EXPECT_EQ(pool_needs(c, {{"p", 10'000}})[0].mbufs, 32767u);
  EXPECT_NE(pool_needs(c, {{"p", 10'000}})[0].reason.find("p (2 x 10000 looped packets)"), std::string::npos);
}

TEST(MemoryNeed, QueuesFollowTheFileOrTheWorkers) {
  const Config c = load_good(
      "version: 1\nworkers: { list: [ { name: a }, { name: b } ] }\n"
      "ports:\n  list:\n"
      "    - { name: m, kind: memif, socket: /run/m.sock, queues: [ { id: 0, worker: b }, { id: 1, worker: a }, { id: "
      "2, worker: a } ] }\n"
      "    - { name: n, kind: \"null\", tx-queues: 1, rxd: 64 }\n");
  EXPECT_EQ(plan_queues(c, c.ports[0]), (QueuePlan{3, 2, 1024, 1024}));
  EXPECT_EQ(plan_queues(c, c.ports[1]), (QueuePlan{1, 1, 64, 512}));
}

// ---- schema and structs

using Json = nlohmann::json;

const Json& schema() {
  static const Json parsed = Json::parse(kSchemaText);
  return parsed;
}

template <class Visit>
void for_each_schema(const Json& node, const std::string& where, Visit visit) {
  if (node.is_object()) visit(node, where);
  if (!node.is_structured()) return;
  for (const auto& [key, value] : node.items()) for_each_schema(value, where + "/" + key, visit);
}

TEST(Schema, EveryPatternHasALengthBound) {
  // std::regex recurses once per character or more: without a bound a long text is a deep stack.
  for_each_schema(schema(), "", [](const Json& s, const std::string& where) {
    if (!s.contains("pattern") || !s["pattern"].is_string()) return;
    ASSERT_TRUE(s.contains("maxLength")) << where;
    EXPECT_LE(s["maxLength"].get<int>(), 4096) << where;
  });
}

TEST(Schema, EveryMappingSaysWhatMayStandInIt) {
  for_each_schema(schema(), "", [](const Json& s, const std::string& where) {
    if (!s.contains("properties") || !s.contains("type")) return;
    EXPECT_TRUE(s.contains("additionalProperties")) << where;
  });
}

TEST(Schema, EveryKeyIsDescribed) {
  const auto resolve = [](const Json& s) -> const Json& {
    return s.contains("$ref") ? schema().at(Json::json_pointer(s["$ref"].get<std::string>().substr(1))) : s;
  };
  for_each_schema(schema(), "", [&](const Json& s, const std::string& where) {
    if (!s.contains("properties") || where.find("/if") != std::string::npos ||
        where.find("/then") != std::string::npos || where.find("/dependencies") != std::string::npos) {
      return;
    }
    for (const auto& [key, value] : s["properties"].items()) {
      if (key == "name" || key == "level") continue;
      EXPECT_TRUE(value.contains("description") || resolve(value).contains("description")) << where << "/" << key;
    }
  });
}

// The default that the schema promises is the one the struct has: loading the key with its default changes nothing.
TEST(Schema, DefaultsAreThoseOfTheStructs) {
  const Config plain = load_good("version: 1\nports: { list: [ { name: p, kind: \"null\" } ] }\n");
  const auto check_section = [&](const std::string& section, const Json& properties, const std::string& inside) {
    for (const auto& [key, raw] : properties.items()) {
      const Json& s =
          raw.contains("$ref") ? schema().at(Json::json_pointer(raw["$ref"].get<std::string>().substr(1))) : raw;
      if (!s.contains("default")) continue;
      const std::string line = "{ " + inside + key + ": " + s["default"].dump() + " }";
      const std::string text = section == "port" ? "version: 1\nports: { list: [ { name: p, kind: \"null\", " + key +
                                                       ": " + s["default"].dump() + " } ] }\n"
                                                 : "version: 1\nports: { list: [ { name: p, kind: \"null\" } ] }\n" +
                                                       section + ": " + line + "\n";
      const auto result = load_text(text, "a.yaml");
      if (section == "port" && result.diagnostics.list().size() == 1 &&
          result.diagnostics.list()[0].code == Code::kWrongKind)
        continue;
      ASSERT_TRUE(result.ok()) << render_text(result.diagnostics);
      EXPECT_EQ(*result.config, plain) << text;
    }
  };
  const Json& definitions = schema()["definitions"];
  check_section("eal", definitions["eal"]["properties"], "");
  check_section("telemetry", definitions["telemetry"]["properties"], "");
  check_section("log", definitions["log"]["properties"], "");
  check_section("jit", definitions["jit"]["properties"], "");
  check_section("limits", definitions["limits"]["properties"], "");
  check_section("port", definitions["port"]["properties"], "");
}

TEST(Schema, TheJudgeAloneRefusesWhatTheExplainerWouldToo) {
  const char* texts[] = {"version: 2",
                         "version: 1\nports: {}",
                         "version: 1\nports: { list: [ { name: p, kind: nonsense } ] }",
                         "version: 1\nports: { list: [ { name: p, kind: ring } ] }",
                         "version: 1\nports: { list: [ { name: p, kind: pcap, peer: q } ] }",
                         "version: 1\nports: { list: [ { name: p, kind: \"null\", mtu: 10 } ] }",
                         "version: 1\nports: { list: [ { name: p, kind: \"null\", rx-queues: some } ] }",
                         "version: 1\nports: { list: [ { name: p, kind: \"null\" } ] }\nlimits: { maps-memory: much }"};
  for (const char* text : texts) {
    auto result = load_text(text, "a.yaml");
    EXPECT_FALSE(result.ok()) << text;
    Diagnostics judged;
    judge_schema(judged, result.diagnostics.tree());
    EXPECT_FALSE(judged.ok()) << text;
  }
}

}  // namespace
}  // namespace config
