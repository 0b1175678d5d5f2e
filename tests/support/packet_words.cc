// SPDX-License-Identifier: Apache-2.0
#include "tests/support/packet_words.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <sstream>

#include "base/types.h"

namespace support {
namespace {

using base::u16;
using base::u32;
using base::u8;
using Bytes = std::vector<std::byte>;
using Words = std::vector<std::string>;

base::Error bad(const std::string& what) {
  return base::Error(EINVAL, "packet: " + what);
}

std::vector<Words> split_layers(const std::string& text) {
  std::vector<Words> layers(1);
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    if (word == "|")
      layers.emplace_back();
    else
      layers.back().push_back(word);
  }
  return layers;
}

class Builder {
 public:
  base::Status add(const Words& words) {
    if (words.empty()) return bad("empty layer");
    const auto it = layers().find(words[0]);
    if (it == layers().end()) return bad("unknown layer '" + words[0] + "'");
    if (words.size() < it->second.words_min) return bad("'" + words[0] + "' needs more words");
    return (this->*it->second.add)(words);
  }

  Bytes finish() {
    if (ip4_ >= 0) finish_ip4();
    if (ip6_ >= 0) put16(std::size_t(ip6_) + 4, u16(out_.size() - std::size_t(ip6_) - 40));
    if (udp_ >= 0) put16(std::size_t(udp_) + 4, u16(out_.size() - std::size_t(udp_)));
    if (udp_ >= 0 && ip4_ >= 0) finish_transport(std::size_t(udp_), 6, 17);
    if (tcp_ >= 0 && ip4_ >= 0) finish_transport(std::size_t(tcp_), 16, 6);
    if (cut_ >= 0 && std::size_t(cut_) < out_.size()) out_.resize(std::size_t(cut_));
    return std::move(out_);
  }

 private:
  struct Layer {
    base::Status (Builder::*add)(const Words&);
    std::size_t words_min;
  };
  static const std::map<std::string, Layer>& layers() {
    static const std::map<std::string, Layer> table = {{"eth", {&Builder::eth, 2}},   {"vlan", {&Builder::vlan, 3}},
                                                       {"ip4", {&Builder::ip4, 4}},   {"ip6", {&Builder::ip6, 4}},
                                                       {"tcp", {&Builder::tcp, 3}},   {"udp", {&Builder::udp, 3}},
                                                       {"icmp", {&Builder::icmp, 3}}, {"fill", {&Builder::fill, 2}},
                                                       {"hex", {&Builder::hex, 2}},   {"cut", {&Builder::cut, 2}}};
    return table;
  }

  static u32 number(const std::string& word, int base = 10) { return u32(std::strtoul(word.c_str(), nullptr, base)); }
  void add8(u32 v) { out_.push_back(std::byte(v)); }
  void add16(u32 v) { add8(v >> 8), add8(v & 0xff); }
  void add32(u32 v) { add16(v >> 16), add16(v & 0xffff); }
  void put16(std::size_t at, u16 v) { out_[at] = std::byte(v >> 8), out_[at + 1] = std::byte(v & 0xff); }

