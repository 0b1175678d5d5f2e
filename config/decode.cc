// SPDX-License-Identifier: Apache-2.0
#include "config/decode.h"

#include <filesystem>

#include "config/decode_ports.h"
#include "config/decode_values.h"
#include "config/words.h"

namespace config {

std::string absolute_path(const Diagnostics& diagnostics, const Node& path) {
  if (path.text.empty()) return {};
  std::filesystem::path full(path.text);
  if (full.is_relative()) {
    const std::string base = path.mark.known() ? diagnostics.sources.directory(path.mark.file) : ".";
    std::error_code error;
    full = std::filesystem::absolute(std::filesystem::path(base) / full, error);
  }
  return full.lexically_normal().string();
}

namespace {

// Calls take(item, where) for each mapping of the list at `key`.
template <class Take>
void for_each_item(const Fields& fields, std::string_view key, const Where& where, Take take) {
  const Node* list = fields.find(key);
  if (!list || !list->is_list()) return;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    if (list->items[i].is_map()) take(list->items[i], where / key / i);
  }
}

void read_path(const Diagnostics& diagnostics, const Fields& fields, std::string_view key, std::string& out) {
  if (const Node* n = fields.find(key); n && n->is_scalar()) out = absolute_path(diagnostics, *n);
}

Eal decode_eal(const Fields& fields) {
  Eal eal;
  fields.read("file-prefix", eal.file_prefix);
  fields.read("main-lcore", eal.main_lcore);
  fields.read_word("iova", kIovas, eal.iova);
  fields.read("extra", eal.extra);
  const Fields memory = fields.below("memory");
  memory.read_word("mode", kMemoryModes, eal.memory_mode);
  memory.read_word("fallback", kMemoryFallbacks, eal.memory_fallback);
  if (const Node* sizes = memory.find("per-socket"); sizes && sizes->is_list()) {
    for (const Node& size : sizes->items)
      eal.memory_per_socket_bytes.push_back(parse_size_bytes(size.text).value_or(0));
  }
  return eal;
}

void read_worker(const Fields& fields, Worker& worker) {
  fields.read("name", worker.name);
  fields.read("cpu", worker.cpu);
  fields.read_word("poll", kPolls, worker.poll);
  fields.read_with("max-sleep", parse_time_ns, worker.max_sleep_ns);
  fields.read("burst", worker.burst);
}

std::vector<Worker> decode_workers(const Fields& fields) {
  Worker defaults;
  read_worker(fields.below("defaults"), defaults);
  std::vector<Worker> workers;
  for_each_item(fields, "list", Where{} / "workers", [&](const Node& item, const Where& where) {
    Worker worker = defaults;
    read_worker(Fields(item), worker);
    worker.at = where;
    workers.push_back(std::move(worker));
  });
  if (workers.empty()) {
    defaults.name = "w0";
    defaults.at = Where{} / "workers";
    workers.push_back(std::move(defaults));
  }
  return workers;
}

std::vector<Mempool> decode_mempools(const Fields& root) {
  std::vector<Mempool> pools;
  for_each_item(root, "mempools", {}, [&](const Node& item, const Where& where) {
    const Fields fields(item);
    Mempool pool;
    fields.read("name", pool.name);
    fields.read("socket", pool.socket);
    fields.read("mbufs", pool.mbufs);
    fields.read("data-room", pool.data_room);
    fields.read("cache", pool.cache);
    pool.at = where;
    pools.push_back(std::move(pool));
  });
  if (pools.empty()) pools.push_back({.name = "pool0", .at = Where{} / "mempools"});
  return pools;
}

std::vector<Map> decode_maps(const Diagnostics& diagnostics, const Fields& root) {
  std::vector<Map> maps;
  for_each_item(root, "maps", {}, [&](const Node& item, const Where& where) {
    const Fields fields(item);
    Map map;
    fields.read("name", map.name);
    fields.read("program", map.program);
    read_path(diagnostics, fields, "object", map.object);
    std::uint64_t count = 0;
    fields.read_with("max-entries", parse_count, count);
    if (count > 0) map.max_entries = count;
    for_each_item(fields, "entries", where, [&](const Node& entry, const Where& at) {
      const Node* key = entry.find("key");
      const Node* value = entry.find("value");
      if (key && value) map.entries.push_back({*key, *value, at});
    });
    map.at = where;
    maps.push_back(std::move(map));
  });
  return maps;
}

std::vector<Program> decode_programs(const Diagnostics& diagnostics, const Fields& root) {
  std::vector<Program> programs;
  for_each_item(root, "programs", {}, [&](const Node& item, const Where& where) {
    const Fields fields(item);
    Program program;
    fields.read("name", program.name);
    read_path(diagnostics, fields, "object", program.object);
    fields.read("sections", program.sections);
    fields.below("verify").read("log-level", program.log_level);
    fields.read("stats", program.stats);
    if (const Node* rodata = fields.find("rodata"); rodata && rodata->is_map()) {
      for (const Member& m : rodata->members) {
        program.rodata.push_back({m.key.text, m.value, where / "rodata" / m.key.text});
      }
    }
    program.at = where;
    programs.push_back(std::move(program));
  });
  return programs;
}

std::vector<Attachment> decode_attachments(const Fields& root) {
  std::vector<Attachment> attachments;
  for_each_item(root, "attachments", {}, [&](const Node& item, const Where& where) {
    const Fields fields(item);
    Attachment attachment;
    fields.read_word("hook", kHooks, attachment.hook);
    fields.read("port", attachment.port);
    std::string program;
    fields.read("program", program);
    const std::size_t slash = program.find('/');
    attachment.program = program.substr(0, slash);
    if (slash != std::string::npos) attachment.function = program.substr(slash + 1);
    attachment.at = where;
    attachments.push_back(std::move(attachment));
  });
  return attachments;
}

Log decode_log(const Fields& fields) {
  Log log;
  fields.read_word("level", kLogLevels, log.level);
  fields.read_word("format", kLogFormats, log.format);
  return log;
}

Security decode_security(Diagnostics& diagnostics, const Fields& fields) {
  Security security;
  fields.read("allow-load", security.allow_load);
  for (std::size_t i = 0; i < security.allow_load.size(); ++i) {
    if (security.allow_load[i] == "root") continue;
    diagnostics.add(Code::kNotAvailable, Where{} / "security" / "allow-load" / i,
                    "not available yet: only root and the daemon's own user may load programs (available: root)");
  }
  return security;
}

Jit decode_jit(Diagnostics& diagnostics, const Fields& fields) {
  Jit jit;
  fields.read("background", jit.background);
  fields.read("cache", jit.cache);
  read_path(diagnostics, fields, "cache-folder", jit.cache_folder);
  fields.read_with("cache-size", parse_size_bytes, jit.cache_bytes);
  fields.read("perf-map", jit.perf_map);
  return jit;
}

Limits decode_limits(const Fields& fields) {
  Limits limits;
  fields.read_with("maps-memory", parse_size_bytes, limits.maps_memory_bytes);
  fields.read("programs", limits.programs);
  return limits;
}

}  // namespace

Config decode(Diagnostics& diagnostics, const Node& tree) {
  const Fields root(tree);
  Config config;
  config.eal = decode_eal(root.below("eal"));
  config.workers = decode_workers(root.below("workers"));
  config.mempools = decode_mempools(root);
  config.ports = decode_ports(diagnostics, tree, config.workers, config.mempools.front().name);
  config.maps = decode_maps(diagnostics, root);
  config.programs = decode_programs(diagnostics, root);
  config.attachments = decode_attachments(root);
  read_path(diagnostics, root.below("pins"), "root", config.pins.root);
  root.below("telemetry").read("dpdk", config.telemetry.dpdk);
  config.log = decode_log(root.below("log"));
  config.security = decode_security(diagnostics, root.below("security"));
  config.jit = decode_jit(diagnostics, root.below("jit"));
  config.limits = decode_limits(root.below("limits"));
  return config;
}

}  // namespace config
