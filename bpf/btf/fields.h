// SPDX-License-Identifier: Apache-2.0
// fields.h — objects inside a map value or an allocated struct that are more than bytes: locks, timers, kernel
// pointers, heads and nodes of lists and trees.
//
// Shape     find_fields(): a type of a Btf -> its special fields in the order of their offsets. Structs nested by value
//           and arrays of them are searched; unions are not.
// Threads   plain values.
// Errors    as Linux 6.18's BTF_LOAD of a struct: EINVAL (wrong shape, a head without a lock), E2BIG (one too many),
//           ENOENT (a "contains:" tag that names nothing), EEXIST (overlap). A misaligned object is bytes like others.
//           A map whose value has such an error is a map without fields: MAP_CREATE does not mind.
// Cost      linear in the members; a scan of all declaration tags per list head or tree root.
// Source    the running kernel: tests/unit/btf/fields_test.cc asks it.
#pragma once

#include <string_view>
#include <vector>

#include "bpf/btf/btf.h"

namespace bpf::btf {

enum class FieldKind : u8 {
  spin_lock,
  res_spin_lock,
  timer,
  workqueue,
  task_work,
  kptr_untrusted,
  kptr,
  percpu_kptr,
  uptr,
  list_head,
  list_node,
  rb_root,
  rb_node,
  refcount,
};
inline constexpr u32 kFieldKinds = static_cast<u32>(FieldKind::refcount) + 1;

constexpr u32 field_bit(FieldKind kind) {
  return 1U << static_cast<u32>(kind);
}
constexpr bool is_kptr(FieldKind kind) {
  return kind >= FieldKind::kptr_untrusted && kind <= FieldKind::uptr;
}

// "bpf_spin_lock", "kptr" ...: the struct's name, or the pointer's tag.
std::string_view field_name(FieldKind kind);

struct Field {
  FieldKind kind;
  u32 offset = 0;  // bytes from the start of the value
  u32 size = 0;
  u32 type = 0;            // kptr: the struct it points to; list head, tree root: the struct of its elements
  bool of_kernel = false;  // kptr: `type` is one of the kernel's types (set by whoever knows them)
  u32 node_offset = 0;     // list head, tree root: of the node in its elements
};

class Fields {
 public:
  bool empty() const noexcept { return all_.empty(); }
  const std::vector<Field>& all() const noexcept { return all_; }
  std::vector<Field>& all() noexcept { return all_; }
  bool has(u32 bits) const noexcept { return (bits_ & bits) != 0; }
  bool has(FieldKind kind) const noexcept { return has(field_bit(kind)); }
  const Field* find(FieldKind kind) const noexcept;
  // The one that begins there.
  const Field* at(u32 offset) const noexcept;
  // The first that has a byte in [begin, end).
  const Field* within(u32 begin, u32 end) const noexcept;

 private:
  friend base::Result<Fields> find_fields(const Btf&, u32, u32, u32);
  std::vector<Field> all_;
  u32 bits_ = 0;
};

// What a map value may hold; nodes and reference counts belong to allocated structs.
inline constexpr u32 kMapFields =
    (1U << kFieldKinds) - 1 - field_bit(FieldKind::list_node) - field_bit(FieldKind::rb_node);
inline constexpr u32 kStructFields = field_bit(FieldKind::spin_lock) | field_bit(FieldKind::res_spin_lock) |
                                     field_bit(FieldKind::list_head) | field_bit(FieldKind::list_node) |
                                     field_bit(FieldKind::rb_root) | field_bit(FieldKind::rb_node) |
                                     field_bit(FieldKind::refcount) | field_bit(FieldKind::kptr_untrusted) |
                                     field_bit(FieldKind::kptr) | field_bit(FieldKind::percpu_kptr);

// Structs that programs may allocate: what a struct with such an object, or a kernel pointer, as its own member holds;
// empty for others.
base::Result<Fields> find_struct_fields(const Btf& types, u32 type);
// Every struct of a BTF, as BTF_LOAD looks at them: beside the errors above EFAULT (an object that is misaligned) and
// ELOOP (elements that hold lists of elements that hold lists).
base::Status check_struct_fields(const Btf& types);

// Looks for fields of `kinds` in `type` (struct or data section; anything else has none), of `size` bytes.
base::Result<Fields> find_fields(const Btf& types, u32 type, u32 kinds, u32 size);

}  // namespace bpf::btf
