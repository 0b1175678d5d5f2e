// SPDX-License-Identifier: Apache-2.0
#include "config/decode_ports.h"

#include <array>
#include <string_view>

#include "config/decode_values.h"
#include "config/literal.h"
#include "config/words.h"

namespace config {
namespace {

struct Context {
  Diagnostics& diagnostics;
  const Fields& fields;
  const std::string& port_name;

  void read_path(std::string_view key, std::string& out) const {
    if (const Node* n = fields.find(key); n && n->is_scalar()) out = absolute_path(diagnostics, *n);
  }
};

PortOptions decode_null(const Context& c) {
  NullPort port;
  c.fields.read("generate", port.generate);
  c.fields.read("frame-size", port.frame_size);
  return port;
}

PortOptions decode_ring(const Context& c) {
  RingPort port;
  c.fields.read("peer", port.peer);
  c.fields.read("size", port.size);
  return port;
}

PortOptions decode_pcap(const Context& c) {
  PcapPort port;
  c.read_path("rx-file", port.rx_file);
  c.read_path("tx-file", port.tx_file);
  c.fields.read("loop", port.loop);
  return port;
}

PortOptions decode_tap(const Context& c) {
  TapPort port{.iface = c.port_name};
  c.fields.read("iface", port.iface);
  c.fields.read("persist", port.persist);
  return port;
}

PortOptions decode_memif(const Context& c) {
  MemifPort port;
  c.read_path("socket", port.socket);
  c.fields.read_word("role", kMemifRoles, port.role);
  c.fields.read("id", port.id);
  c.fields.read("buffer-size", port.buffer_size);
  c.fields.read("zero-copy", port.zero_copy);
  c.fields.read("secret", port.secret);
  return port;
}

PortOptions decode_vhost(const Context& c) {
  VhostPort port;
  c.read_path("socket", port.socket);
  c.fields.read_word("mode", kSocketModes, port.mode);
  return port;
}

PortOptions decode_virtio_user(const Context& c) {
  VirtioUserPort port;
  c.read_path("socket", port.socket);
  c.fields.read_word("mode", kSocketModes, port.mode);
  return port;
}

PortOptions decode_af_xdp(const Context& c) {
  AfXdpPort port;
  c.fields.read("iface", port.iface);
  c.fields.read("zero-copy", port.zero_copy);  // auto is true: where it can be had
  return port;
}

PortOptions decode_af_packet(const Context& c) {
  AfPacketPort port;
  c.fields.read("iface", port.iface);
  return port;
}

PortOptions decode_pci(const Context& c) {
  PciPort port;
  c.fields.read("address", port.address);
  return port;
}

struct KindRow {
  std::string_view name;
  PortOptions (*decode)(const Context&);
};
// By index of the variant's alternative.
constexpr KindRow kKinds[] = {{"null", decode_null},
                              {"ring", decode_ring},
                              {"pcap", decode_pcap},
                              {"tap", decode_tap},
                              {"memif", decode_memif},
                              {"vhost", decode_vhost},
                              {"virtio_user", decode_virtio_user},
                              {"af_xdp", decode_af_xdp},
                              {"af_packet", decode_af_packet},
                              {"pci", decode_pci}};
static_assert(std::size(kKinds) == std::variant_size_v<PortOptions>);

// "drop", "forward PORT", "host PORT"; the schema has seen to the form.
void read_on_pass(Diagnostics& diagnostics, const Fields& fields, const Where& where, OnPass& out) {
  const Node* node = fields.find("on-pass");
  if (!node || !node->is_scalar()) return;
  const std::string& text = node->text;
  const std::string verb = text.substr(0, text.find(' '));
  const std::size_t name = text.find_first_not_of(' ', verb.size());
  const std::string port = name == std::string::npos ? "" : text.substr(name);
  if (verb == "route" || verb == "bridge") {
    diagnostics.add(Code::kNotAvailable, where / "on-pass", node->mark,
                    "'" + verb + "' is not available yet (available: drop, forward PORT, host PORT)");
  } else if (verb == "forward" || verb == "host") {
    out = {verb == "host" ? PassAction::kHost : PassAction::kForward, port};
  } else {
    out = {};
  }
}

// none, all, or a list.
void read_spread(const Fields& fields, const std::vector<Worker>& workers, std::vector<std::string>& out) {
  const Node* node = fields.find("spread");
  if (!node) return;
  out.clear();
  if (node->is_list()) fields.read("spread", out);
  if (!node->is_scalar() || node->text != "all") return;
  for (const Worker& worker : workers) out.push_back(worker.name);
}

struct PortReader {
  Diagnostics& diagnostics;
  const std::vector<Worker>& workers;

  void read_common(const Fields& fields, const Where& where, Port& port) const;
  Port read(const Node& item, const Where& where, const Port& defaults) const;
};

void PortReader::read_common(const Fields& fields, const Where& where, Port& port) const {
  fields.read("mtu", port.mtu);
  fields.read("promisc", port.promisc);
  fields.read("rx-queues", port.rx_queues);
  fields.read("tx-queues", port.tx_queues);
  fields.read("rxd", port.rxd);
  fields.read("txd", port.txd);
  fields.read("pool", port.pool);
  read_spread(fields, workers, port.spread);
  read_on_pass(diagnostics, fields, where, port.on_pass);
}

Port PortReader::read(const Node& item, const Where& where, const Port& defaults) const {
  const Fields fields(item);
  Port port = defaults;
  port.at = where;
  fields.read("name", port.name);
  fields.read("ifindex", port.ifindex);
  // What the ports have in common leads to one of them: that one drops.
  if (port.on_pass.port == port.name) port.on_pass = {};
  read_common(fields, where, port);
  if (const Node* mac = fields.find("mac")) port.mac = parse_mac(mac->text);
  if (const Node* queues = fields.find("queues"); queues && queues->is_list()) {
    for (std::size_t i = 0; i < queues->items.size(); ++i) {
      QueueWorker queue;
      Fields(queues->items[i]).read("id", queue.id);
      Fields(queues->items[i]).read("worker", queue.worker);
      queue.at = where / "queues" / i;
      port.queues.push_back(std::move(queue));
    }
  }
  std::string kind;
  fields.read("kind", kind);
  for (const KindRow& row : kKinds) {
    if (kind == row.name) port.options = row.decode({diagnostics, fields, port.name});
  }
  return port;
}

}  // namespace

std::string_view kind_name(const PortOptions& options) noexcept {
  return kKinds[options.index()].name;
}

std::vector<Port> decode_ports(Diagnostics& diagnostics, const Node& root, const std::vector<Worker>& workers,
                               const std::string& first_pool) {
  const Fields section = Fields(root).below("ports");
  const Where where = Where{} / "ports";
  Port defaults;
  defaults.pool = first_pool;
  const PortReader reader{diagnostics, workers};
  reader.read_common(section.below("defaults"), where / "defaults", defaults);

  std::vector<Port> ports;
  const Node* list = section.find("list");
  if (!list || !list->is_list()) return ports;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    if (list->items[i].is_map()) ports.push_back(reader.read(list->items[i], where / "list" / i, defaults));
  }
  return ports;
}

}  // namespace config
