// SPDX-License-Identifier: Apache-2.0
// What only the whole configuration can tell: names and contradictions.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/decode.h"
#include "config/memory_need.h"
#include "config/text.h"
#include "config/words.h"

namespace config {
namespace {

using Words = std::vector<std::string>;

template <class Items>
Words names_of(const Items& items) {
  Words names;
  for (const auto& item : items) {
    if (!item.name.empty()) names.push_back(item.name);
  }
  return names;
}

template <class Items>
auto find_named(const Items& items, std::string_view name) {
  return std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.name == name; });
}

template <class Items>
bool has_name(const Items& items, std::string_view name) {
  return find_named(items, name) != items.end();
}

// Does an error at `rest` below the pointer of a list (or of its section) leave an item of the list without its name?
bool loses_a_name(std::string_view rest) {
  const auto steps = std::count(rest.begin(), rest.end(), '/');
  if (steps != 2) return steps <= 1;
  const std::string_view key = rest.substr(rest.rfind('/') + 1);
  return key == "name" || suggest(key, {"name"}).has_value();
}

// Lists that have lost items or names to errors found before, or were misspelt as a whole: no witness for what does not
// exist. Without this, one wrong letter would give an error for every reference.
std::set<std::string, std::less<>> find_untrusted(const Diagnostics& diagnostics) {
  std::set<std::string, std::less<>> untrusted;
  for (const std::string list : {"/workers/list", "/ports/list", "/mempools", "/programs"}) {
    const std::string section = list.substr(0, list.find('/', 1));
    for (const Diagnostic& d : diagnostics.list()) {
      if (d.severity != Severity::kError) continue;
      const std::string_view pointer = d.pointer;
      const bool in_list = pointer.starts_with(list) && loses_a_name(pointer.substr(list.size()));
      const bool in_section =
          pointer.starts_with(section) && std::count(pointer.begin(), pointer.end(), '/') <= 2 && list != section;
      const bool misspelt = d.code == Code::kUnknownKey && std::count(pointer.begin(), pointer.end(), '/') == 1 &&
                            suggest(pointer.substr(1), {section.substr(1)}).has_value();
      if (in_list || in_section || misspelt) untrusted.insert(list);
    }
  }
  return untrusted;
}

class Checker {
 public:
  Checker(Diagnostics& diagnostics, const Config& config)
      : diagnostics_(diagnostics), config_(config), untrusted_(find_untrusted(diagnostics)) {}

  void run() {
    check_unique_names(config_.workers, "worker");
    check_unique_names(config_.mempools, "mempool");
    check_unique_names(config_.ports, "port");
    check_unique_names(config_.programs, "program");
    check_cpus();
    for (const Port& port : config_.ports) check_port(port);
    check_ifindexes();
    check_shared_resources();
    check_maps();
    check_attachments();
  }

 private:
  // -------------------------------------------------------------- reporting
  Diagnostic& add(Code code, const Where& where, std::string message) {
    return diagnostics_.add(code, where, std::move(message));
  }
  void note(Diagnostic& d, const Where& where, std::string message) {
    d.notes.push_back({diagnostics_.value_mark(where), std::move(message)});
  }

  // `name`, written at `where`, should be one of `have`, which are listed in `section`.
  void add_dangling(Code code, const Where& where, const char* noun, const std::string& name, const Words& have,
                    const std::string& section) {
    if (name.empty() || untrusted_.contains(section)) return;
    if (!told_.insert(where.pointer).second) return;  // a default, and told for another port already
    const auto near = suggest(name, have);
    std::string message = std::string("no ") + noun + " named '" + name + "' (have: " + join_words(have) + ")";
    if (near) message += "; did you mean '" + *near + "'?";
    Diagnostic& d = add(code, where, std::move(message));
    const Where list = Where{section};
    if (find_node(diagnostics_.tree(), section)) {
      d.notes.push_back({diagnostics_.key_mark(list), std::string(noun) + "s are listed here"});
    }
  }

