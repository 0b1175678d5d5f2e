// SPDX-License-Identifier: Apache-2.0
#include "control/prog_source.h"

#include <algorithm>
#include <cstring>

#include "base/sha256.h"
#include "bpf/abi/flags.h"

namespace control {
namespace {

using bpf::bpf_attr;
using bpf::bpf_insn;

constexpr u32 kRecordBytesMax = 252;  // of one func_info or line_info record, as Linux

bool is_map_value(u8 src) { return src == bpf::BPF_PSEUDO_MAP_VALUE || src == bpf::BPF_PSEUDO_MAP_IDX_VALUE; }
bool is_map_index(u8 src) { return src == bpf::BPF_PSEUDO_MAP_IDX || src == bpf::BPF_PSEUDO_MAP_IDX_VALUE; }
bool is_map(u8 src) { return src == bpf::BPF_PSEUDO_MAP_FD || is_map_index(src) || is_map_value(src); }

// "insn 7: ..." — where the verifier's own sentences have their place.
base::Error at_insn(std::size_t index, base::Error error) {
  return std::move(error).in("insn " + std::to_string(index));
}

class MapResolver {
 public:
  MapResolver(Client& client, const bpf_attr& attr, ResolvedProgram& out) : client_(client), attr_(attr), out_(out) {}

  // Maps that fd_array binds whether or not an instruction names them.
  base::Status take_fd_array() {
    if (attr_.fd_array_cnt >= UINT32_MAX / sizeof(int)) return base::Error(EINVAL, "fd_array_cnt is too large");
    if (attr_.fd_array == 0) return base::Error(EFAULT, "fd_array_cnt without fd_array");
    if (attr_.fd_array_cnt > bpf::load::kFdArrayMax)
      return base::Error(E2BIG, "fd_array has more than " + std::to_string(bpf::load::kFdArrayMax) + " entries");
    for (u32 i = 0; i < attr_.fd_array_cnt; ++i) {
      SLUICE_TRY(Target target, client_.find(fd_array(i)));
      if (target.object->kind() == ObjectKind::btf) continue;
      if (target.object->kind() != ObjectKind::map) return base::Error(EINVAL, "fd_array holds neither map nor BTF");
      SLUICE_CHECK(index_of(std::static_pointer_cast<Map>(target.object)));
    }
    return base::success();
  }

  // Replaces the descriptor of one 64-bit immediate load; `insn` and `next` are its two slots.
  base::Status resolve(bpf_insn& insn, bpf_insn& next, bpf_insn& shown, bpf_insn& shown_next) {
    int fd = insn.imm;
    if (is_map_index(insn.src_reg)) {
      if (attr_.fd_array == 0) return base::Error(EPROTO, "the program names maps by index, and there is no fd_array");
      if (insn.imm < 0 || u32(insn.imm) >= bpf::load::kFdArrayMax) return base::Error(EINVAL, "map index out of range");
      fd = fd_array(u32(insn.imm));
    }
    if (!is_map_value(insn.src_reg) && next.imm != 0)
      return base::Error(EINVAL, "unrecognized bpf_ld_imm64 insn");
    auto target = get_map(client_, fd);
    if (!target) return std::move(target.error()).in("fd " + std::to_string(fd) + " is not pointing to valid bpf_map");
    auto index = index_of(target->map);
    if (!index) return std::move(index).error();
    if (is_map_value(insn.src_reg)) {
      if (auto value = target->map->ops().direct_value(target->map->live(), u32(next.imm)); !value)
        return std::move(value.error()).in("direct value of map '" + target->map->spec().name + "'");
      insn.src_reg = bpf::BPF_PSEUDO_MAP_VALUE;
    } else {
      insn.src_reg = bpf::BPF_PSEUDO_MAP_FD;
    }
    insn.imm = *index;
    shown = insn;
    shown.imm = int(target->map->id());
    shown_next = next;
    return base::success();
  }

 private:
  int fd_array(u32 index) const {
    int fd;
    std::memcpy(&fd, user_ptr<const char>(attr_.fd_array) + index * sizeof fd, sizeof fd);
    return fd;
  }

  base::Result<int> index_of(const std::shared_ptr<Map>& map) {
    const auto known = std::ranges::find(out_.maps, map);
    if (known != out_.maps.end()) return int(known - out_.maps.begin());
    if (out_.maps.size() >= kMapsPerProgramMax)
      return base::Error(E2BIG, "The total number of maps per program has reached the limit of 64");
    out_.maps.push_back(map);
    return int(out_.maps.size() - 1);
  }

