// SPDX-License-Identifier: Apache-2.0
// btf_parse.cc — header, sections and the walk over type records.
#include <cstring>
#include <string>

#include "bpf/btf/btf.h"

namespace bpf::btf {
namespace {

base::Error bad(std::string what) {
  return base::Error(EINVAL, "BTF: " + std::move(what));
}

base::Result<btf_header> parse_header(base::ConstBytes blob) {
  btf_header h{};
  if (blob.size() < offsetof(btf_header, type_off)) return bad("hdr_len not found: the data is shorter than a header");
  std::memcpy(&h, blob.data(), std::min(blob.size(), sizeof h));
  if (h.magic != BTF_MAGIC) return bad("Invalid magic");
  if (h.version != BTF_VERSION) return base::Error(EOPNOTSUPP, "BTF: Unsupported version");
  if (h.flags != 0) return base::Error(EOPNOTSUPP, "BTF: Unsupported flags");
  if (h.hdr_len < sizeof h || blob.size() < h.hdr_len) return bad("btf_header not found");
  for (u32 i = sizeof h; i < h.hdr_len; ++i)
    if (blob[i] != std::byte{0}) return base::Error(E2BIG, "BTF: Unsupported btf_header: unknown fields are not zero");
  if (blob.size() == h.hdr_len) return bad("No data");
  return h;
}

// The two sections lie behind the header without gap or overlap and end with the blob.
base::Status check_sections(const btf_header& h, std::size_t blob_bytes) {
  const u64 body = blob_bytes - h.hdr_len;
  if ((h.type_off & 3) != 0) return bad("Unaligned type_off");
  if (h.type_len == 0) return bad("No type found");
  if (h.type_off >= body || h.str_off >= body) return bad("Invalid section offset");
  if (u64{h.type_off} + h.type_len > body || u64{h.str_off} + h.str_len > body)
    return bad("Total section length too long");
  if (h.type_off != 0 && h.str_off != 0) return bad("Unsupported section found: a gap behind the header");
  const bool types_first = h.type_off < h.str_off;
  const u64 first_end = types_first ? u64{h.type_off} + h.type_len : u64{h.str_off} + h.str_len;
  const u64 second = types_first ? h.str_off : h.type_off;
  const u64 second_end = types_first ? u64{h.str_off} + h.str_len : u64{h.type_off} + h.type_len;
  if (first_end > second) return bad("Section overlap found");
  if (first_end < second || second_end < body) return bad("Unsupported section found");
  return base::success();
}

}  // namespace

class Parser {
 public:
  explicit Parser(Btf& btf) : btf_(btf) {}

  base::Status run(base::ConstBytes blob) {
    SLUICE_TRY(const btf_header h, parse_header(blob));
    SLUICE_CHECK(check_sections(h, blob.size()));
    btf_.blob_.assign(blob.begin(), blob.end());
    SLUICE_CHECK(take_strings(h));
    SLUICE_CHECK(walk_types(h.hdr_len + h.type_off, h.type_len));
    return check_types(btf_);
  }

 private:
  base::Status take_strings(const btf_header& h) {
    const auto* first = reinterpret_cast<const char*>(btf_.blob_.data()) + h.hdr_len + h.str_off;
    if (h.str_len == 0 || h.str_len - 1 > BTF_MAX_NAME_OFFSET || first[0] != 0 || first[h.str_len - 1] != 0)
      return bad("Invalid string section");
    btf_.strings_ = {first, h.str_len};
    return base::success();
  }

  base::Status walk_types(u32 at, u32 left) {
    btf_.offsets_.push_back(0);
    while (left > 0) {
      const std::string where = "[" + std::to_string(btf_.offsets_.size()) + "] ";
      if (btf_.offsets_.size() > BTF_MAX_TYPE)
        return base::Error(E2BIG, "BTF: more than " + std::to_string(BTF_MAX_TYPE) + " types");
      if (left < sizeof(btf_type)) return bad(where + "meta_left too small for a type record");
      btf_type t;
      std::memcpy(&t, btf_.blob_.data() + at, sizeof t);
      if ((t.info & ~0x9f00ffffU) != 0) return bad(where + "Invalid btf_info: reserved bits are set");
      const auto tail = tail_bytes((t.info >> 24) & 0x1f, t.info & 0xffff);
      if (!tail) return bad(where + "Invalid kind " + std::to_string((t.info >> 24) & 0x1f));
      if (left - sizeof t < *tail) return bad(where + "meta_left too small for the elements of its kind");
      btf_.offsets_.push_back(at);
      at += sizeof t + *tail;
      left -= sizeof t + *tail;
    }
    return base::success();
  }

  Btf& btf_;
};

base::Result<Btf> Btf::parse(base::ConstBytes blob) {
  if (blob.size() > BTF_MAX_SIZE)
    return base::Error(E2BIG, "BTF: larger than " + std::to_string(BTF_MAX_SIZE) + " bytes");
  Btf btf;
  SLUICE_CHECK(Parser(btf).run(blob));
  return btf;
}

}  // namespace bpf::btf