  void check_port_name(const Where& where, const std::string& name) {
    if (!has_name(config_.ports, name))
      add_dangling(Code::kNoSuchPort, where, "port", name, names_of(config_.ports), "/ports/list");
  }
  void check_program_name(const Where& where, const std::string& name) {
    if (has_name(config_.programs, name)) return;
    add_dangling(Code::kNoSuchProgram, where, "program", name, names_of(config_.programs), "/programs");
  }

  // -------------------------------------------------------------- names
  template <class Items>
  void check_unique_names(const Items& items, const char* noun) {
    std::map<std::string, const Where*> first;
    for (const auto& item : items) {
      if (item.name.empty()) continue;
      const auto [found, is_new] = first.emplace(item.name, &item.at);
      if (is_new) continue;
      Diagnostic& d =
          add(Code::kDuplicateName, item.at / "name", std::string("a second ") + noun + " named '" + item.name + "'");
      note(d, *found->second / "name", "the first one is here");
    }
  }

  // -------------------------------------------------------------- workers
  void check_cpus() {
    std::map<std::uint32_t, const Worker*> first;
    for (const Worker& worker : config_.workers) {
      if (!worker.cpu) continue;
      const auto [found, is_new] = first.emplace(*worker.cpu, &worker);
      if (!is_new) {
        Diagnostic& d =
            add(Code::kCpuTwice, worker.at / "cpu",
                "CPU " + std::to_string(*worker.cpu) + " already belongs to worker '" + found->second->name + "'");
        note(d, found->second->at / "cpu", "given here");
      } else if (config_.eal.main_lcore == worker.cpu) {
        Diagnostic& d = add(Code::kCpuIsMain, worker.at / "cpu",
                            "worker '" + worker.name + "' shares CPU " + std::to_string(*worker.cpu) +
                                " with the main thread, which will delay its packets");
        note(d, Where{"/eal/main-lcore"}, "given to the main thread here");
      }
    }
  }

  // -------------------------------------------------------------- ports
  void check_port(const Port& port) {
    if (!has_name(config_.mempools, port.pool)) {
      add_dangling(Code::kNoSuchPool, own_or_default(port, "pool"), "mempool", port.pool, names_of(config_.mempools),
                   "/mempools");
    } else {
      check_frame_fits(port);
    }
    check_queues(port);
    if (port.on_pass.action != PassAction::kDrop) check_pass(port);
    std::visit([&](const auto& options) { check_options(port, options); }, port.options);
  }

  void check_frame_fits(const Port& port) {
    constexpr std::uint32_t kHeadroomBytes = 128;  // RTE_PKTMBUF_HEADROOM of Debian's DPDK
    constexpr std::uint32_t kEthernetBytes = 18;   // header and one VLAN tag
    const Mempool& pool = *find_named(config_.mempools, port.pool);
    if (port.mtu + kEthernetBytes + kHeadroomBytes <= pool.data_room) return;
    Diagnostic& d = add(Code::kFrameTooBig, own_or_default(port, "mtu"),
                        "frames of mtu " + std::to_string(port.mtu) + " need a data-room of at least " +
                            std::to_string(port.mtu + kEthernetBytes + kHeadroomBytes) + "; mempool '" + pool.name +
                            "' has " + std::to_string(pool.data_room));
    note(d, pool.at, "the mempool is here");
  }

  void check_queues(const Port& port) {
    for (std::size_t i = 0; i < port.spread.size(); ++i) check_spread(port, i);
    std::map<std::uint32_t, const QueueWorker*> first;
    for (const QueueWorker& queue : port.queues) {
      if (!has_name(config_.workers, queue.worker)) {
        add_dangling(Code::kNoSuchWorker, queue.at / "worker", "worker", queue.worker, names_of(config_.workers),
                     "/workers/list");
      }
      const auto [found, is_new] = first.emplace(queue.id, &queue);
      if (!is_new) {
        Diagnostic& d =
            add(Code::kQueueTwice, queue.at / "id",
                "queue " + std::to_string(queue.id) + " already belongs to worker '" + found->second->worker + "'");
        note(d, found->second->at, "given here");
      }
    }
    if (!port.rx_queues || port.queues.empty()) return;
    for (const auto& [id, queue] : first) {
      if (id < *port.rx_queues) continue;
      add(Code::kQueueBeyond, queue->at / "id",
          "port '" + port.name + "' has " + std::to_string(*port.rx_queues) + " receive queue" +
              (*port.rx_queues == 1 ? "" : "s") + ", numbered from 0");
    }
    for (std::uint32_t id = 0; id < *port.rx_queues; ++id) {
      if (first.contains(id)) continue;
      add(Code::kQueueUnserved, port.at / "queues",
          "no worker is given for receive queue " + std::to_string(id) + " of " + std::to_string(*port.rx_queues));
    }
  }

