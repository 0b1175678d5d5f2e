// SPDX-License-Identifier: Apache-2.0
// map_oracle.cc — random map commands for the host kernel and for our maps: results and contents must agree.
//
//   map_oracle [--seconds N | --ops N | --each N] [--seed S] [--type NAME]
//
// --each sends at least N commands to maps of every type: 1,000,000 is what a release is worth.
//
// Shape     a round makes one map of a random type with random numbers, good and bad, on both sides. If both sides made
//           it, some hundred element commands follow, with keys from a small set, so that they meet each other, and
//           with bad flags now and then; then both sides are read out and must hold the same.
//           Not compared, because Linux promises nothing: the order of iteration of hash maps (their set of keys is),
//           padding bytes of per-CPU values, which entry an LRU map lets go: the driver keeps LRU maps so empty that
//           Linux lets none go, and gives smaller ones no commands (tests/unit/maps/lru_test.cc has what holds there).
//           Descriptors in values are the bpf(2) door's business: the driver has them.
// Errors    a disagreement is printed with the seed that repeats it; exit 1. 77: bpf(2) is not usable here.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/percpu.h"
#include "bpf/abi/attr.h"
#include "bpf/abi/flags.h"
#include "bpf/abi/insn.h"
#include "bpf/registry/registry.h"
#include "maps/ops.h"
#include "tests/oracle/map_objects.h"
#include "tests/oracle/map_types.h"
#include "tests/support/attr.h"
#include "tests/support/slice.h"
#include "tests/support/value_btf.h"

