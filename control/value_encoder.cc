// SPDX-License-Identifier: Apache-2.0
#include "control/value_encoder.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "config/literal.h"

namespace control {
namespace {

using base::u32;
using base::u64;
using bpf::btf::Btf;
using config::Node;
using config::Where;
using Output = std::span<std::byte>;

class Encoder {
 public:
  Encoder(const Btf* btf, config::Diagnostics& diagnostics) : btf_(btf), diagnostics_(diagnostics) {}

  bool encode(u32 type_id, const Node& node, const Where& at, Output out) {
    if (auto bytes = whole_bytes(node)) return store(*bytes, at, out);
    if (!btf_ || type_id == 0) return plain(node, at, out);
    const u32 id = btf_->skip_modifiers(type_id);
    switch (btf_->kind(id)) {
      case bpf::BTF_KIND_INT: return integer(type_id, id, node, at, out);
      case bpf::BTF_KIND_ENUM:
      case bpf::BTF_KIND_ENUM64: return enumerator(id, node, at, out);
      case bpf::BTF_KIND_ARRAY: return array(id, node, at, out);
      case bpf::BTF_KIND_STRUCT:
      case bpf::BTF_KIND_UNION: return record(id, node, at, out);
      default: return plain(node, at, out);
    }
  }

  // struct { __u32 prefixlen; <address> }: "198.51.100.0/24" fills both.
  bool encode_prefix(const config::Prefix& prefix, const Where& at, Output out) {
    if (out.size() != 4 + prefix.address.size())
      return fail(at, "a prefix of " + std::to_string(prefix.address.size()) + " bytes in a key with room for " +
                          std::to_string(out.size() - 4));
    std::memcpy(out.data(), &prefix.length, 4);
    std::memcpy(out.data() + 4, prefix.address.data(), prefix.address.size());
    return true;
  }

  bool fail(const Where& at, std::string sentence) {
    diagnostics_.add(config::Code::kMapEntry, at, std::move(sentence));
    return false;
  }

 private:
  static std::optional<std::vector<base::u8>> whole_bytes(const Node& node) {
    if (!node.is_scalar() || !node.quoted) return std::nullopt;
    return config::parse_hex_bytes(node.text);
  }

  bool store(const std::vector<base::u8>& bytes, const Where& at, Output out) {
    if (bytes.size() != out.size())
      return fail(at, std::to_string(bytes.size()) + " bytes given, " + std::to_string(out.size()) + " wanted");
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return true;
  }

  bool scalar(const config::ScalarField& field, const Node& node, const Where& at, Output out) {
    auto encoded = config::encode_scalar(node, field);
    if (!encoded.ok()) return fail(at, encoded.error);
    return store(encoded.bytes, at, out);
  }

  // No BTF: a number, if there is one of that size.
  bool plain(const Node& node, const Where& at, Output out) {
    if (!node.is_scalar()) return fail(at, std::string(node.type_word()) + " needs a type, and the map has no BTF");
    if (out.size() > 8 || !std::has_single_bit(out.size()))
      return fail(at, "without BTF, " + std::to_string(out.size()) + " bytes are written as \"0x…\"");
    return scalar({.size = u32(out.size())}, node, at, out);
  }

  // A typedef of the chain says that the integer travels in network order.
  bool is_network_order(u32 type_id) const {
    for (u32 id = type_id; id;) {
      const u32 kind = btf_->kind(id);
      if (kind == bpf::BTF_KIND_TYPEDEF && btf_->name(id).starts_with("__be")) return true;
      if (kind != bpf::BTF_KIND_TYPEDEF && kind != bpf::BTF_KIND_CONST && kind != bpf::BTF_KIND_VOLATILE &&
          kind != bpf::BTF_KIND_RESTRICT && kind != bpf::BTF_KIND_TYPE_TAG)
        return false;
      id = btf_->type(id).type;
    }
    return false;
  }

  bool integer(u32 type_id, u32 id, const Node& node, const Where& at, Output out) {
    return scalar({.size = u32(out.size()),
                   .is_signed = btf_->int_encoding(id).is_signed,
                   .network_order = is_network_order(type_id)},
                  node, at, out);
  }

  std::optional<u64> enumerator_value(u32 id, std::string_view name) const {
    if (btf_->kind(id) == bpf::BTF_KIND_ENUM) {
      for (const auto& e : btf_->enums(id))
        if (btf_->string_at(e.name_off) == name) return u64(base::s64(e.val));
    } else {
      for (const auto& e : btf_->enums64(id))
        if (btf_->string_at(e.name_off) == name) return u64(e.val_hi32) << 32 | e.val_lo32;
    }
    return std::nullopt;
  }

  bool enumerator(u32 id, const Node& node, const Where& at, Output out) {
    if (auto text = node.as_text())
      if (auto value = enumerator_value(id, *text)) {
        std::memcpy(out.data(), &*value, std::min<std::size_t>(out.size(), 8));
        return true;
      }
    return scalar({.size = u32(out.size()), .is_signed = btf_->kind_flag(id)}, node, at, out);
  }

  bool is_byte(u32 element_type) const {
    const u32 id = btf_->skip_modifiers(element_type);
    return btf_->kind(id) == bpf::BTF_KIND_INT && btf_->size_of(id) == u64{1};
  }

