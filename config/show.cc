// SPDX-License-Identifier: Apache-2.0
// A Config as YAML that loads to an equal one.
#include <array>
#include <cstdio>
#include <string>
#include <variant>

#include "config/config.h"
#include "config/units.h"
#include "config/words.h"

namespace config {
namespace {

// Words that a reader of YAML would take for something else than text, or that would end a plain scalar.
bool is_plain_text(const std::string& text) {
  Node probe;
  probe.kind = Node::Kind::kScalar;
  probe.text = text;
  if (text.empty() || probe.as_bool() || probe.as_float() || probe.as_unsigned() || probe.as_signed()) return false;
  if (text == "null" || text == "Null" || text == "NULL" || text == "~") return false;
  const auto is_safe = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' ||
           c == '.' || c == '-';
  };
  for (const char c : text) {
    if (!is_safe(c)) return false;
  }
  return text[0] != '-' && text[0] != '.';
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\x%02x", byte);
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string scalar(const std::string& text) {
  return is_plain_text(text) ? text : quoted(text);
}
std::string scalar(std::string_view text) {
  return scalar(std::string(text));
}
std::string scalar(bool value) {
  return value ? "true" : "false";
}
std::string scalar(std::uint32_t value) {
  return std::to_string(value);
}
std::string scalar(const std::optional<std::uint32_t>& value) {
  return value ? std::to_string(*value) : "auto";
}

std::string scalar(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& item : list) out += (out.empty() ? "" : ", ") + scalar(item);
  return "[" + out + "]";
}

std::string flow(const Node& node) {
  std::string out;
  switch (node.kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kScalar:
      return node.is_text() ? scalar(node.text) : node.text;
    case Node::Kind::kList:
      for (const Node& item : node.items) out += (out.empty() ? "" : ", ") + flow(item);
      return "[" + out + "]";
    case Node::Kind::kMap:
      for (const Member& m : node.members) out += (out.empty() ? "" : ", ") + scalar(m.key.text) + ": " + flow(m.value);
      return out.empty() ? "{}" : "{ " + out + " }";
  }
  return out;
}

// "key: value, key: value" of a mapping on one line.
class Line {
 public:
  template <class T>
  Line& put(std::string_view key, const T& value) {
    return put_raw(key, scalar(value));
  }
  Line& put_raw(std::string_view key, const std::string& text) {
    out_ += (out_.empty() ? "" : ", ") + std::string(key) + ": " + text;
    return *this;
  }
  std::string text() const { return "{ " + out_ + " }"; }
  std::string item() const { return "  - " + text() + "\n"; }

 private:
  std::string out_;
};

void put_options(Line& line, const NullPort& port) {
  line.put("generate", port.generate).put("frame-size", port.frame_size);
}
void put_options(Line& line, const RingPort& port) {
  line.put("peer", port.peer).put("size", port.size);
}
void put_options(Line& line, const PcapPort& port) {
  if (!port.rx_file.empty()) line.put("rx-file", port.rx_file).put("loop", port.loop);
  if (!port.tx_file.empty()) line.put("tx-file", port.tx_file);
}
void put_options(Line& line, const TapPort& port) {
  line.put("iface", port.iface).put("persist", port.persist);
}
void put_options(Line& line, const MemifPort& port) {
  line.put("socket", port.socket).put("role", word_of(kMemifRoles, port.role)).put("id", port.id);
  line.put("buffer-size", port.buffer_size).put("zero-copy", port.zero_copy);
  if (!port.secret.empty()) line.put("secret", port.secret);
}

void put_options(Line& line, const VhostPort& port) {
  line.put("socket", port.socket).put("mode", word_of(kSocketModes, port.mode));
}
void put_options(Line& line, const VirtioUserPort& port) {
  line.put("socket", port.socket).put("mode", word_of(kSocketModes, port.mode));
}
void put_options(Line& line, const AfXdpPort& port) {
  line.put("iface", port.iface).put_raw("zero-copy", port.zero_copy ? "auto" : "false");
}
void put_options(Line& line, const AfPacketPort& port) {
  line.put("iface", port.iface);
}
void put_options(Line& line, const PciPort& port) {
  line.put("address", port.address);
}

std::string on_pass_text(const OnPass& pass) {
  if (pass.action == PassAction::kDrop) return "drop";
  return (pass.action == PassAction::kHost ? "host " : "forward ") + pass.port;
}

std::string mac_text(const std::array<std::uint8_t, 6>& mac) {
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                mac[5]);
  return text.data();
}

std::string port_item(const Port& port) {
  Line line;
  line.put("name", port.name).put("kind", kind_name(port.options));
  std::visit([&](const auto& options) { put_options(line, options); }, port.options);
  line.put("mtu", port.mtu);
  if (port.mac) line.put("mac", mac_text(*port.mac));
  line.put("promisc", port.promisc).put("rx-queues", port.rx_queues).put("tx-queues", port.tx_queues);
  line.put("rxd", port.rxd).put("txd", port.txd);
  std::string queues;
  for (const QueueWorker& q : port.queues) {
    queues += (queues.empty() ? "" : ", ") + Line().put("id", q.id).put("worker", q.worker).text();
  }
  line.put_raw("queues", "[" + queues + "]");
  line.put_raw("spread", port.spread.empty() ? "none" : scalar(port.spread));
  if (port.ifindex) line.put("ifindex", *port.ifindex);
  line.put_raw("on-pass", on_pass_text(port.on_pass)).put("pool", port.pool);
  return "  " + line.item();
}

