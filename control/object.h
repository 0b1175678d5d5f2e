// SPDX-License-Identifier: Apache-2.0
// object.h — what handles of the bpf(2) door refer to: maps, programs, BTF, links; shared, counted, with an id each.
//
// Shape     Object <- Map, Program, Btf, Link (link.h). Programs hold the maps they use; a prog array holds the
//           programs in its slots.
//           That circle is broken as in Linux: a Handle counts as a user, and when the last user of a prog array is
//           gone its slots are emptied, whatever programs still refer to it.
// Threads   control thread only, but for what running code reads through bpf_map and bpf_prog.
// Lifetime  shared_ptr. Code and element memory go through DoorConfig::retire, after a grace period.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "bpf/abi/btf.h"
#include "bpf/btf/btf.h"
#include "bpf/interp/interp.h"
#include "bpf/jit/jit.h"
#include "bpf/program.h"
#include "bpf/registry/map_ops.h"

namespace control {

using base::u32;
using base::u64;
using base::u8;

enum class ObjectKind : u8 { map, prog, btf, link, stats };

// Takes what running code may still use, and lets it go when no worker can.
using RetireFn = std::function<void(std::shared_ptr<void>)>;

class Object {
 public:
  Object(ObjectKind kind, u32 id) : kind_(kind), id_(id) {}
  virtual ~Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  ObjectKind kind() const noexcept { return kind_; }
  u32 id() const noexcept { return id_; }

 private:
  friend class Handle;
  virtual void on_last_user_gone() {}

  ObjectKind kind_;
  u32 id_;
  u32 users_ = 0;
};

// A user's hold on an object: a descriptor, a pin, a line of the configuration.
class Handle {
 public:
  Handle() = default;
  explicit Handle(std::shared_ptr<Object> object);
  Handle(const Handle& other) : Handle(other.object_) {}
  Handle(Handle&& other) noexcept : object_(std::move(other.object_)) {}
  Handle& operator=(Handle other) noexcept {
    object_.swap(other.object_);
    return *this;
  }
  ~Handle();

  explicit operator bool() const noexcept { return object_ != nullptr; }
  const std::shared_ptr<Object>& object() const noexcept { return object_; }

 private:
  std::shared_ptr<Object> object_;
};

class Btf final : public Object {
 public:
  Btf(u32 id, bpf::btf::Btf types, std::string name, bool kernel)
      : Object(ObjectKind::btf, id), types_(std::move(types)), name_(std::move(name)), kernel_(kernel) {}

  const bpf::btf::Btf& types() const noexcept { return types_; }
  const std::string& name() const noexcept { return name_; }
  bool kernel() const noexcept { return kernel_; }

 private:
  bpf::btf::Btf types_;
  std::string name_;
  bool kernel_;
};

struct ProgramInfo;

// Which programs a prog array holds: set by the first one in it, or the first one that tail-calls through it.
struct SlotOwner {
  bpf::bpf_prog_type type = bpf::BPF_PROG_TYPE_UNSPEC;  // UNSPEC: not settled
  bool xdp_has_frags = false;

  bool admits(const ProgramInfo& program) const noexcept;
  void settle(const ProgramInfo& program) noexcept;
};

class Map final : public Object {
 public:
  Map(u32 id, const bpf::MapOps& ops, std::unique_ptr<bpf::Map> live, RetireFn retire);
  ~Map() override;

  const bpf::MapOps& ops() const noexcept { return ops_; }
  bpf::Map& live() noexcept { return *live_; }
  // For who must keep the elements longer than the map: memory that running code reads by address.
  const std::shared_ptr<bpf::Map>& live_memory() const noexcept { return live_; }
  const bpf::MapSpec& spec() const noexcept { return live_->spec(); }
  bpf_map* head() noexcept { return live_->head(); }
  u64 memory_bytes() const { return ops_.memory_bytes(*live_); }
  int memory_fd() const { return ops_.memory_fd(*live_); }
  int wake_fd() const { return ops_.wake_fd(*live_); }
  // Bytes that bpf(2) moves for one value (per-CPU maps: one per possible CPU).
  u32 value_bytes() const;