  void check_spread(const Port& port, std::size_t i) {
    const Where where = own_or_default(port, "spread") / i;
    if (!has_name(config_.workers, port.spread[i])) {
      add_dangling(Code::kNoSuchWorker, where, "worker", port.spread[i], names_of(config_.workers), "/workers/list");
    } else if (std::count(port.spread.begin(), port.spread.begin() + static_cast<std::ptrdiff_t>(i), port.spread[i]) >
               0) {
      add(Code::kDuplicateName, where, "worker '" + port.spread[i] + "' is listed twice");
    }
  }

  // Where the value of `key` that a port has was written.
  Where own_or_default(const Port& port, const char* key) const {
    const Where own = port.at / key;
    const Where shared = Where{"/ports/defaults"} / key;
    return find_node(diagnostics_.tree(), own.pointer) || !find_node(diagnostics_.tree(), shared.pointer) ? own
                                                                                                          : shared;
  }

  void check_pass(const Port& port) {
    const Where where = own_or_default(port, "on-pass");
    const auto target = find_named(config_.ports, port.on_pass.port);
    if (target == config_.ports.end()) return check_port_name(where, port.on_pass.port);
    const bool to_host = port.on_pass.action == PassAction::kHost;
    if (to_host && !std::holds_alternative<TapPort>(target->options) && !has_kind_error(*target)) {
      Diagnostic& d = add(Code::kNotOneOf, where,
                          "port '" + target->name + "' does not lead to the host: it is of kind " +
                              std::string(kind_name(target->options)) + ", not tap");
      note(d, target->at, "the port is here");
    } else if (&*target == &port && is_own_key(port, where)) {
      add(Code::kSelfReference, where, "a port cannot pass packets to itself; XDP_TX sends them back");
    }
  }

  bool is_own_key(const Port& port, const Where& where) const { return where.pointer.starts_with(port.at.pointer); }
  bool has_kind_error(const Port& port) const { return diagnostics_.has_error_below((port.at / "kind").pointer); }

  void check_options(const Port& port, const RingPort& ring) {
    check_power_of_two(port.at / "size", ring.size);
    if (ring.peer.empty()) return;
    const Where where = port.at / "peer";
    const auto peer = find_named(config_.ports, ring.peer);
    if (peer == config_.ports.end()) return check_port_name(where, ring.peer);
    if (&*peer == &port) return;  // a loop
    const auto* other = std::get_if<RingPort>(&peer->options);
    if (!other) {
      if (has_kind_error(*peer)) return;
      Diagnostic& d =
          add(Code::kRingPeer, where,
              "port '" + peer->name + "' is of kind " + std::string(kind_name(peer->options)) + ", not ring");
      note(d, peer->at, "the port is here");
    } else if (other->peer != port.name && !other->peer.empty()) {
      Diagnostic& d = add(Code::kRingPeer, where,
                          "port '" + peer->name + "' has '" + other->peer + "' for its peer, not '" + port.name + "'");
      note(d, peer->at / "peer", "its peer is given here");
    } else if (other->size != ring.size && peer->at.pointer < port.at.pointer) {
      Diagnostic& d = add(Code::kRingPeer, port.at / "size",
                          "the two ends of a ring have one size: this one says " + std::to_string(ring.size) +
                              ", port '" + peer->name + "' " + std::to_string(other->size));
      note(d, peer->at, "the other end is here");
    }
  }