namespace {

using base::u32;
using base::u64;
using base::u8;
using support::address;
using Buffer = std::vector<std::byte>;

constexpr int kSkipped = 77;
constexpr u32 kCommandsPerMap = 300;
// With so many entries and so few keys, Linux's LRU maps find free nodes on each CPU.
constexpr u32 kRoomyLru = 512;
constexpr u32 kLruKeys = 64;

int host_call(bpf::bpf_cmd command, bpf::bpf_attr& attr) {
  const long result = syscall(SYS_bpf, command, &attr, sizeof attr);
  return result < 0 ? -errno : static_cast<int>(result);
}

// A value with a lock at that offset.
std::shared_ptr<const bpf_value_fields> lock_at(u32 offset) {
  auto fields = std::make_shared<bpf_value_fields>();
  fields->count = 1;
  fields->lock = static_cast<int>(offset);
  fields->at[0] = {offset, 4, 0};
  return fields;
}

int load_lock_types(const bpf::MapSpec& spec) {
  const auto blob = support::value_btf({{"bpf_spin_lock", spec.fields->at[0].offset}}, spec.value_size);
  bpf::bpf_attr attr{};
  attr.btf = address(blob.data());
  attr.btf_size = static_cast<u32>(blob.size());
  return host_call(bpf::BPF_BTF_LOAD, attr);
}

// A storage has types of key and value, if at all; so has a value with a lock.
int host_create(const bpf::MapSpec& spec, int inner_fd = -1) {
  const int types = spec.fields  ? load_lock_types(spec)
                    : spec.typed ? map_oracle::load_value_types(spec.value_size)
                                 : -1;
  bpf::bpf_attr attr{};
  attr.map_type = spec.type;
  attr.key_size = spec.key_size;
  attr.value_size = spec.value_size;
  attr.max_entries = spec.max_entries;
  attr.map_flags = spec.map_flags;
  attr.map_extra = spec.map_extra;
  attr.numa_node = spec.numa_node;
  if (inner_fd >= 0) attr.inner_map_fd = static_cast<u32>(inner_fd);
  if (types >= 0) {
    attr.btf_fd = static_cast<u32>(types);
    attr.btf_key_type_id = 1;
    attr.btf_value_type_id = spec.fields ? support::kValueType : 4;
  }
  const int fd = host_call(bpf::BPF_MAP_CREATE, attr);
  if (types >= 0) close(types);
  return fd;
}

int host_element(bpf::bpf_cmd command, int fd, const void* key, const void* value, u64 flags) {
  bpf::bpf_attr attr{};
  attr.map_fd = static_cast<u32>(fd);
  attr.key = address(key);
  attr.value = address(value);
  attr.flags = flags;
  return host_call(command, attr);
}

// A program that the kernel and our maps know by one id.
struct Program {
  int fd = -1;
  bpf_prog prog{};
};

// A map of the kernel's and one of ours, made alike and known by one id, to lie in maps of maps.
struct Inner {
  int fd = -1;
  std::shared_ptr<bpf::Map> map;
};

Inner make_inner(bpf::bpf_map_type type, u32 key_size, u32 value_size, u32 max_entries, u32 flags) {
  bpf::MapSpec spec;
  spec.type = type;
  spec.key_size = key_size;
  spec.value_size = value_size;
  spec.max_entries = max_entries;
  spec.map_flags = flags;
  spec.name = "inner";
  Inner inner{host_create(spec), *(*bpf::find_map_ops(type))->make(spec)};
  std::array<u32, 64> info{};  // struct bpf_map_info begins with type and id
  bpf::bpf_attr query{};
  query.info.bpf_fd = static_cast<u32>(inner.fd);
  query.info.info_len = sizeof info;
  query.info.info = address(info.data());
  host_call(bpf::BPF_OBJ_GET_INFO_BY_FD, query);
  inner.map->head()->id = info[1];
  return inner;
}

std::vector<Inner> make_inners() {
  std::vector<Inner> inners;
  for (u32 entries : {4U, 8U}) {
    for (u32 flags : {0U, u32{bpf::BPF_F_INNER_MAP}, u32{bpf::BPF_F_RDONLY_PROG}})
      inners.push_back(make_inner(bpf::BPF_MAP_TYPE_ARRAY, 4, 8, entries, flags));
    inners.push_back(make_inner(bpf::BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, entries, 0));
    inners.push_back(make_inner(bpf::BPF_MAP_TYPE_HASH, 4, 8, entries, 0));
    inners.push_back(make_inner(bpf::BPF_MAP_TYPE_HASH, 4, 8, entries, bpf::BPF_F_NO_PREALLOC));
    inners.push_back(make_inner(bpf::BPF_MAP_TYPE_HASH, 8, 8, entries, 0));
    inners.push_back(make_inner(bpf::BPF_MAP_TYPE_LRU_HASH, 4, 8, entries, bpf::BPF_F_NO_COMMON_LRU));
    inners.push_back(make_inner(bpf::BPF_MAP_TYPE_LPM_TRIE, 8, 8, entries, bpf::BPF_F_NO_PREALLOC));
    inners.push_back(make_inner(bpf::BPF_MAP_TYPE_DEVMAP, 4, 4, entries, 0));
    inners.push_back(make_inner(bpf::BPF_MAP_TYPE_PROG_ARRAY, 4, 4, entries, 0));
  }
  return inners;
}

Program load_program() {
  const bpf::bpf_insn insns[2] = {{0xb7, 0, 0, 0, 2}, {0x95, 0, 0, 0, 0}};
  bpf::bpf_attr attr{};
  attr.prog_type = bpf::BPF_PROG_TYPE_XDP;
  attr.insn_cnt = 2;
  attr.insns = address(insns);
  attr.license = address("Apache-2.0");
  Program program;
  program.fd = host_call(bpf::BPF_PROG_LOAD, attr);
  if (program.fd < 0) return program;
  std::array<u32, 64> info{};  // struct bpf_prog_info begins with type and id
  bpf::bpf_attr query{};
  query.info.bpf_fd = static_cast<u32>(program.fd);
  query.info.info_len = sizeof info;
  query.info.info = address(info.data());
  host_call(bpf::BPF_OBJ_GET_INFO_BY_FD, query);
  program.prog.id = info[1];
  return program;
}

using namespace bpf;  // all constants of the ABI

class Round {
 public:
  Round(const map_oracle::Type& type, u64 seed, const Program& program, const std::vector<Inner>& inners,
        const map_oracle::HostObjects& objects)
      : type_(type), random_(seed), program_(program), inners_(inners), objects_(objects) {}
  ~Round() {
    if (fd_ >= 0) close(fd_);
  }