  // What the verifier and the JIT may know; contents when it is a frozen read-only array of one element.
  bpf::MapFacts facts();
  // Of the template, for maps of maps.
  std::optional<bpf::MapFacts> inner_facts() const;

  std::shared_ptr<const Btf> btf;          // of its key and value
  u32 btf_key_type_id = 0;
  u32 btf_value_type_id = 0;
  std::shared_ptr<const Btf> inner_btf;    // of the template's
  u32 inner_btf_key_type_id = 0;
  u32 inner_btf_value_type_id = 0;
  u32 uid = 0;
  u64 created_ns = 0;
  bool frozen = false;                     // MAP_FREEZE: commands cannot write any more
  SlotOwner owner;                         // of a prog array

 private:
  void on_last_user_gone() override;

  const bpf::MapOps& ops_;
  std::shared_ptr<bpf::Map> live_;
  RetireFn retire_;
};

// Everything about a program that is not code.
struct ProgramInfo {
  bpf::bpf_prog_type type = bpf::BPF_PROG_TYPE_UNSPEC;
  bpf::bpf_attach_type expected_attach_type = bpf::bpf_attach_type(0);
  u32 prog_flags = 0;
  std::string name;
  bool gpl_compatible = false;
  u32 uid = 0;
  u64 load_time_ns = 0;                    // since boot, as bpf_prog_info
  std::array<u8, 8> tag{};
  u32 xlated_bytes = 0;
  u32 jited_bytes = 0;
  bpf::VerifyStats verify;
  u64 jit_ns = 0;                          // of the code that runs
  bpf::jit::Tier tier = bpf::jit::Tier::optimised;  // of the code that runs, where it is compiled
  std::vector<bpf::bpf_insn> xlated;       // as dumped: map ids in place of addresses
  std::vector<bpf::bpf_func_info> func_info;
  std::vector<bpf::bpf_line_info> line_info;
};

class Program final : public Object {
 public:
  Program(u32 id, ProgramInfo info, std::vector<std::shared_ptr<Map>> maps, std::shared_ptr<const Btf> btf,
          std::shared_ptr<bpf::jit::Code> code, std::shared_ptr<bpf::interp::Image> image, RetireFn retire);
  ~Program() override;

  const ProgramInfo& info() const noexcept { return info_; }
  // The same address as long as the program lives, whatever code is behind it.
  const bpf_prog* prog() const noexcept { return &live_->head; }
  const bpf::jit::Code* code() const noexcept { return live_->code.get(); }  // null: interpreted
  // Puts a better compilation in place: whoever enters the program from now on runs it; the old code goes when no
  // worker can be in it. REQUIRES: `code` was compiled from the same program and linked with the same maps.
  void replace_code(std::shared_ptr<bpf::jit::Code> code, bpf::jit::Tier tier, u64 jit_ns);
  const std::vector<std::shared_ptr<Map>>& maps() const noexcept { return maps_; }
  const std::shared_ptr<const Btf>& btf() const noexcept { return btf_; }
  u64 memory_bytes() const noexcept;
  // PROG_BIND_MAP: keeps a map alive that no instruction names. False: it is there already.
  bool bind(std::shared_ptr<Map> map);

 private:
  ProgramInfo info_;
  std::vector<std::shared_ptr<Map>> maps_;
  std::shared_ptr<const Btf> btf_;
  // What hooks and prog arrays point at, and the code it points at; outlives the program by a grace period.
  struct Live {
    bpf_prog head{};
    std::shared_ptr<bpf::jit::Code> code;
    std::shared_ptr<bpf::interp::Image> image;
  };
  std::shared_ptr<Live> live_;
  RetireFn retire_;
};

}  // namespace control