  void check_options(const Port& port, const MemifPort&) {
    if (port.rxd) check_power_of_two(port.at / "rxd", *port.rxd);
  }

  void check_options(const Port& port, const PcapPort& pcap) {
    if (pcap.rx_file.empty() && pcap.tx_file.empty()) {
      add(Code::kNothingToDo, port.at, "a pcap port needs rx-file, tx-file or both");
    } else if (pcap.loop && pcap.rx_file.empty()) {
      add(Code::kNothingToDo, port.at / "loop", "loop repeats rx-file, and there is none");
    }
  }

  void check_options(const Port& port, const VirtioUserPort&) {
    if (port.rxd) check_power_of_two(port.at / "rxd", *port.rxd);
  }

  // What is wrong with the others only the machine can tell.
  template <class Options>
  void check_options(const Port&, const Options&) {}

  void check_power_of_two(const Where& where, std::uint32_t value) {
    if ((value & (value - 1)) == 0 || diagnostics_.has_error_below(where.pointer)) return;
    add(Code::kOutOfRange, where, "must be a power of two, not " + std::to_string(value));
  }

  void check_ifindexes() {
    std::map<std::uint32_t, const Port*> first;
    for (const Port& port : config_.ports) {
      if (!port.ifindex) continue;
      const auto [found, is_new] = first.emplace(*port.ifindex, &port);
      if (is_new) continue;
      Diagnostic& d =
          add(Code::kIfindexTwice, port.at / "ifindex",
              "ifindex " + std::to_string(*port.ifindex) + " already belongs to port '" + found->second->name + "'");
      note(d, found->second->at / "ifindex", "given here");
    }
  }

  // Interface of the host that a port stands on; empty: none.
  static std::string interface_of(const PortOptions& options) {
    if (const auto* tap = std::get_if<TapPort>(&options)) return tap->iface;
    if (const auto* xdp = std::get_if<AfXdpPort>(&options)) return xdp->iface;
    if (const auto* packet = std::get_if<AfPacketPort>(&options)) return packet->iface;
    return {};
  }

  // Files that are written, interfaces of the host, devices, sockets: one port each.
  void check_shared_resources() {
    std::map<std::string, std::pair<const Port*, Where>> first;
    const auto claim = [&](const Port& port, const char* key, const std::string& what, const std::string& resource) {
      if (resource.empty()) return;
      const Where where = port.at / key;
      const auto [found, is_new] = first.try_emplace(what + resource, &port, where);
      if (is_new) return;
      Diagnostic& d = add(Code::kResourceTwice, where,
                          what + "'" + resource + "' is already used by port '" + found->second.first->name + "'");
      note(d, found->second.second, "used here");
    };
    for (const Port& port : config_.ports) {
      if (const auto* pcap = std::get_if<PcapPort>(&port.options)) claim(port, "tx-file", "file ", pcap->tx_file);
      claim(port, "iface", "interface ", interface_of(port.options));
      if (const auto* pci = std::get_if<PciPort>(&port.options)) claim(port, "address", "device ", pci->address);
      if (const auto* vhost = std::get_if<VhostPort>(&port.options); vhost && vhost->mode == SocketMode::kServer)
        claim(port, "socket", "socket ", vhost->socket);
      if (const auto* memif = std::get_if<MemifPort>(&port.options); memif && !memif->socket.empty()) {
        claim(port, "id", "memif ", memif->socket + " id " + std::to_string(memif->id));
      }
    }
    for (const Port& port : config_.ports) {
      const auto* pcap = std::get_if<PcapPort>(&port.options);
      if (!pcap || pcap->rx_file.empty()) continue;
      const auto writer = first.find("file " + pcap->rx_file);
      if (writer == first.end()) continue;
      Diagnostic& d = add(Code::kResourceTwice, port.at / "rx-file",
                          "file '" + pcap->rx_file + "' would be overwritten while it is read");
      note(d, writer->second.second, "written here");
    }
  }