std::string eal_section(const Eal& eal) {
  std::string sizes;
  for (const std::uint64_t bytes : eal.memory_per_socket_bytes)
    sizes += (sizes.empty() ? "" : ", ") + format_size(bytes);
  Line memory;
  memory.put("mode", word_of(kMemoryModes, eal.memory_mode)).put_raw("per-socket", "[" + sizes + "]");
  memory.put("fallback", word_of(kMemoryFallbacks, eal.memory_fallback));
  return "eal:\n  file-prefix: " + scalar(eal.file_prefix) + "\n  main-lcore: " + scalar(eal.main_lcore) +
         "\n  memory: " + memory.text() + "\n  iova: " + scalar(word_of(kIovas, eal.iova)) +
         "\n  extra: " + scalar(eal.extra) + "\n";
}

std::string worker_items(const std::vector<Worker>& workers) {
  std::string out;
  for (const Worker& w : workers) {
    Line line;
    line.put("name", w.name).put("cpu", w.cpu).put("poll", word_of(kPolls, w.poll));
    line.put_raw("max-sleep", format_time(w.max_sleep_ns)).put("burst", w.burst);
    out += "  " + line.item();
  }
  return "workers:\n  list:\n" + out;
}

std::string pool_items(const std::vector<Mempool>& pools) {
  std::string out = "mempools:\n";
  for (const Mempool& p : pools) {
    Line line;
    line.put("name", p.name)
        .put("socket", p.socket)
        .put("mbufs", p.mbufs)
        .put("data-room", p.data_room)
        .put("cache", p.cache);
    out += line.item();
  }
  return out;
}

std::string map_items(const std::vector<Map>& maps) {
  if (maps.empty()) return "maps: []\n";
  std::string out = "maps:\n";
  for (const Map& map : maps) {
    out += "  - name: " + scalar(map.name) + "\n";
    if (!map.program.empty()) out += "    program: " + scalar(map.program) + "\n";
    if (!map.object.empty()) out += "    object: " + scalar(map.object) + "\n";
    if (map.max_entries) out += "    max-entries: " + std::to_string(*map.max_entries) + "\n";
    if (!map.entries.empty()) out += "    entries:\n";
    for (const MapEntry& e : map.entries) {
      out += "    " + Line().put_raw("key", flow(e.key)).put_raw("value", flow(e.value)).item();
    }
  }
  return out;
}

std::string program_items(const std::vector<Program>& programs) {
  if (programs.empty()) return "programs: []\n";
  std::string out = "programs:\n";
  for (const Program& p : programs) {
    out += "  - name: " + scalar(p.name) + "\n    object: " + scalar(p.object) +
           "\n    sections: " + (p.sections.empty() ? "auto" : scalar(p.sections)) + "\n";
    if (!p.rodata.empty()) out += "    rodata:\n";
    for (const Rodata& r : p.rodata) out += "      " + scalar(r.variable) + ": " + flow(r.value) + "\n";
    out += "    verify: " + Line().put("log-level", p.log_level).text() + "\n    stats: " + scalar(p.stats) + "\n";
  }
  return out;
}

std::string attachment_items(const std::vector<Attachment>& attachments) {
  if (attachments.empty()) return "attachments: []\n";
  std::string out = "attachments:\n";
  for (const Attachment& a : attachments) {
    Line line;
    line.put("hook", word_of(kHooks, a.hook)).put("port", a.port);
    line.put("program", a.function.empty() ? a.program : a.program + "/" + a.function);
    out += line.item();
  }
  return out;
}

std::string log_section(const Log& log) {
  Line line;
  line.put("level", word_of(kLogLevels, log.level));
  line.put("format", word_of(kLogFormats, log.format)).put_raw("target", "[stderr]");
  return "log: " + line.text() + "\n";
}

std::string jit_section(const Jit& jit) {
  Line line;
  line.put("background", jit.background).put("cache", jit.cache).put("cache-folder", jit.cache_folder);
  line.put_raw("cache-size", format_size(jit.cache_bytes)).put("perf-map", jit.perf_map);
  return "jit: " + line.text() + "\n";
}

std::string limits_section(const Limits& limits) {
  Line line;
  line.put_raw("maps-memory", format_size(limits.maps_memory_bytes)).put("programs", limits.programs);
  return "limits: " + line.text() + "\n";
}

}  // namespace

std::string show(const Config& config) {
  std::string out = "version: " + std::to_string(config.version) + "\n";
  out += eal_section(config.eal) + worker_items(config.workers) + pool_items(config.mempools) + "ports:\n  list:\n";
  for (const Port& port : config.ports) out += port_item(port);
  out += map_items(config.maps) + program_items(config.programs) + attachment_items(config.attachments);
  out += "pins: " + Line().put("root", config.pins.root).text() + "\n";
  out += "telemetry: " + Line().put("dpdk", config.telemetry.dpdk).text() + "\n" + log_section(config.log);
  out += "security: " + Line().put("allow-load", config.security.allow_load).text() + "\n";
  return out + jit_section(config.jit) + limits_section(config.limits);
}

}  // namespace config
