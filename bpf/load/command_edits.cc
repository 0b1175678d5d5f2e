// SPDX-License-Identifier: Apache-2.0
#include "bpf/load/command_edits.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace bpf::load {
namespace {

constexpr base::u32 kMapTypeArena = 33;
constexpr base::u8 kWide = BPF_LD | BPF_IMM | BPF_DW, kCall = BPF_JMP | BPF_CALL;

struct Code {
  std::vector<bpf_insn> insns;
  std::vector<std::byte> functions, lines;
};

std::vector<std::byte> copy(base::u64 at, std::size_t bytes) {
  const auto* begin = reinterpret_cast<const std::byte*>(at);
  return {begin, begin + (begin ? bytes : 0)};
}

// Records that begin with the number of an instruction: those behind `at` move two up.
void move_records(std::vector<std::byte>& records, std::size_t row, base::u32 at) {
  for (std::size_t k = 0; row >= sizeof at && k + row <= records.size(); k += row) {
    base::u32 insn = 0;
    std::memcpy(&insn, &records[k], sizeof insn);
    if (insn <= at) continue;
    insn -= 2;
    std::memcpy(&records[k], &insn, sizeof insn);
  }
}

void drop_reference(Code& code, std::size_t at) {
  const auto shift = [at](std::size_t from, base::s32 distance) {
    const auto target = static_cast<long>(from) + 1 + distance;
    const auto moved = [at](long i) { return i > static_cast<long>(at) ? i - 2 : i; };
    return static_cast<base::s32>(moved(target) - moved(static_cast<long>(from)) - 1);
  };
  for (std::size_t i = 0; i < code.insns.size(); ++i) {
    bpf_insn& insn = code.insns[i];
    const bool function = insn.code == kWide && insn.src_reg == BPF_PSEUDO_FUNC;
    if (function || (insn.code == kCall && insn.src_reg == BPF_PSEUDO_CALL)) insn.imm = shift(i, insn.imm);
    if (insn.code == kWide) ++i;
  }
  code.insns.erase(code.insns.begin() + std::ptrdiff_t(at), code.insns.begin() + std::ptrdiff_t(at) + 2);
}

}  // namespace

CommandEdits& command_edits() {
  static CommandEdits instance;
  return instance;
}

long CommandEdits::create_map(bpf_attr& attr, unsigned size, const Next& next) {
  if (std::strncmp(attr.map_name, kArenaDataSection, sizeof attr.map_name) == 0) {
    if (arena_ < 0) return -ENOENT;
    const int fd = fcntl(arena_, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return -errno;
    data_.push_back(fd);
    return fd;
  }
  const long result = next(BPF_MAP_CREATE, &attr, size);
  if (attr.map_type == kMapTypeArena && result >= 0) arena_ = static_cast<int>(result);
  return result;
}

long CommandEdits::load_program(const bpf_attr& attr, unsigned size, const Next& next) const {
  bpf_attr edited{};
  std::memcpy(&edited, &attr, std::min<std::size_t>(size, sizeof edited));
  if (member_ && edited.prog_type == BPF_PROG_TYPE_STRUCT_OPS && edited.attach_btf_id == 0) {
    edited.attach_btf_id = member_->type;
    edited.expected_attach_type = member_->index;
  }
  Code code;
  if (!prepared_->callbacks.empty()) {
    const auto* insns = reinterpret_cast<const bpf_insn*>(edited.insns);
    code.insns.assign(insns, insns + edited.insn_cnt);
    const auto mark = std::ranges::find_if(code.insns, [](const bpf_insn& insn) {
      return insn.code == kWide && insn.src_reg == BPF_PSEUDO_FUNC && insn.off == kCallbackMark;
    });
    if (mark != code.insns.end() && mark + 1 != code.insns.end()) {
      const auto at = static_cast<std::size_t>(mark - code.insns.begin());
      code.functions = copy(edited.func_info, std::size_t{edited.func_info_cnt} * edited.func_info_rec_size);
      code.lines = copy(edited.line_info, std::size_t{edited.line_info_cnt} * edited.line_info_rec_size);
      move_records(code.functions, edited.func_info_rec_size, static_cast<base::u32>(at));
      move_records(code.lines, edited.line_info_rec_size, static_cast<base::u32>(at));
      drop_reference(code, at);
      edited.insns = reinterpret_cast<base::u64>(code.insns.data());
      edited.insn_cnt = static_cast<base::u32>(code.insns.size());
      if (edited.func_info) edited.func_info = reinterpret_cast<base::u64>(code.functions.data());
      if (edited.line_info) edited.line_info = reinterpret_cast<base::u64>(code.lines.data());
    }
  }
  return next(BPF_PROG_LOAD, &edited, size);
}

std::string CommandEdits::symbol_lines() const {
  std::string lines;
  base::u64 address = 0xffffffff81000000;  // where kernels lie; programs see a number
  char line[32];
  if (prepared_)
    for (const std::string& name : prepared_->symbols) {
      std::snprintf(line, sizeof line, "%llx T ", static_cast<unsigned long long>(address));
      lines += line + name + "\n";
      address += 16;
    }
  return lines;
}

long CommandEdits::run(unsigned cmd, void* user_attr, unsigned size, const Next& next) {
  if (!prepared_) return next(cmd, user_attr, size);
  auto& attr = *static_cast<bpf_attr*>(user_attr);
  const bool arena = prepared_->arena_data;
  if (cmd == BPF_MAP_CREATE && arena && size >= offsetof(bpf_attr, map_name) + sizeof attr.map_name)
    return create_map(attr, size, next);
  if (cmd == BPF_MAP_UPDATE_ELEM && std::ranges::find(data_, static_cast<int>(attr.map_fd)) != data_.end()) return 0;
  if (cmd == BPF_PROG_LOAD && (member_ || !prepared_->callbacks.empty())) return load_program(attr, size, next);
  return next(cmd, user_attr, size);
}

}  // namespace bpf::load
