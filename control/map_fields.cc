// SPDX-License-Identifier: Apache-2.0
// map_fields.cc — which types of map may hold which special fields in their values.
//
// Source    the running kernel: tests/unit/control/map_fields_test.cc asks it about every kind in every type of map.
#include "bpf/abi/flags.h"
#include "bpf/btf/fields.h"
#include "control/door_state.h"

namespace control {
namespace {

using bpf::btf::field_bit;
using bpf::btf::FieldKind;

constexpr u64 type_bit(bpf::bpf_map_type type) {
  return u64{1} << type;
}
constexpr u64 kStorages = type_bit(bpf::BPF_MAP_TYPE_SK_STORAGE) | type_bit(bpf::BPF_MAP_TYPE_INODE_STORAGE) |
                          type_bit(bpf::BPF_MAP_TYPE_TASK_STORAGE) | type_bit(bpf::BPF_MAP_TYPE_CGRP_STORAGE);
constexpr u64 kTables = type_bit(bpf::BPF_MAP_TYPE_HASH) | type_bit(bpf::BPF_MAP_TYPE_ARRAY);
constexpr u64 kLru = type_bit(bpf::BPF_MAP_TYPE_LRU_HASH);

struct Rule {
  u32 fields;
  u64 types;
};
constexpr Rule kRules[] = {
    {field_bit(FieldKind::spin_lock) | field_bit(FieldKind::res_spin_lock),
     kTables | kStorages | type_bit(bpf::BPF_MAP_TYPE_CGROUP_STORAGE)},
    {field_bit(FieldKind::timer) | field_bit(FieldKind::workqueue) | field_bit(FieldKind::task_work), kTables | kLru},
    {field_bit(FieldKind::kptr_untrusted) | field_bit(FieldKind::kptr) | field_bit(FieldKind::percpu_kptr) |
         field_bit(FieldKind::refcount),
     kTables | kLru | kStorages | type_bit(bpf::BPF_MAP_TYPE_PERCPU_HASH) | type_bit(bpf::BPF_MAP_TYPE_PERCPU_ARRAY) |
         type_bit(bpf::BPF_MAP_TYPE_LRU_PERCPU_HASH)},
    {field_bit(FieldKind::uptr), type_bit(bpf::BPF_MAP_TYPE_TASK_STORAGE)},
    {field_bit(FieldKind::list_head) | field_bit(FieldKind::rb_root), kTables | kLru},
};

ValueFields layout_of(const bpf::btf::Fields& fields) {
  auto layout = std::make_shared<bpf_value_fields>();
  layout->lock = BPF_VALUE_HAS_NO;
  for (const bpf::btf::Field& field : fields.all()) {
    layout->at[layout->count++] = {field.offset, field.size, static_cast<u32>(field.kind)};
    if (field.kind == FieldKind::spin_lock) layout->lock = static_cast<int>(field.offset);
  }
  return layout;
}

}  // namespace

base::Result<ValueFields> find_value_fields(const bpf::btf::Btf& types, const bpf::bpf_attr& attr) {
  const auto fields = bpf::btf::find_fields(types, attr.btf_value_type_id, bpf::btf::kMapFields, attr.value_size);
  if (!fields || fields->empty()) return ValueFields();  // a value whose fields are in disorder is bytes, as in Linux
  if (attr.map_flags & (bpf::BPF_F_RDONLY_PROG | bpf::BPF_F_WRONLY_PROG))
    return base::Error(EACCES, "a value with special fields must be open to programs for reading and writing");
  for (const bpf::btf::Field& field : fields->all())
    for (const Rule& rule : kRules)
      if ((rule.fields & field_bit(field.kind)) != 0 && (rule.types >> attr.map_type & 1) == 0)
        return base::Error(EOPNOTSUPP, std::string(field_name(field.kind)) + " in a value of this type of map");
  return layout_of(*fields);
}

}  // namespace control
