// SPDX-License-Identifier: Apache-2.0
#include "control/btf_format.h"

#include <algorithm>
#include <cstring>

#include "control/hex.h"

namespace control {
namespace {

using base::s64;
using base::u32;
using base::u64;
using bpf::btf::Btf;
using Json = nlohmann::ordered_json;

// `bits` bits from bit `offset` on, little-endian, at most 64.
u64 read_bits(base::ConstBytes bytes, u64 offset, u32 bits) {
  u64 v = 0;
  for (u32 i = 0; i < bits; ++i) {
    const u64 place = offset + i;
    if (place / 8 < bytes.size() && (u32(bytes[place / 8]) >> place % 8 & 1)) v |= u64{1} << i;
  }
  return v;
}

s64 sign_extend(u64 v, u32 bits) {
  if (bits == 0 || bits >= 64) return s64(v);
  return s64(v << (64 - bits)) >> (64 - bits);
}

class Formatter {
 public:
  explicit Formatter(const Btf& types) : types_(types) {}

  Json value(u32 type, base::ConstBytes bytes) const {
    type = types_.skip_modifiers(type);
    const auto size = types_.size_of(type);
    if (!size || *size > bytes.size()) return nullptr;
    bytes = bytes.first(*size);
    switch (types_.kind(type)) {
      case bpf::BTF_KIND_INT: return integer(type, bytes);
      case bpf::BTF_KIND_ENUM:
      case bpf::BTF_KIND_ENUM64: return enumerator(type, read_bits(bytes, 0, u32(std::min<u64>(*size * 8, 64))), *size);
      case bpf::BTF_KIND_PTR: return "0x" + hex_number(bytes);
      case bpf::BTF_KIND_FLOAT: return floating(bytes);
      case bpf::BTF_KIND_ARRAY: return array(type, bytes);
      case bpf::BTF_KIND_STRUCT:
      case bpf::BTF_KIND_UNION: return aggregate(type, bytes);
      case bpf::BTF_KIND_DATASEC: return section(type, bytes);
      case bpf::BTF_KIND_VAR: return value(types_.type(type).type, bytes);
      default: return nullptr;
    }
  }

 private:
  static std::string hex_number(base::ConstBytes bytes) {
    std::vector<std::byte> reversed(bytes.rbegin(), bytes.rend());
    std::string text = to_hex(reversed);
    text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
    return text;
  }

  Json integer(u32 type, base::ConstBytes bytes) const {
    const auto encoding = types_.int_encoding(type);
    if (encoding.bits > 64) return "0x" + hex_number(bytes);
    const u64 v = read_bits(bytes, encoding.bit_offset, encoding.bits);
    if (encoding.is_bool) return v != 0;
    if (encoding.is_signed) return sign_extend(v, encoding.bits);
    return v;
  }

  Json enumerator(u32 type, u64 v, u64 size) const {
    const s64 number = sign_extend(v, u32(size * 8));
    if (types_.kind(type) == bpf::BTF_KIND_ENUM) {
      for (const auto& e : types_.enums(type))
        if (e.val == number) return types_.string_at(e.name_off);
    } else {
      for (const auto& e : types_.enums64(type))
        if ((u64{e.val_hi32} << 32 | e.val_lo32) == v) return types_.string_at(e.name_off);
    }
    return number;
  }

  static Json floating(base::ConstBytes bytes) {
    if (bytes.size() == sizeof(float)) {
      float v;
      std::memcpy(&v, bytes.data(), sizeof v);
      return v;
    }
    if (bytes.size() == sizeof(double)) {
      double v;
      std::memcpy(&v, bytes.data(), sizeof v);
      return v;
    }
    return to_hex(bytes);
  }

  // A char array that holds printable text up to its first NUL, and nothing behind it.
  std::optional<std::string> as_text(u32 element, base::ConstBytes bytes) const {
    const u32 plain = types_.skip_modifiers(element);
    if (types_.kind(plain) != bpf::BTF_KIND_INT || types_.name(plain) != "char") return std::nullopt;
    const auto nul = std::ranges::find(bytes, std::byte{0});
    const bool printable =
        std::all_of(bytes.begin(), nul, [](std::byte b) { return b >= std::byte{' '} && b <= std::byte{'~'}; });
    const bool ended =
        nul != bytes.end() && std::all_of(nul, bytes.end(), [](std::byte b) { return b == std::byte{0}; });
    if (!printable || !ended || nul == bytes.begin()) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(bytes.data()), std::size_t(nul - bytes.begin()));
  }

  Json array(u32 type, base::ConstBytes bytes) const {
    const auto& a = types_.array(type);
    if (auto text = as_text(a.type, bytes)) return *text;
    const auto stride = std::size_t(types_.size_of(a.type).value_or(0));
    Json out = Json::array();
    for (std::size_t i = 0; i < a.nelems && (i + 1) * stride <= bytes.size(); ++i)
      out.push_back(value(a.type, bytes.subspan(i * stride, stride)));
    return out;
  }

  Json aggregate(u32 type, base::ConstBytes bytes) const {
    Json out = Json::object();
    for (u32 i = 0; i < types_.vlen(type); ++i) {
      const auto m = types_.member(type, i);
      out[std::string(types_.string_at(m.name_off))] =
          m.bitfield_bits ? bitfield(m, bytes) : value(m.type, tail(bytes, m.bit_offset));
    }
    return out;
  }

  static base::ConstBytes tail(base::ConstBytes bytes, u32 bit_offset) {
    return bytes.subspan(std::min<std::size_t>(bit_offset / 8, bytes.size()));
  }

  Json bitfield(const bpf::btf::Member& m, base::ConstBytes bytes) const {
    const u64 v = read_bits(bytes, m.bit_offset, std::min<u32>(m.bitfield_bits, 64));
    const u32 plain = types_.skip_modifiers(m.type);
    const bool is_signed = types_.kind(plain) == bpf::BTF_KIND_INT && types_.int_encoding(plain).is_signed;
    if (is_signed) return sign_extend(v, m.bitfield_bits);
    return v;
  }

  Json section(u32 type, base::ConstBytes bytes) const {
    Json vars = Json::array();
    for (const auto& v : types_.section_vars(type)) {
      if (types_.kind(v.type) != bpf::BTF_KIND_VAR || v.offset > bytes.size()) continue;
      vars.push_back({{std::string(types_.name(v.type)), value(v.type, bytes.subspan(v.offset))}});
    }
    return {{std::string(types_.name(type)), std::move(vars)}};
  }

  const Btf& types_;
};

}  // namespace

Json format_value(const Btf& types, u32 type, base::ConstBytes bytes) { return Formatter(types).value(type, bytes); }

}  // namespace control
