// SPDX-License-Identifier: Apache-2.0
// value_btf.h — the BTF of a struct `value` that holds locks, timers, kernel pointers, lists where a test wants them.
//
// Shape     value_btf({{"bpf_spin_lock", 0}, {"kptr", 8, 2}}, 24): types with `value` at kValueType and an int at
//           kKeyType. Objects are named as in C, pointers by their tag; `local` pointers name a struct of the BTF,
//           others task_struct. A list or tree gets the tag `contains`, if not empty, and elements `elem` {u64 x;
//           node l;}.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "base/types.h"
#include "bpf/abi/btf.h"

namespace support {

using base::u32;

struct ValueField {
  std::string name;
  u32 offset = 0;
  u32 count = 0;  // not 0: an array of so many
  bool local = false;
  std::string contains = {};
};
inline constexpr u32 kKeyType = 1;
inline constexpr u32 kValueType = 2;
inline constexpr u32 kTrieKeyType = 4;  // eight bytes

class ValueBtf {
 public:
  ValueBtf(const std::vector<ValueField>& fields, u32 size) {
    record("int", bpf::BTF_KIND_INT, 0, 4, {1U << 24 | 32});
    const std::size_t value = types_.size();
    std::vector<u32> members;
    for (const ValueField& f : fields) members.insert(members.end(), {name(f.name + "_field"), 0, f.offset * 8});
    record("value", bpf::BTF_KIND_STRUCT, u32(fields.size()), size, members);
    bytes_ = record("u64", bpf::BTF_KIND_INT, 0, 8, {64});
    record("trie_key", bpf::BTF_KIND_STRUCT, 1, 8, {name("prefix"), bytes_, 0});
    const u32 list = object("bpf_list_node", 24), tree = object("bpf_rb_node", 32);
    record("elem", bpf::BTF_KIND_STRUCT, 2, 32, {name("x"), bytes_, 0, name("l"), list, 64});
    record("tree_elem", bpf::BTF_KIND_STRUCT, 2, 40, {name("x"), bytes_, 0, name("l"), tree, 64});
    for (u32 k = 0; k < fields.size(); ++k) {
      const u32 type = field_type(fields[k]);
      types_[value + 3 + k * 3 + 1] = type;
      if (!fields[k].contains.empty())
        record("contains:" + fields[k].contains, bpf::BTF_KIND_DECL_TAG, 0, kValueType, {k});
    }
  }

  std::vector<std::byte> blob() const {
    const u32 length = u32(types_.size() * 4);
    bpf::btf_header h{bpf::BTF_MAGIC, bpf::BTF_VERSION, 0, sizeof h, 0, length, length, u32(strings_.size())};
    std::vector<std::byte> out(sizeof h + length + strings_.size());
    std::memcpy(out.data(), &h, sizeof h);
    std::memcpy(out.data() + sizeof h, types_.data(), length);
    std::memcpy(out.data() + sizeof h + length, strings_.data(), strings_.size());
    return out;
  }

 private:
  u32 name(const std::string& s) {
    if (s.empty()) return 0;
    const u32 at = u32(strings_.size());
    strings_ += s + '\0';
    return at;
  }
  u32 record(const std::string& n, u32 kind, u32 vlen, u32 size_or_type, const std::vector<u32>& tail = {}) {
    const u32 named = name(n);
    types_.insert(types_.end(), {named, kind << 24 | vlen, size_or_type});
    types_.insert(types_.end(), tail.begin(), tail.end());
    return ++count_;
  }
  u32 object(const std::string& n, u32 size) {
    const u32 element = size % 8 == 0 ? bytes_ : kKeyType, each = size % 8 == 0 ? 8 : 4;
    std::vector<u32> members;
    for (u32 at = 0; at < size; at += each) members.insert(members.end(), {name("w"), element, at * 8});
    for (u32 k = 0; k < members.size(); k += 3) members[k] = name("w" + std::to_string(k));
    return record(n, bpf::BTF_KIND_STRUCT, size / each, size, members);
  }
  u32 field_type(const ValueField& f) {
    struct Size {
      const char* name;
      u32 bytes;
    };
    static constexpr Size kSizes[] = {{"bpf_spin_lock", 4}, {"bpf_res_spin_lock", 4}, {"bpf_timer", 16},
                                      {"bpf_wq", 16},       {"bpf_task_work", 8},     {"bpf_list_head", 16},
                                      {"bpf_rb_root", 16},  {"bpf_refcount", 4},      {"bpf_list_node", 24},
                                      {"bpf_rb_node", 32}};
    u32 type = f.name == "u64" ? bytes_ : 0;
    for (const Size& s : kSizes)
      if (f.name == s.name) type = object(s.name, s.bytes);
    if (type == 0) {
      const u32 target = record(f.local ? "mine" : "task_struct", bpf::BTF_KIND_STRUCT, 1, 8, {name("a"), bytes_, 0});
      type = record("", bpf::BTF_KIND_PTR, 0, record(f.name, bpf::BTF_KIND_TYPE_TAG, 0, target));
    }
    return f.count == 0 ? type : record("", bpf::BTF_KIND_ARRAY, 0, 0, {type, kKeyType, f.count});
  }

  std::vector<u32> types_;
  std::string strings_ = std::string(1, '\0');
  u32 count_ = 0;
  u32 bytes_ = 0;
};

inline std::vector<std::byte> value_btf(const std::vector<ValueField>& fields, u32 size) {
  return ValueBtf(fields, size).blob();
}

}  // namespace support
