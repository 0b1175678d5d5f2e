// SPDX-License-Identifier: Apache-2.0
#include "bpf/builder/wire.h"

#include <cstring>
#include <type_traits>

namespace bpf::builder {
namespace {

constexpr u32 kRequestMagic = 0x51525053;
constexpr u32 kReplyMagic = 0x50525053;
constexpr u32 kCompileRequestMagic = 0x51435053;
constexpr u32 kCompileReplyMagic = 0x50435053;

// Largest value of each enum that crosses; a number beyond it is refused.
template <class E>
constexpr u64 kEnumMax = ~u64{0};
template <>
constexpr u64 kEnumMax<MemKind> = u64(MemKind::kernel);
template <>
constexpr u64 kEnumMax<LowOp> = u64(LowOp::load_env);
template <>
constexpr u64 kEnumMax<jit::Tier> = u64(jit::Tier::checked);
template <>
constexpr u64 kEnumMax<bpf_map_type> = __MAX_BPF_MAP_TYPE - 1;
template <>
constexpr u64 kEnumMax<bpf_prog_type> = __MAX_BPF_PROG_TYPE - 1;

// Structs of the ABI without padding: they cross as they are.
template <class T>
constexpr bool kRaw = std::is_same_v<T, std::byte> || std::is_same_v<T, char> || std::is_same_v<T, bpf_insn> ||
                      std::is_same_v<T, bpf_func_info> || std::is_same_v<T, bpf_line_info>;

template <class T>
constexpr bool kSequence = false;
template <class T>
constexpr bool kSequence<std::vector<T>> = true;
template <>
constexpr bool kSequence<std::string> = true;

// The fields of each struct, once for both directions.
template <class Archive>
void fields(Archive& a, MapFacts& m) {
  a(m.id, m.type, m.key_size, m.value_size, m.max_entries, m.map_flags, m.map_extra, m.name, m.frozen,
    m.btf_key_type_id, m.btf_value_type_id, m.btf, m.contents, m.has_fields, m.inner);
}
template <class Archive>
void fields(Archive& a, Capabilities& c) {
  a(c.bpf, c.perfmon, c.net_admin);
}
template <class Archive>
void fields(Archive& a, ProgSource& s) {
  a(s.type, s.expected_attach_type, s.attach_btf_id, s.prog_flags, s.gpl_compatible, s.caps, s.name, s.insns,
    s.maps, s.inner_maps, s.btf,
    s.func_info, s.line_info);
}
template <class Archive>
void fields(Archive& a, InsnFact& f) {
  a(f.reached, f.mem, f.map_index, f.ctx_offset, f.kfunc, f.map_ptr_several);
}
template <class Archive>
void fields(Archive& a, SubprogRange& r) {
  a(r.begin, r.end, r.stack_bytes, r.is_callback, r.is_exception_callback);
}
template <class Archive>
void fields(Archive& a, VerifyStats& s) {
  a(s.verified_insns, s.peak_states, s.total_states, s.verify_ns);
}
template <class Archive>
void fields(Archive& a, VerifiedProgram& p) {
  a(p.facts, p.subprogs);
}
template <class Archive>
void fields(Archive& a, verifier::Verdict& v) {
  a(v.error, v.unsupported, v.insn, v.reason, v.advice, v.log, v.stats, v.program);
}
template <class Archive>
void fields(Archive& a, LowInsn& i) {
  a(i.insn, i.op, i.mem, i.dead, i.map_index, i.target, i.origin, i.imm64);
}
template <class Archive>
void fields(Archive& a, LoweredProgram& p) {
  a(p.type, p.name, p.insns, p.subprogs, p.maps, p.uses_redirect, p.moves_packet);
}
template <class Archive>
void fields(Archive& a, BuildRequest& r) {
  a(r.source, r.verify.log_level, r.compile.tier, r.want_object);
}
template <class Archive>
void fields(Archive& a, BuildReply& r) {
  a(r.verdict, r.lowered, r.object, r.tier, r.jit_ns);
}
template <class Archive>
void fields(Archive& a, CompileRequest& r) {
  a(r.program, r.options.tier);
}
template <class Archive>
void fields(Archive& a, CompileReply& r) {
  a(r.error, r.reason, r.object, r.jit_ns);
}

class Writer {
 public:
  template <class... T>
  void operator()(T&... values) {
    (put(values), ...);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void append(const void* data, size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
  }
  template <class T>
  void put(T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || kRaw<T>) {
      append(&value, sizeof value);
    } else if constexpr (kSequence<T>) {
      const u64 count = value.size();
      append(&count, sizeof count);
      if constexpr (kRaw<typename T::value_type>)
        append(value.data(), value.size() * sizeof value[0]);
      else
        for (auto& element : value) put(element);
    } else {
      fields(*this, value);
    }
  }
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  explicit Reader(base::ConstBytes bytes) : bytes_(bytes) {}
  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }
  base::Status finish() const {
    if (!ok_) return base::Error(EBADMSG, "builder message: malformed at byte " + std::to_string(at_));
    if (at_ != bytes_.size()) return base::Error(EBADMSG, "builder message: bytes left over");
    return base::success();
  }