  // Addresses first, then text.
  bool byte_array(const Node& node, const Where& at, Output out) {
    auto put = [&](const auto& address) {
      std::memcpy(out.data(), address->data(), address->size());
      return true;
    };
    if (out.size() == 4)
      if (auto a = config::parse_ipv4(node.text)) return put(a);
    if (out.size() == 6)
      if (auto a = config::parse_mac(node.text)) return put(a);
    if (out.size() == 16)
      if (auto a = config::parse_ipv6(node.text)) return put(a);
    if (node.text.size() > out.size())
      return fail(at, "text of " + std::to_string(node.text.size()) + " bytes in " + std::to_string(out.size()));
    std::memcpy(out.data(), node.text.data(), node.text.size());
    return true;
  }

  // __be32 addr[4] is how many headers write an IPv6 address.
  bool address_array(const Node& node, Output out) {
    auto a = config::parse_ipv6(node.text);
    if (out.size() != 16 || !a) return false;
    std::memcpy(out.data(), a->data(), 16);
    return true;
  }

  bool array(u32 id, const Node& node, const Where& at, Output out) {
    const auto& array = btf_->array(id);
    if (node.is_scalar()) {
      if (is_byte(array.type)) return byte_array(node, at, out);
      if (address_array(node, out)) return true;
    }
    if (!node.is_list())
      return fail(at, "a list of " + std::to_string(array.nelems) + " wanted, not " + std::string(node.type_word()));
    if (node.items.size() > array.nelems)
      return fail(at, std::to_string(node.items.size()) + " values for an array of " + std::to_string(array.nelems));
    const auto element_bytes = std::size_t(btf_->size_of(array.type).value_or(0));
    bool ok = true;
    for (std::size_t i = 0; i < node.items.size(); ++i)
      ok &= encode(array.type, node.items[i], at / i, out.subspan(i * element_bytes, element_bytes));
    return ok;
  }

  // Finds `name` among the members of `id` and, as in C, of its nameless members.
  struct Found {
    bpf::btf::Member member;
    u32 base_bits;
  };
  std::optional<Found> find_member(u32 id, std::string_view name, u32 base_bits = 0) const {
    for (u32 i = 0; i < btf_->vlen(id); ++i) {
      const auto member = btf_->member(id, i);
      const auto member_name = btf_->string_at(member.name_off);
      if (member_name == name) return Found{member, base_bits};
      if (!member_name.empty()) continue;
      const u32 inner = btf_->skip_modifiers(member.type);
      if (btf_->kind(inner) == bpf::BTF_KIND_STRUCT || btf_->kind(inner) == bpf::BTF_KIND_UNION)
        if (auto found = find_member(inner, name, base_bits + member.bit_offset)) return found;
    }
    return std::nullopt;
  }

  std::string member_names(u32 id) const {
    std::string names;
    for (u32 i = 0; i < btf_->vlen(id); ++i) {
      const auto name = btf_->string_at(btf_->member(id, i).name_off);
      if (!name.empty()) names.append(names.empty() ? "" : ", ").append(name);
    }
    return names;
  }

  bool bitfield(const Found& found, const Node& node, const Where& at, Output out) {
    const auto value = node.as_unsigned();
    const u32 bits = found.member.bitfield_bits;
    if (!value || (bits < 64 && *value >> bits))
      return fail(at, "a number of at most " + std::to_string(bits) + " bits wanted");
    const u32 first = found.base_bits + found.member.bit_offset;
    for (u32 bit = 0; bit < bits; ++bit)
      if (*value >> bit & 1) out[(first + bit) / 8] |= std::byte(1U << ((first + bit) % 8));
    return true;
  }

  bool record(u32 id, const Node& node, const Where& at, Output out) {
    if (!node.is_map())
      return fail(at, "'" + std::string(btf_->name(id)) + "' is a struct: write { " + member_names(id) +
                          " } or \"0x…\", not " + std::string(node.type_word()));
    bool ok = true;
    for (const auto& [key, value] : node.members) {
      const Where place = at / key.text;
      auto found = find_member(id, key.text);
      if (!found) {
        ok = fail(place, "no field '" + key.text + "' (have: " + member_names(id) + ")");
      } else if (found->member.bitfield_bits) {
        ok &= bitfield(*found, value, place, out);
      } else {
        const u32 offset = (found->base_bits + found->member.bit_offset) / 8;
        ok &= encode(found->member.type, value, place,
                     out.subspan(offset, btf_->size_of(found->member.type).value_or(0)));
      }
    }
    return ok;
  }

  const Btf* btf_;
  config::Diagnostics& diagnostics_;
};

}  // namespace

std::optional<std::vector<std::byte>> encode_value(const ValueType& type, const Node& node, const Where& at,
                                                   config::Diagnostics& diagnostics) {
  std::vector<std::byte> bytes(type.size);
  Encoder encoder(type.btf, diagnostics);
  if (type.btf && type.type_id && type.btf->size_of(type.type_id) != u64{type.size}) {
    encoder.fail(at, "the map's BTF type has another size than the map");
    return std::nullopt;
  }
  bool ok = false;
  const auto prefix = type.lpm_key && node.is_scalar() ? config::parse_prefix(node.text) : std::nullopt;
  if (prefix)
    ok = encoder.encode_prefix(*prefix, at, bytes);
  else
    ok = encoder.encode(type.type_id, node, at, bytes);
  if (!ok) return std::nullopt;
  return bytes;
}

}  // namespace control