  // Commands sent, or -1 upon a disagreement.
  base::s64 run() {
    draw_spec();
    if (!create()) return same_ ? 1 : -1;
    base::s64 commands = 1;
    const base::s64 end = maps::value_bytes(spec_) > 65536 ? 10 : kCommandsPerMap;
    for (; commands < end && same_; ++commands) one_command();
    if (same_) read_out();
    return same_ ? commands : -1;
  }

 private:
  template <class T, std::size_t N>
  T pick(const T (&choices)[N]) {
    return choices[random_() % N];
  }
  bool lru() const { return type_.type == BPF_MAP_TYPE_LRU_HASH || type_.type == BPF_MAP_TYPE_LRU_PERCPU_HASH; }
  // Nothing that the kernel would grant gigabytes for.
  bool may_be_huge() const { return spec_.key_size != 0 && spec_.type != BPF_MAP_TYPE_STACK_TRACE; }
  bool one_in(u32 n) { return random_() % n == 0; }

  void draw_spec() {
    spec_.type = type_.type;
    spec_.name = "oracle";
    spec_.key_size = type_.key_sizes[one_in(6) ? random_() % 6 : random_() % 4];
    spec_.value_size = type_.value_sizes[one_in(6) ? random_() % 6 : random_() % 4];
    spec_.max_entries = pick({1U, 2U, 7U, 32U, 100U});
    if (lru() && !one_in(4)) spec_.max_entries = pick({kRoomyLru, 1000U, 2048U});
    if (spec_.type == BPF_MAP_TYPE_RINGBUF || spec_.type == BPF_MAP_TYPE_USER_RINGBUF)
      spec_.max_entries = pick({4096U, 8192U, 16384U, 2048U, 12288U});
    spec_.map_flags = type_.flags[one_in(4) ? random_() % 5 : random_() % 3];
    if (map_oracle::is_local_storage(spec_.type) || map_oracle::is_cgroup_storage(spec_.type)) spec_.max_entries = 0;
    spec_.typed = map_oracle::is_local_storage(spec_.type) && !one_in(10);
    if (one_in(20)) spec_.max_entries = may_be_huge() ? pick({0U, 0xffffffffU}) : 0;
    if (one_in(20)) spec_.map_flags ^= 1U << random_() % 15;
    if (one_in(20)) spec_.numa_node = pick({0U, 1U, 5000U, ~0U});
    if (one_in(40)) spec_.map_extra = random_();
    if (spec_.type == BPF_MAP_TYPE_BLOOM_FILTER && one_in(3)) spec_.map_extra = random_() % 17;
    if (one_in(40)) spec_.value_size = pick({0x80000000U, 0xffffffffU, 4U << 20});
    if (one_in(40)) spec_.key_size = pick({512U, 513U, 4U << 20, 0xffffffffU});
    if (one_in(100)) {  // around the largest element that the kernel's allocator grants
      spec_.max_entries = std::min(spec_.max_entries, 2U);
      spec_.value_size = (4U << 20) - static_cast<u32>(random_() % 400);
    }
    const bool lockable = spec_.type == BPF_MAP_TYPE_ARRAY || spec_.type == BPF_MAP_TYPE_HASH;
    const bool open = (spec_.map_flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) == 0;
    if (lockable && open && spec_.key_size == 4 && spec_.value_size == 64 && !one_in(3))
      spec_.fields = lock_at(pick({0U, 4U, 20U, 60U}));
  }

  bool create() {
    ops_ = *find_map_ops(spec_.type);
    int inner_fd = -1;
    if (ops_->holds == MapHolds::map) {
      const Inner& inner = inners_[random_() % inners_.size()];
      inner_fd = inner.fd;
      spec_.inner = std::make_shared<const MapSpec>(inner.map->spec());
    }
    fd_ = host_create(spec_, inner_fd);
    int ours = 0;
    if (auto checked = ops_->check(spec_); !checked) {
      ours = -checked.error().code();
    } else if (auto made = ops_->make(spec_); !made) {
      ours = -made.error().code();
    } else {
      map_ = *std::move(made);
    }
    compare("create", fd_ < 0 ? fd_ : 0, ours);
    if (lru() && spec_.max_entries < kRoomyLru) return false;
    if (map_oracle::is_local_storage(spec_.type)) return false;  // the door has the rest
    // The door enforces the access flags of descriptors, not the map.
    return same_ && fd_ >= 0 && (spec_.map_flags & (BPF_F_RDONLY | BPF_F_WRONLY)) == 0;
  }

