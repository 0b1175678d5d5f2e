// SPDX-License-Identifier: Apache-2.0
// BPF_OBJ_GET_INFO_BY_FD. Every array in an info struct works alike: the caller's count is a capacity, the answer's
// count is the truth, and as many entries as fit are stored.
#include <algorithm>
#include <cstring>

#include "bpf/abi/flags.h"
#include "bpf/abi/info.h"
#include "control/door_state.h"

namespace control {
namespace {

constexpr u32 kInfoBytesMax = 4096;  // as Linux: a page

// The caller's info struct: read with zero fill, written back as far as it reaches.
template <class T>
base::Result<T> read_info(const bpf::bpf_attr& attr) {
  T info{};
  const auto* bytes = user_ptr<const char>(attr.info.info);
  const u32 len = attr.info.info_len;
  if (len > kInfoBytesMax) return base::Error(E2BIG, "info_len is longer than a page");
  if (len != 0 && attr.info.info == 0) return base::Error(EFAULT, "no info");
  const u32 known = std::min<u32>(len, sizeof info);
  if (std::any_of(bytes + known, bytes + len, [](char c) { return c != 0; }))
    return base::Error(E2BIG, "info is longer than what is known, and the surplus is not zero");
  if (known != 0) std::memcpy(&info, bytes, known);
  return info;
}

template <class T>
void write_info(bpf::bpf_attr& attr, const T& info) {
  const u32 known = std::min<u32>(attr.info.info_len, sizeof info);
  if (known != 0) std::memcpy(user_ptr<char>(attr.info.info), &info, known);
  attr.info.info_len = known;
}

template <class T>
void put_array(std::span<const T> items, u64 address, u32& count) {
  const u32 fits = std::min<u32>(count, u32(items.size()));
  if (fits && address) std::memcpy(user_ptr<char>(address), items.data(), fits * sizeof(T));
  count = u32(items.size());
}

void put_name(const std::string& name, char (&out)[16]) {
  std::memset(out, 0, sizeof out);
  std::memcpy(out, name.data(), std::min(name.size(), sizeof out - 1));
}

base::Status check_record(u32 count, u32& bytes, u32 expected, const char* what) {
  const u32 given = std::exchange(bytes, expected);
  if ((count != 0 || given != 0) && given != expected)
    return base::Error(EINVAL, std::string(what) + "_rec_size must be " + std::to_string(expected));
  return base::success();
}

void put_stats(const DoorState& state, const Program& program, bpf::bpf_prog_info& info) {
  if (!state.config.run_stats) return;
  const RunStats stats = state.config.run_stats(program.id());
  info.run_cnt = stats.run_cnt;
  info.run_time_ns = stats.run_time_ns;
}

void put_identity(const Program& program, bpf::bpf_prog_info& info) {
  const ProgramInfo& p = program.info();
  info.type = p.type;
  info.id = program.id();
  std::memcpy(info.tag, p.tag.data(), sizeof info.tag);
  info.load_time = p.load_time_ns;
  info.created_by_uid = p.uid;
  put_name(p.name, info.name);
  info.gpl_compatible = p.gpl_compatible;
  info.btf_id = program.btf() ? program.btf()->id() : 0;
  info.verified_insns = p.verify.verified_insns;
}

// Where the machine code of each line begins. Code that was moved or dropped leaves a line at the one before it.
std::vector<u64> jited_lines(const Program& program) {
  const auto& lines = program.info().line_info;
  if (!program.code() || lines.empty()) return {};
  const u64 begin = reinterpret_cast<u64>(program.code()->text().data());
  std::vector<u64> addresses(lines.size());
  for (const auto& code : program.code()->lines()) {
    const auto behind = std::ranges::upper_bound(lines, code.insn, {}, &bpf::bpf_line_info::insn_off);
    if (behind == lines.begin()) continue;
    u64& address = addresses[std::size_t(behind - lines.begin()) - 1];
    if (address == 0) address = begin + code.offset;
  }
  u64 last = begin;
  for (u64& address : addresses) last = address = address ? address : last;
  return addresses;
}

void put_arrays(const Client& client, const Program& program, bpf::bpf_prog_info& info) {
  const ProgramInfo& p = program.info();
  std::vector<u32> map_ids;
  for (const auto& map : program.maps()) map_ids.push_back(map->id());
  put_array<u32>(map_ids, info.map_ids, info.nr_map_ids);
  // Code and its addresses are for the privileged, as in Linux.
  if (!client.privileged()) {
    info.xlated_prog_len = info.jited_prog_len = info.nr_jited_ksyms = info.nr_jited_func_lens = 0;
    info.nr_func_info = info.nr_line_info = info.nr_jited_line_info = 0;
    return;
  }
  const auto xlated = std::as_bytes(std::span(p.xlated));
  put_array<std::byte>(xlated, info.xlated_prog_insns, info.xlated_prog_len);
  const base::ConstBytes text = program.code() ? program.code()->text() : base::ConstBytes{};
  put_array<std::byte>(text, info.jited_prog_insns, info.jited_prog_len);
  const u64 entry = reinterpret_cast<u64>(program.prog()->run);
  const u32 length = u32(text.size());
  const u32 functions = program.code() ? 1 : 0;
  put_array<u64>({&entry, functions}, info.jited_ksyms, info.nr_jited_ksyms);
  put_array<u32>({&length, functions}, info.jited_func_lens, info.nr_jited_func_lens);
  put_array<bpf::bpf_func_info>(p.func_info, info.func_info, info.nr_func_info);
  put_array<bpf::bpf_line_info>(p.line_info, info.line_info, info.nr_line_info);
  put_array<std::array<u8, 8>>({&p.tag, 1}, info.prog_tags, info.nr_prog_tags);
  put_array<u64>(jited_lines(program), info.jited_line_info, info.nr_jited_line_info);
}

Answer program_info(const DoorState& state, const Client& client, const Program& program, bpf::bpf_attr& attr) {
  SLUICE_TRY(auto info, read_info<bpf::bpf_prog_info>(attr));
  SLUICE_CHECK(check_record(info.nr_func_info, info.func_info_rec_size, sizeof(bpf::bpf_func_info), "func_info"));
  SLUICE_CHECK(check_record(info.nr_line_info, info.line_info_rec_size, sizeof(bpf::bpf_line_info), "line_info"));
  SLUICE_CHECK(check_record(info.nr_jited_line_info, info.jited_line_info_rec_size, sizeof(u64), "jited_line_info"));
  put_identity(program, info);
  put_stats(state, program, info);
  put_arrays(client, program, info);
  write_info(attr, info);
  return 0L;
}

Answer map_info(const Map& map, bpf::bpf_attr& attr) {
  SLUICE_TRY(const auto asked, read_info<bpf::bpf_map_info>(attr));
  if (asked.hash != 0 || asked.hash_size != 0) return base::Error(EINVAL, "this map has no hash");
  bpf::bpf_map_info info{};
  const bpf::MapSpec& spec = map.spec();
  info.type = spec.type;
  info.id = map.id();
  info.key_size = spec.key_size;
  info.value_size = spec.value_size;
  info.max_entries = spec.max_entries;
  info.map_flags = spec.map_flags;
  info.map_extra = spec.map_extra;
  put_name(spec.name, info.name);
  if (map.btf) {
    info.btf_id = map.btf->id();
    info.btf_key_type_id = map.btf_key_type_id;
    info.btf_value_type_id = map.btf_value_type_id;
  }
  write_info(attr, info);
  return 0L;
}

Answer btf_info(const Btf& btf, bpf::bpf_attr& attr) {
  SLUICE_TRY(auto info, read_info<bpf::bpf_btf_info>(attr));
  if ((info.name != 0) != (info.name_len != 0)) return base::Error(EINVAL, "name and name_len go together");
  info.id = btf.id();
  info.kernel_btf = btf.kernel();
  const auto blob = btf.types().blob();
  put_array<std::byte>(blob, info.btf, info.btf_size);
  bool short_of = false;
  if (info.name) {
    const u32 fits = std::min<u32>(info.name_len - 1, u32(btf.name().size()));
    std::memcpy(user_ptr<char>(info.name), btf.name().data(), fits);
    user_ptr<char>(info.name)[fits] = '\0';
    short_of = fits < btf.name().size();
  }
  info.name_len = u32(btf.name().size());
  write_info(attr, info);
  if (short_of) return base::Error(ENOSPC, "the name does not fit");
  return 0L;
}

// What the link's type does not say is left as it came, as on Linux.
Answer link_info(const Link& link, bpf::bpf_attr& attr) {
  SLUICE_TRY(auto info, read_info<bpf::bpf_link_info>(attr));
  info.type = link.type();
  info.id = link.id();
  info.prog_id = link.program()->id();
  link.fill_info(info);
  write_info(attr, info);
  return 0L;
}

}  // namespace

Answer obj_get_info_by_fd(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  const auto found = client.find(int(attr.info.bpf_fd));
  // This command alone answers EBADFD in Linux.
  if (!found) return base::Error(found.error().code() == EBADF ? EBADFD : found.error().code(), found.error().what());
  const Target& target = *found;
  switch (target.object->kind()) {
    case ObjectKind::prog:
      return program_info(state, client, static_cast<Program&>(*target.object), attr);
    case ObjectKind::map:
      return map_info(static_cast<Map&>(*target.object), attr);
    case ObjectKind::btf:
      return btf_info(static_cast<Btf&>(*target.object), attr);
    case ObjectKind::link:
      return link_info(static_cast<Link&>(*target.object), attr);
    case ObjectKind::stats:
      break;
  }
  return base::Error(EINVAL, "there is nothing to know about this descriptor");
}

}  // namespace control