  // -------------------------------------------------------------- maps, attachments
  void check_maps() {
    std::map<std::string, const Map*> first;
    for (const Map& map : config_.maps) {
      if (!map.program.empty()) check_program_name(map.at / "program", map.program);
      if (!map.program.empty() && !map.object.empty()) {
        add(Code::kKeysExclude, map.at / "object", "give program or object, not both");
      }
      check_object(map);
      if (config_.programs.empty() && map.program.empty() && map.object.empty() && !map.name.empty() &&
          !untrusted_.contains("/programs")) {
        add(Code::kNoSuchMap, map.at / "name", "no program is loaded that could have a map '" + map.name + "'");
      }
      check_entries(map);
      const auto [found, is_new] = first.emplace(map.name + "\n" + map.program + "\n" + map.object, &map);
      if (is_new || map.name.empty()) continue;
      Diagnostic& d = add(Code::kMapTwice, map.at / "name", "map '" + map.name + "' is described twice");
      note(d, found->second->at / "name", "the first time is here");
    }
  }

  void check_object(const Map& map) {
    if (map.object.empty() || untrusted_.contains("/programs")) return;
    Words objects;
    for (const Program& program : config_.programs) objects.push_back(program.object);
    if (std::find(objects.begin(), objects.end(), map.object) != objects.end()) return;
    add(Code::kNoSuchObject, map.at / "object",
        "no program is loaded from '" + map.object + "' (have: " + join_words(objects) + ")");
  }

  void check_entries(const Map& map) {
    std::map<std::string, const MapEntry*> first;
    for (const MapEntry& entry : map.entries) {
      const auto [found, is_new] = first.emplace(flat(entry.key), &entry);
      if (is_new) continue;
      Diagnostic& d = add(Code::kEntryTwice, entry.at / "key", "this key already stands among the entries");
      note(d, found->second->at / "key", "the first time is here");
    }
    if (!map.max_entries || map.entries.size() <= *map.max_entries) return;
    add(Code::kMapSize, map.at / "max-entries",
        "must be at least " + std::to_string(map.entries.size()) + ", for that many entries to begin with");
  }

  // Content as one text: equal when written equally, whatever the order of fields.
  static std::string flat(const Node& node) {
    if (node.is_scalar()) return (node.quoted ? "'" : "") + std::to_string(node.text.size()) + ":" + node.text;
    std::string text = node.is_null() ? "~" : node.is_list() ? "[" : "{";
    for (const Node& item : node.items) text += flat(item) + ",";
    std::set<std::string> members;
    for (const Member& m : node.members) members.insert(m.key.text + "=" + flat(m.value));
    for (const std::string& m : members) text += m + ",";
    return text + ";";
  }

  void check_attachments() {
    std::map<std::string, const Attachment*> first;
    for (const Attachment& attachment : config_.attachments) {
      check_program_name(attachment.at / "program", attachment.program);
      if (attachment.port.empty() || diagnostics_.has_error_below((attachment.at / "hook").pointer)) continue;
      if (!has_name(config_.ports, attachment.port)) {
        check_port_name(attachment.at / "port", attachment.port);
        continue;
      }
      const bool one_only = attachment.hook == Hook::kXdp;
      const std::string hook = "hook " + std::string(word_of(kHooks, attachment.hook)) + " of port '" + attachment.port;
      const std::string program = attachment.program + "/" + attachment.function;
      const auto [found, is_new] = first.emplace(hook + (one_only ? "" : "\n" + program), &attachment);
      if (is_new) continue;
      Diagnostic& d = add(Code::kHookTwice, attachment.at / "program",
                          hook + (one_only ? "' already has a program; several on this hook are not available yet"
                                           : "' already has this program"));
      note(d, found->second->at / "program", "attached here");
    }
  }

  Diagnostics& diagnostics_;
  const Config& config_;
  const std::set<std::string, std::less<>> untrusted_;  // pointers of lists
  std::set<std::string> told_;                          // pointers of dangling names
};

}  // namespace

void check_config(Diagnostics& diagnostics, const Config& config) {
  Checker(diagnostics, config).run();
}

}  // namespace config