  Buffer draw_key() {
    Buffer key(spec_.key_size);
    u32 number = random_() % (lru() ? kLruKeys : spec_.max_entries + spec_.max_entries / 4 + 2);
    if (one_in(50) && !lru()) number = random_();
    if (!key.empty()) std::memcpy(key.data(), &number, std::min<std::size_t>(4, key.size()));
    if (spec_.type == BPF_MAP_TYPE_LPM_TRIE) {
      const u32 bits = (spec_.key_size - 4) * 8;
      number = random_() % (bits + 1);
      if (one_in(50)) number = bits + 1 + random_() % 100;
      std::memcpy(key.data(), &number, 4);
      // Few values per byte, so that prefixes cover each other.
      for (std::size_t i = 4; i < key.size(); ++i) key[i] = std::byte(pick({0, 1, 128, 255}));
    }
    return key;
  }

  Buffer draw_value() {
    Buffer value(maps::value_bytes(spec_));
    for (auto& byte : value) byte = std::byte(random_());
    if (spec_.type == BPF_MAP_TYPE_BLOOM_FILTER) std::fill(value.begin(), value.end(), std::byte(random_() % 40));
    return value;
  }

  u64 lock_flag() { return spec_.fields && one_in(2) ? u64{BPF_F_LOCK} : 0; }
  u64 draw_update_flags() { return one_in(12) ? pick({3, 4, 5, 8, 1 << 20}) : pick({0, 0, 1, 2}) | lock_flag(); }
  u64 draw_lookup_flags() { return one_in(30) ? pick({1, 2, 4, 8}) : lock_flag(); }

  void one_command() {
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
        return update();
      case 3:
        return erase();
      case 4:
        return lookup_and_delete();
      case 5:
        return next_key(draw_key());
      default:
        return lookup();
    }
  }

  void update() {
    const Buffer key = draw_key();
    const u64 flags = draw_update_flags();
    Buffer value = draw_value();
    const MapObject object = draw_object(value);
    const int host = host_element(BPF_MAP_UPDATE_ELEM, fd_, key.data(), value.data(), flags);
    const int ours = ops_->holds == MapHolds::bytes ? ops_->update(*map_, key, value, flags)
                                                    : ops_->update_object(*map_, key, object, flags);
    compare("update", host, ours, &key, flags);
    if (spec_.type == BPF_MAP_TYPE_BLOOM_FILTER && host == 0) pushed_.insert(value);
  }

  // What a value of the map names; the descriptors in it are written to `value` for the host.
  MapObject draw_object(Buffer& value) {
    MapObject object;
    if (ops_->holds == MapHolds::bytes) return object;
    std::fill(value.begin(), value.end(), std::byte{0});
    if (ops_->holds == MapHolds::program) {
      object = {.prog = &program_.prog, .keep = {}, .id = program_.prog.id};
      std::memcpy(value.data(), &program_.fd, 4);
    } else if (ops_->holds == MapHolds::map) {
      const Inner& inner = inners_[random_() % inners_.size()];
      object = {.map = inner.map.get(), .keep = inner.map, .id = 0};
      std::memcpy(value.data(), &inner.fd, 4);
    } else if (ops_->holds == MapHolds::device || ops_->holds == MapHolds::cpu) {
      const bool device = ops_->holds == MapHolds::device;
      object.id = device ? pick({0U, 1U, 1U}) : pick({0U, 1U, 192U, 16384U, 16385U});  // 1 is the loopback device
      std::memcpy(value.data(), &object.id, 4);
    } else {
      const auto offers = objects_.offers(spec_.type);
      const auto& offer = offers[random_() % offers.size()];
      object.id = offer.id;
      object.error = offer.error;
      const base::s64 wide = offer.fd;
      std::memcpy(value.data(), &wide, value.size());
    }
    return object;
  }