  base::Status eth(const Words& w) {
    for (const u32 last : {2, 1}) add32(0x02000000), add16(last);
    add16(number(w[1], 16));
    return base::success();
  }
  base::Status vlan(const Words& w) {
    add16(number(w[1])), add16(number(w[2], 16));
    return base::success();
  }
  base::Status address4(const std::string& word) {
    unsigned a, b, c, d;
    if (std::sscanf(word.c_str(), "%u.%u.%u.%u", &a, &b, &c, &d) != 4) return bad("'" + word + "' is no IPv4 address");
    add32(a << 24 | b << 16 | c << 8 | d);
    return base::success();
  }
  base::Status ip4(const Words& w) {
    std::map<std::string, u32> given{{"ttl", 64}, {"frag", 0}, {"options", 0}};
    for (std::size_t i = 4; i + 1 < w.size(); i += 2) given[w[i]] = number(w[i + 1]);
    ip4_ = long(out_.size());
    add8(0x45 + given["options"] / 4), add8(0), add16(0), add16(0x1234), add16(given["frag"]);
    add8(given["ttl"]), add8(number(w[3])), add16(0);
    SLUICE_CHECK(address4(w[1]));
    SLUICE_CHECK(address4(w[2]));
    for (u32 i = 0; i < given["options"]; ++i) add8(1);  // no operation
    return base::success();
  }
  base::Status address6(const std::string& word) {
    unsigned g[8];
    if (std::sscanf(word.c_str(), "%x:%x:%x:%x:%x:%x:%x:%x", g, g + 1, g + 2, g + 3, g + 4, g + 5, g + 6, g + 7) != 8)
      return bad("'" + word + "' is no IPv6 address of eight groups");
    for (const unsigned group : g) add16(group);
    return base::success();
  }
  base::Status ip6(const Words& w) {
    ip6_ = long(out_.size());
    add32(0x60000000), add16(0), add8(number(w[3])), add8(64);
    SLUICE_CHECK(address6(w[1]));
    return address6(w[2]);
  }
  base::Status tcp(const Words& w) {
    const std::map<std::string, u32> flags{{"syn", 2}, {"rst", 4}, {"ack", 16}};
    tcp_ = long(out_.size());
    add16(number(w[1])), add16(number(w[2])), add32(1), add32(0), add8(0x50);
    u32 bits = 0;
    for (std::size_t i = 3; i < w.size(); ++i) {
      if (!flags.contains(w[i])) return bad("unknown TCP flag '" + w[i] + "'");
      bits |= flags.at(w[i]);
    }
    add8(bits), add16(0xffff), add32(0);
    return base::success();
  }
  base::Status udp(const Words& w) {
    udp_ = long(out_.size());
    add16(number(w[1])), add16(number(w[2])), add32(0);
    return base::success();
  }
  base::Status icmp(const Words& w) {
    add8(number(w[1])), add8(number(w[2])), add16(0), add32(0x00010001);
    return base::success();
  }
  base::Status fill(const Words& w) {
    for (u32 i = 0; i < number(w[1]); ++i) add8(i & 0xff);
    return base::success();
  }
  base::Status hex(const Words& w) {
    for (std::size_t i = 0; i + 1 < w[1].size(); i += 2) add8(number(w[1].substr(i, 2), 16));
    return base::success();
  }
  base::Status cut(const Words& w) {
    cut_ = long(number(w[1]));
    return base::success();
  }

  u32 sum(std::size_t from, std::size_t to) const {
    u32 total = 0;
    for (std::size_t i = from; i < to; ++i) total += u32(out_[i]) << ((i - from) % 2 ? 0 : 8);
    return total;
  }
  static u16 fold(u32 total) {
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return u16(~total);
  }
  void finish_ip4() {
    const std::size_t at = std::size_t(ip4_), header = (std::size_t(out_[at]) & 15) * 4;
    put16(at + 2, u16(out_.size() - at));
    put16(at + 10, fold(sum(at, at + header)));
  }
  void finish_transport(std::size_t at, std::size_t checksum, u32 proto) {
    const u32 pseudo = sum(std::size_t(ip4_) + 12, std::size_t(ip4_) + 20) + proto + u32(out_.size() - at);
    put16(at + checksum, fold(sum(at, out_.size()) + pseudo));
  }

  Bytes out_;
  long ip4_ = -1, ip6_ = -1, udp_ = -1, tcp_ = -1, cut_ = -1;
};

}  // namespace

base::Result<Bytes> parse_packet(const std::string& words) {
  Builder builder;
  for (const Words& layer : split_layers(words)) SLUICE_CHECK(builder.add(layer).in(words));
  return builder.finish();
}

}  // namespace support