  Client& client_;
  const bpf_attr& attr_;
  ResolvedProgram& out_;
};

base::Status resolve_maps(Client& client, const bpf_attr& attr, ResolvedProgram& out) {
  MapResolver resolver(client, attr, out);
  if (attr.fd_array_cnt != 0) SLUICE_CHECK(resolver.take_fd_array());
  auto& insns = out.source.insns;
  out.xlated = insns;
  for (std::size_t i = 0; i < insns.size(); ++i) {
    if (!bpf::insn_is_ld_imm64(insns[i])) continue;
    if (i + 1 == insns.size()) break;  // a load without its second slot: the verifier's to refuse
    if (is_map(insns[i].src_reg))
      if (auto done = resolver.resolve(insns[i], insns[i + 1], out.xlated[i], out.xlated[i + 1]); !done)
        return at_insn(i, std::move(done).error());
    ++i;
  }
  return base::success();
}

// Records of a size the caller chose: shorter ones are zero-filled, of longer ones the surplus must be zero.
template <class T>
base::Result<std::vector<T>> read_records(const char* what, u64 address, u32 count, u32 record_bytes, u32 bytes_min) {
  std::vector<T> out;
  if (count == 0) return out;
  if (record_bytes < bytes_min || record_bytes > kRecordBytesMax || record_bytes % sizeof(u32) != 0)
    return base::Error(EINVAL,
                       std::string(what) + ": record size " + std::to_string(record_bytes) + " is not acceptable");
  if (address == 0) return base::Error(EFAULT, std::string(what) + ": no address");
  out.resize(count);
  const auto* at = user_ptr<const char>(address);
  for (u32 i = 0; i < count; ++i, at += record_bytes) {
    const u32 known = std::min<u32>(record_bytes, sizeof(T));
    std::memcpy(&out[i], at, known);
    if (std::any_of(at + known, at + record_bytes, [](char c) { return c != 0; }))
      return base::Error(E2BIG, std::string(what) + ": nonzero trailing bytes in a record");
  }
  return out;
}

base::Status resolve_btf(Client& client, const bpf_attr& attr, ResolvedProgram& out) {
  // Without function or line information nothing of the BTF is looked at, nor are relocations.
  if (attr.func_info_cnt == 0 && attr.line_info_cnt == 0) return base::success();
  if (attr.core_relo_cnt != 0)
    return base::Error(EOPNOTSUPP, "CO-RE relocations at load time (light skeletons) are planned, not implemented yet");
  SLUICE_TRY(out.btf, get_btf(client, int(attr.prog_btf_fd)));
  if (out.btf->kernel()) return base::Error(EACCES, "the BTF of a program cannot be the host's");
  const auto blob = out.btf->types().blob();
  out.source.btf.assign(blob.begin(), blob.end());
  SLUICE_TRY(out.source.func_info, read_records<bpf::bpf_func_info>("func_info", attr.func_info, attr.func_info_cnt,
                                                                     attr.func_info_rec_size, 8));
  SLUICE_TRY(out.source.line_info, read_records<bpf::bpf_line_info>("line_info", attr.line_info, attr.line_info_cnt,
                                                                     attr.line_info_rec_size, 16));
  return base::success();
}

// Licences under which a program may call helpers marked GPL-only: the kernel's list of compatible names.
bool is_gpl_compatible(std::string_view license) {
  constexpr std::string_view kNames[] = {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL",
                                         "Dual MPL/GPL"};
  return std::ranges::find(kNames, license) != std::end(kNames);
}

}  // namespace

base::Result<ResolvedProgram> resolve_program(Client& client, const bpf_attr& attr) {
  ResolvedProgram out;
  bpf::ProgSource& source = out.source;
  source.type = bpf::bpf_prog_type(attr.prog_type);
  source.expected_attach_type = bpf::bpf_attach_type(attr.expected_attach_type);
  source.prog_flags = attr.prog_flags;
  source.attach_btf_id = attr.attach_btf_id;
  source.caps = client.caps();
  SLUICE_TRY(source.name, parse_name(attr.prog_name));
  if (attr.license == 0 || attr.insns == 0) return base::Error(EFAULT, "no licence or no instructions");
  const auto* license = user_ptr<const char>(attr.license);
  source.gpl_compatible = is_gpl_compatible({license, strnlen(license, 128)});
  const auto* insns = user_ptr<const bpf_insn>(attr.insns);
  source.insns.assign(insns, insns + attr.insn_cnt);
  out.original = source.insns;
  SLUICE_CHECK(resolve_btf(client, attr, out));
  SLUICE_CHECK(resolve_maps(client, attr, out));
  for (const auto& map : out.maps) {
    source.maps.push_back(map->facts());
    if (auto inner = map->inner_facts()) {
      source.maps.back().inner = base::s32(source.inner_maps.size());
      source.inner_maps.push_back(*std::move(inner));
    }
  }
  return out;
}

std::array<u8, 8> program_tag(std::span<const bpf_insn> insns) {
  std::vector<bpf_insn> plain(insns.begin(), insns.end());
  for (std::size_t i = 0; i + 1 < plain.size(); ++i) {
    if (!bpf::insn_is_ld_imm64(plain[i])) continue;
    if (plain[i].src_reg == bpf::BPF_PSEUDO_MAP_FD || plain[i].src_reg == bpf::BPF_PSEUDO_MAP_VALUE) {
      plain[i].imm = 0;
      plain[i + 1].imm = 0;
    }
    ++i;
  }
  const auto digest = base::sha256(std::as_bytes(std::span(plain)));
  std::array<u8, 8> tag;
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

}  // namespace control