  void erase() {
    const Buffer key = draw_key();
    const int host = host_element(BPF_MAP_DELETE_ELEM, fd_, key.data(), nullptr, 0);
    compare("delete", host, ops_->erase(*map_, key), &key);
  }

  void lookup() {
    const Buffer key = draw_key();
    const u64 flags = draw_lookup_flags();
    Buffer theirs = draw_value();  // what a bloom filter is asked for; others overwrite it
    Buffer ours = theirs;
    // A filter may find what nobody pushed, and two filters differ in that.
    if (spec_.type == BPF_MAP_TYPE_BLOOM_FILTER && !pushed_.contains(theirs)) return;
    const int host = host_element(BPF_MAP_LOOKUP_ELEM, fd_, key.data(), theirs.data(), flags);
    compare("lookup", host, ops_->lookup(*map_, key, ours, flags), &key, flags);
    if (host == 0) compare_bytes("lookup", theirs, ours, key);
  }

  void lookup_and_delete() {
    const Buffer key = draw_key();
    const u64 flags = draw_lookup_flags();
    Buffer theirs(maps::value_bytes(spec_));
    Buffer ours(theirs.size());
    const int host = host_element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd_, key.data(), theirs.data(), flags);
    compare("lookup_and_delete", host, ops_->lookup_and_delete(*map_, key, ours, flags), &key, flags);
    if (host == 0) compare_bytes("lookup_and_delete", theirs, ours, key);
  }

  void next_key(const Buffer& key) {
    if (!type_.ordered) return;
    Buffer theirs(spec_.key_size);
    Buffer ours(spec_.key_size);
    const int host = host_element(BPF_MAP_GET_NEXT_KEY, fd_, key.empty() ? nullptr : key.data(), theirs.data(), 0);
    compare("next_key", host, ops_->next_key(*map_, key, ours), &key);
    if (host == 0) compare_bytes("next_key", theirs, ours, key);
  }

  // Every key of one side, in its order; each value must be the other side's.
  std::vector<Buffer> all_keys(bool host) {
    std::vector<Buffer> keys;
    Buffer next(spec_.key_size);
    const auto step = [&](const Buffer* after) {
      if (host) return host_element(BPF_MAP_GET_NEXT_KEY, fd_, after ? after->data() : nullptr, next.data(), 0);
      return ops_->next_key(*map_, after ? base::ConstBytes(*after) : base::ConstBytes{}, next);
    };
    for (int r = step(nullptr); r == 0 && keys.size() < 1000; r = step(&keys.back())) keys.push_back(next);
    return keys;
  }

  // What a queue or a stack still has, in its order.
  void drain() {
    for (int host = 0; host == 0 && same_;) {
      Buffer theirs(spec_.value_size);
      Buffer ours(spec_.value_size);
      host = host_element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd_, nullptr, theirs.data(), 0);
      compare("drain", host, ops_->lookup_and_delete(*map_, {}, ours, 0));
      if (host == 0) compare_bytes("drain", theirs, ours, {});
    }
  }

  void read_out() {
    if (spec_.key_size == 0) return drain();
    auto theirs = all_keys(true);
    auto ours = all_keys(false);
    if (!type_.ordered) {
      std::sort(theirs.begin(), theirs.end());
      std::sort(ours.begin(), ours.end());
    }
    if (theirs != ours) {
      disagree("iteration gives other keys: " + std::to_string(theirs.size()) + " on the host, " +
               std::to_string(ours.size()) + " here");
      return;
    }
    for (const Buffer& key : theirs) {
      Buffer a(maps::value_bytes(spec_));
      Buffer b(a.size());
      const int host = host_element(BPF_MAP_LOOKUP_ELEM, fd_, key.data(), a.data(), 0);
      compare("read-out", host, ops_->lookup(*map_, key, b, 0), &key);
      if (host == 0) compare_bytes("read-out", a, b, key);
    }
  }

  static std::string hex(const Buffer& bytes) {
    std::string text;
    char digits[3];
    for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 24); ++i) {
      std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(bytes[i]));
      text += digits;
    }
    return text;
  }

  void compare(const char* what, int host, int ours, const Buffer* key = nullptr, u64 flags = 0) {
    if (host == ours) return;
    disagree(std::string(what) + (key ? " key " + hex(*key) : "") + " flags " + std::to_string(flags) + ": host " +
             std::to_string(host) + ", ours " + std::to_string(ours));
  }

  void compare_bytes(const char* what, const Buffer& theirs, const Buffer& ours, const Buffer& key) {
    // Per-CPU values have padding up to a whole word.
    const u32 piece = (spec_.value_size + 7) & ~7U;
    const bool percpu = maps::value_bytes(spec_) != spec_.value_size && theirs.size() != spec_.key_size;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      if (theirs[i] == ours[i] || (percpu && i % piece >= spec_.value_size)) continue;
      return disagree(std::string(what) + " key " + hex(key) + ": host " + hex(theirs) + ", ours " + hex(ours));
    }
  }

  void disagree(const std::string& what) {
    same_ = false;
    std::printf("DISAGREE %s key_size %u value_size %u max_entries %u map_flags %#x map_extra %#" PRIx64
                " numa %u\n  %s\n",
                kMapTypes[spec_.type].name.data(), spec_.key_size, spec_.value_size, spec_.max_entries, spec_.map_flags,
                spec_.map_extra, spec_.numa_node, what.c_str());
  }

  const map_oracle::Type& type_;
  std::mt19937_64 random_;
  const Program& program_;
  const std::vector<Inner>& inners_;
  const map_oracle::HostObjects& objects_;
  std::set<Buffer> pushed_;  // into a bloom filter
  MapSpec spec_;
  int fd_ = -1;
  std::unique_ptr<Map> map_;
  const MapOps* ops_ = nullptr;
  bool same_ = true;
};