 private:
  bool take(void* data, size_t size) {
    if (!ok_ || size > bytes_.size() - at_) return ok_ = false;
    if (size) std::memcpy(data, bytes_.data() + at_, size);
    at_ += size;
    return true;
  }
  template <class T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      u8 raw = 0;
      ok_ = take(&raw, 1) && raw <= 1;
      value = raw == 1;
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> raw{};
      ok_ = take(&raw, sizeof raw) && u64(raw) <= kEnumMax<T>;
      if (ok_) value = T(raw);
    } else if constexpr (std::is_arithmetic_v<T> || kRaw<T>) {
      take(&value, sizeof value);
    } else if constexpr (kSequence<T>) {
      get_sequence(value);
    } else {
      fields(*this, value);
    }
  }
  // An element takes at least one byte, so the count is bounded by what is left; growth is paid for by bytes read.
  template <class T>
  void get_sequence(T& values) {
    using Element = typename T::value_type;
    u64 count = 0;
    if (!take(&count, sizeof count)) return;
    if (count > (bytes_.size() - at_) / (kRaw<Element> ? sizeof(Element) : 1)) return void(ok_ = false);
    values.clear();
    if constexpr (kRaw<Element>) {
      values.resize(count);
      take(values.data(), count * sizeof(Element));
    } else {
      for (u64 i = 0; i < count && ok_; ++i) get(values.emplace_back());
    }
  }

  base::ConstBytes bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

template <class T>
std::vector<std::byte> encode_as(u32 magic, const T& message) {
  Writer writer;
  T copy = message;  // fields() names the members of a mutable struct, for both directions
  writer(magic, copy);
  return writer.take();
}

template <class T>
base::Result<T> decode_as(u32 magic, base::ConstBytes bytes) {
  Reader reader(bytes);
  u32 found = 0;
  reader(found);
  if (found != magic) return base::Error(EBADMSG, "builder message: wrong magic word");
  T message;
  reader(message);
  SLUICE_CHECK(reader.finish());
  return message;
}

}  // namespace

std::vector<std::byte> encode(const BuildRequest& request) {
  return encode_as(kRequestMagic, request);
}
std::vector<std::byte> encode(const BuildReply& reply) {
  return encode_as(kReplyMagic, reply);
}
std::vector<std::byte> encode(const CompileRequest& request) {
  return encode_as(kCompileRequestMagic, request);
}
std::vector<std::byte> encode(const CompileReply& reply) {
  return encode_as(kCompileReplyMagic, reply);
}
base::Result<BuildRequest> decode_request(base::ConstBytes bytes) {
  return decode_as<BuildRequest>(kRequestMagic, bytes);
}
base::Result<BuildReply> decode_reply(base::ConstBytes bytes) {
  return decode_as<BuildReply>(kReplyMagic, bytes);
}
base::Result<CompileRequest> decode_compile_request(base::ConstBytes bytes) {
  return decode_as<CompileRequest>(kCompileRequestMagic, bytes);
}
base::Result<CompileReply> decode_compile_reply(base::ConstBytes bytes) {
  return decode_as<CompileReply>(kCompileReplyMagic, bytes);
}

}  // namespace bpf::builder
