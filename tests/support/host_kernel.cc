// SPDX-License-Identifier: Apache-2.0
#include "tests/support/host_kernel.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>

#include "bpf/abi/attr.h"
#include "bpf/abi/flags.h"
#include "tests/support/attr.h"

namespace support {
namespace {

using bpf::bpf_attr;

// Room for the host's verifier log: the kernel refuses more than UINT_MAX >> 2; 16 MiB holds a million-instruction
// walk's tail.
constexpr std::size_t kLogBytesMax = 16U << 20;

int sys_bpf(bpf::bpf_cmd cmd, bpf_attr& attr) {
  return static_cast<int>(::syscall(SYS_bpf, cmd, &attr, sizeof attr));
}

base::Error os_error(const char* what) {
  return base::Error(errno, std::string(what) + ": " + std::strerror(errno));
}

Fd load_btf(const std::vector<std::byte>& btf) {
  bpf_attr attr = zero_attr();
  attr.btf = address(btf.data());
  attr.btf_size = static_cast<base::u32>(btf.size());
  return Fd(sys_bpf(bpf::BPF_BTF_LOAD, attr));
}

base::Status element(bpf::bpf_cmd cmd, const char* what, const Fd& map, const void* key, base::u64 value,
                     base::u64 flags) {
  bpf_attr attr = zero_attr();
  attr.map_fd = static_cast<base::u32>(map.get());
  attr.key = address(key);
  attr.value = value;
  attr.flags = flags;
  if (sys_bpf(cmd, attr) < 0) return os_error(what);
  return base::success();
}

// Types that maps and programs share are one BTF, as a loader has it: the kernel tells types apart by it. `keep`: for
// programs to come.
std::shared_ptr<Fd> map_btf(const std::vector<std::byte>& blob, bool keep) {
  constexpr std::size_t kKept = 4;
  static std::mutex mutex;
  static std::deque<std::pair<std::vector<std::byte>, std::shared_ptr<Fd>>> kept;
  const std::lock_guard lock(mutex);
  for (const auto& [known, fd] : kept)
    if (known == blob) return fd;
  auto fd = std::make_shared<Fd>(load_btf(blob));
  if (!keep || !fd->valid()) return fd;
  if (kept.size() == kKept) kept.pop_front();
  kept.emplace_back(blob, fd);
  return fd;
}

constexpr std::size_t kLongestPacket = 64 << 10;  // that a program can make of one

bool is_map_reference(const bpf::bpf_insn& insn) {
  return bpf::insn_is_ld_imm64(insn) &&
         (insn.src_reg == bpf::BPF_PSEUDO_MAP_FD || insn.src_reg == bpf::BPF_PSEUDO_MAP_VALUE);
}

// Not filled with zeros: most logs are short.
std::unique_ptr<char[]> make_log(base::u32 level) {
  if (level == 0) return nullptr;
  auto log = std::make_unique_for_overwrite<char[]>(kLogBytesMax);
  log[0] = '\0';
  return log;
}

// Linux takes no types for these; libbpf leaves them out as well.
bool is_untyped(bpf::bpf_map_type type) {
  constexpr bpf::bpf_map_type kUntyped[] = {bpf::BPF_MAP_TYPE_PERF_EVENT_ARRAY,
                                            bpf::BPF_MAP_TYPE_CGROUP_ARRAY,
                                            bpf::BPF_MAP_TYPE_STACK_TRACE,
                                            bpf::BPF_MAP_TYPE_ARRAY_OF_MAPS,
                                            bpf::BPF_MAP_TYPE_HASH_OF_MAPS,
                                            bpf::BPF_MAP_TYPE_DEVMAP,
                                            bpf::BPF_MAP_TYPE_DEVMAP_HASH,
                                            bpf::BPF_MAP_TYPE_CPUMAP,
                                            bpf::BPF_MAP_TYPE_XSKMAP,
                                            bpf::BPF_MAP_TYPE_SOCKMAP,
                                            bpf::BPF_MAP_TYPE_SOCKHASH,
                                            bpf::BPF_MAP_TYPE_QUEUE,
                                            bpf::BPF_MAP_TYPE_STACK};
  return std::ranges::find(kUntyped, type) != std::end(kUntyped);
}

// capget(2), capset(2): of this thread alone. The numbers are the ABI's.
struct CapHeader {
  base::u32 version = 0x20080522;
  int pid = 0;
};
struct CapWords {
  base::u32 effective, permitted, inheritable;
};
constexpr base::u64 kNetAdmin = base::u64{1} << 12, kSysAdmin = base::u64{1} << 21, kPerfmon = base::u64{1} << 38,
                    kBpf = base::u64{1} << 39;

base::u64 exchange_effective(base::u64 without, base::u64 with) {
  CapHeader header;
  CapWords words[2];
  if (::syscall(SYS_capget, &header, words) != 0) return 0;
  const base::u64 before = words[0].effective | base::u64{words[1].effective} << 32;
  const base::u64 now = (before & ~without) | with;
  words[0].effective = static_cast<base::u32>(now);
  words[1].effective = static_cast<base::u32>(now >> 32);
  (void)::syscall(SYS_capset, &header, words);
  return before;
}

}  // namespace

LoweredCapabilities::LoweredCapabilities(const bpf::Capabilities& caps) : lowered_(caps != bpf::Capabilities{}) {
  if (!lowered_) return;
  effective_ = exchange_effective(
      kSysAdmin | (caps.bpf ? 0 : kBpf) | (caps.perfmon ? 0 : kPerfmon) | (caps.net_admin ? 0 : kNetAdmin), 0);
}

LoweredCapabilities::~LoweredCapabilities() {
  if (lowered_) exchange_effective(0, effective_);
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

const std::optional<std::string>& host_kernel_unusable() {
  static const std::optional<std::string> reason = []() -> std::optional<std::string> {
    bpf::ProgSource source;
    source.type = bpf::BPF_PROG_TYPE_XDP;
    source.insns = {{bpf::BPF_ALU64 | bpf::BPF_MOV, 0, 0, 0, 2}, {bpf::BPF_JMP | bpf::BPF_EXIT, 0, 0, 0, 0}};
    const HostLoad load = host_load(source);
    if (load.accepted()) return std::nullopt;
    return std::string("bpf(2) PROG_LOAD: ") + std::strerror(load.error);
  }();
  return reason;
}

const std::optional<std::string>& host_closed_to_unprivileged() {
  static const std::optional<std::string> reason = []() -> std::optional<std::string> {
    bpf::ProgSource source;
    source.type = bpf::BPF_PROG_TYPE_SOCKET_FILTER;
    source.caps = bpf::kNoCapabilities;
    source.insns = {{bpf::BPF_ALU64 | bpf::BPF_MOV, 0, 0, 0, 0}, {bpf::BPF_JMP | bpf::BPF_EXIT, 0, 0, 0, 0}};
    const HostLoad load = host_load(source);
    if (load.accepted()) return std::nullopt;
    return std::string("PROG_LOAD without capabilities: ") + std::strerror(load.error);
  }();
  return reason;
}

base::Result<Fd> host_make_map(const bpf::MapFacts& facts, int inner) {
  bpf_attr attr = zero_attr();
  attr.map_type = facts.type;
  attr.key_size = facts.key_size;
  attr.value_size = facts.value_size;
  attr.max_entries = facts.max_entries;
  attr.map_flags = facts.map_flags;
  attr.map_extra = facts.map_extra;
  if (inner >= 0) attr.inner_map_fd = static_cast<base::u32>(inner);
  std::strncpy(attr.map_name, facts.name.c_str(), sizeof attr.map_name - 1);
  std::shared_ptr<Fd> btf;
  if (!facts.btf.empty() && facts.btf_value_type_id != 0 && !is_untyped(facts.type)) {
    btf = map_btf(facts.btf, true);
    if (!btf->valid()) return os_error("BTF_LOAD of a map");
    attr.btf_fd = static_cast<base::u32>(btf->get());
    attr.btf_key_type_id = facts.btf_key_type_id;
    attr.btf_value_type_id = facts.btf_value_type_id;
  }
  Fd map(sys_bpf(bpf::BPF_MAP_CREATE, attr));
  if (!map.valid()) return os_error("MAP_CREATE");
  if (facts.frozen) {
    if (!facts.contents.empty()) {
      const base::u32 key = 0;
      SLUICE_CHECK(host_map_update(map, std::as_bytes(std::span(&key, 1)), facts.contents));
    }
    attr = zero_attr();
    attr.map_type = static_cast<base::u32>(map.get());  // map_fd shares the first word
    if (sys_bpf(bpf::BPF_MAP_FREEZE, attr) < 0) return os_error("MAP_FREEZE");
  }
  return map;
}

base::Result<std::vector<Fd>> host_make_maps(const bpf::ProgSource& source) {
  std::vector<Fd> fds;
  for (const bpf::MapFacts& facts : source.maps) {
    Fd inner;
    if (facts.type == bpf::BPF_MAP_TYPE_ARRAY_OF_MAPS || facts.type == bpf::BPF_MAP_TYPE_HASH_OF_MAPS) {
      bpf::MapFacts array;
      array.type = bpf::BPF_MAP_TYPE_ARRAY;
      array.key_size = 4;
      array.value_size = 8;
      array.max_entries = 1;
      if (facts.inner >= 0) array = source.inner_maps[static_cast<std::size_t>(facts.inner)];
      SLUICE_TRY(inner, host_make_map(array));
    }
    SLUICE_TRY(Fd fd, host_make_map(facts, inner.get()).in("map '" + facts.name + "'"));
    fds.push_back(std::move(fd));
  }
  return fds;
}

HostLoad host_load(const bpf::ProgSource& source, std::span<const Fd> maps, base::u32 log_level) {
  std::vector<bpf::bpf_insn> insns = source.insns;
  for (std::size_t i = 0; i < insns.size(); ++i) {
    if (!bpf::insn_is_ld_imm64(insns[i])) continue;
    if (is_map_reference(insns[i]) && static_cast<std::size_t>(insns[i].imm) < maps.size())
      insns[i].imm = maps[static_cast<std::size_t>(insns[i].imm)].get();
    ++i;
  }
  bpf_attr attr = zero_attr();
  attr.prog_type = source.type;
  attr.insn_cnt = static_cast<base::u32>(insns.size());
  attr.insns = address(insns.data());
  attr.license = address(source.gpl_compatible ? "GPL" : "Proprietary");
  attr.prog_flags = source.prog_flags;
  attr.expected_attach_type = source.expected_attach_type;
  attr.attach_btf_id = source.attach_btf_id;
  std::strncpy(attr.prog_name, source.name.c_str(), sizeof attr.prog_name - 1);
  const auto log = make_log(log_level);
  if (log) {
    attr.log_level = log_level;
    attr.log_buf = address(log.get());
    attr.log_size = static_cast<base::u32>(kLogBytesMax);
  }
  HostLoad out;
  std::shared_ptr<Fd> btf;
  if (!source.btf.empty()) {
    btf = map_btf(source.btf, false);
    if (!btf->valid()) {
      out.error = errno;
      out.log = "BTF_LOAD refused";
      return out;
    }
    attr.prog_btf_fd = static_cast<base::u32>(btf->get());
    attr.func_info = address(source.func_info.data());
    attr.func_info_cnt = static_cast<base::u32>(source.func_info.size());
    attr.func_info_rec_size = sizeof(bpf::bpf_func_info);
    attr.line_info = address(source.line_info.data());
    attr.line_info_cnt = static_cast<base::u32>(source.line_info.size());
    attr.line_info_rec_size = sizeof(bpf::bpf_line_info);
  }
  {
    const LoweredCapabilities lowered(source.caps);
    const auto begin = std::chrono::steady_clock::now();
    out.prog = Fd(sys_bpf(bpf::BPF_PROG_LOAD, attr));
    if (!out.prog.valid()) out.error = errno;
    out.load_ns = base::u64(std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count());
  }
  if (log) out.log = log.get();
  return out;
}

HostLoad host_load(const bpf::ProgSource& source, base::u32 log_level) {
  auto maps = host_make_maps(source);
  if (!maps) {
    HostLoad out;
    out.error = maps.error().code();
    out.log = maps.error().what();
    return out;
  }
  return host_load(source, *maps, log_level);
}

base::Result<HostRun> host_test_run(const Fd& prog, base::ConstBytes packet, base::u32 repeat) {
  HostRun run;
  run.data.resize(packet.size() + 4096);  // a program can grow a packet within its page
  bpf_attr attr = zero_attr();
  attr.test.prog_fd = static_cast<base::u32>(prog.get());
  attr.test.data_in = address(packet.data());
  attr.test.data_size_in = static_cast<base::u32>(packet.size());
  attr.test.data_out = address(run.data.data());
  attr.test.data_size_out = static_cast<base::u32>(run.data.size());
  attr.test.repeat = repeat;
  if (sys_bpf(bpf::BPF_PROG_TEST_RUN, attr) < 0) return os_error("PROG_TEST_RUN");
  run.retval = attr.test.retval;
  run.duration_ns = attr.test.duration;
  run.data.resize(attr.test.data_size_out);
  return run;
}

HostCtxRun host_test_run(const Fd& prog, base::ConstBytes packet, base::Bytes ctx, base::u32 flags) {
  HostCtxRun run;
  run.data.resize(kLongestPacket);
  bpf_attr attr = zero_attr();
  attr.test.prog_fd = static_cast<base::u32>(prog.get());
  attr.test.data_in = address(packet.data());
  attr.test.data_size_in = static_cast<base::u32>(packet.size());
  attr.test.data_out = address(run.data.data());
  attr.test.data_size_out = static_cast<base::u32>(run.data.size());
  attr.test.ctx_in = attr.test.ctx_out = address(ctx.data());
  attr.test.ctx_size_in = attr.test.ctx_size_out = static_cast<base::u32>(ctx.size());
  attr.test.flags = flags;
  if (sys_bpf(bpf::BPF_PROG_TEST_RUN, attr) < 0) {
    run.error = errno;
    run.data.clear();
    return run;
  }
  run.retval = attr.test.retval;
  run.data.resize(attr.test.data_size_out);
  return run;
}

base::Status host_map_update(const Fd& map, base::ConstBytes key, base::ConstBytes value, base::u64 flags) {
  return element(bpf::BPF_MAP_UPDATE_ELEM, "MAP_UPDATE_ELEM", map, key.data(), address(value.data()), flags);
}

base::Status host_map_lookup(const Fd& map, base::ConstBytes key, base::Bytes value) {
  return element(bpf::BPF_MAP_LOOKUP_ELEM, "MAP_LOOKUP_ELEM", map, key.data(), address(value.data()), 0);
}

base::Status host_map_erase(const Fd& map, base::ConstBytes key) {
  return element(bpf::BPF_MAP_DELETE_ELEM, "MAP_DELETE_ELEM", map, key.data(), 0, 0);
}

base::Status host_map_next_key(const Fd& map, base::ConstBytes key, base::Bytes next) {
  return element(bpf::BPF_MAP_GET_NEXT_KEY, "MAP_GET_NEXT_KEY", map, key.empty() ? nullptr : key.data(),
                 address(next.data()), 0);
}

base::u32 host_possible_cpus() {
  static const base::u32 count = [] {
    unsigned first = 0, last = 0;
    if (FILE* f = std::fopen("/sys/devices/system/cpu/possible", "r")) {
      if (std::fscanf(f, "%u-%u", &first, &last) == 1) last = first;
      std::fclose(f);
    }
    return last + 1;
  }();
  return count;
}

}  // namespace support