struct Options {
  double seconds = 10;
  u64 ops = 0;   // 0: by time
  u64 each = 0;  // of each type; 0: of all
  u64 seed = 0;
  std::string type;
};

Options parse_options(int argc, char** argv) {
  Options options;
  options.seed = support::slice_seed();
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--seconds") options.seconds = support::slice_length(std::atof(argv[i + 1]));
    if (name == "--ops") options.ops = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--each") options.each = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--seed") options.seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--type") options.type = argv[i + 1];
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  const Program program = load_program();
  if (program.fd < 0) {
    std::printf("SKIPPED: the host kernel is no oracle here: bpf(BPF_PROG_LOAD): %s\n", std::strerror(-program.fd));
    return kSkipped;
  }
  const std::vector<Inner> inners = make_inners();
  const map_oracle::HostObjects objects;
  std::printf("map_oracle --seed %" PRIu64 "\n", options.seed);
  objects.print_missing();
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  u64 commands[std::size(map_oracle::kTypes)] = {};
  u64 total = 0;
  int failures = 0;
  const auto wanted = [&](std::size_t i) {
    return options.type.empty() || kMapTypes[map_oracle::kTypes[i].type].name == options.type;
  };
  const auto enough = [&] {
    if (options.ops != 0) return total >= options.ops;
    if (options.each == 0) return elapsed() >= options.seconds;
    for (std::size_t i = 0; i < std::size(map_oracle::kTypes); ++i)
      if (commands[i] < options.each && wanted(i)) return false;
    return true;
  };
  for (u64 round = 0; failures < 10 && !enough(); ++round) {
    const std::size_t which = (options.seed + round) % std::size(map_oracle::kTypes);
    if (!wanted(which)) continue;
    if (options.each != 0 && commands[which] >= options.each) continue;
    const base::s64 sent = Round(map_oracle::kTypes[which], options.seed + round, program, inners, objects).run();
    if (sent < 0) {
      ++failures;
      std::printf("  repeat: --seed %" PRIu64 " --ops 1\n", options.seed + round);
      continue;
    }
    commands[which] += static_cast<u64>(sent);
    total += static_cast<u64>(sent);
  }
  for (std::size_t i = 0; i < std::size(map_oracle::kTypes); ++i)
    std::printf("%-21s %10" PRIu64 " commands\n", kMapTypes[map_oracle::kTypes[i].type].name.data(), commands[i]);
  std::printf("%s: %" PRIu64 " commands in %.1f s, %d disagreements\n", failures ? "FAILED" : "ok", total, elapsed(),
              failures);
  return failures != 0;
}
