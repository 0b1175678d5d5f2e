// SPDX-License-Identifier: Apache-2.0
// prepare_steps.h — the steps of prepare(), one file each.
//
// Shape     a step changes the object and its types and says whether it did.
// Threads   re-entrant. Lifetime: the object is the caller's. Errors: what a step does not understand it leaves.
#pragma once

#include <bpf/btf.h>

#include "bpf/load/elf_image.h"
#include "bpf/load/prepare.h"

namespace bpf::load::prepare_steps {

struct Object {
  ElfImage& elf;
  btf& types;
  Prepared& out;

  std::string_view name(base::u32 off) const {
    const char* text = btf__name_by_offset(&types, off);
    return text ? text : "";
  }
  // After a change of the library's own making its records are writable.
  void rename(base::u32 type, const std::string& to) {
    const int off = btf__add_str(&types, to.c_str());
    if (off > 0) const_cast<btf_type*>(btf__type_by_id(&types, type))->name_off = static_cast<base::u32>(off);
  }
};

using Step = bool (*)(Object);

bool take_map_extra(Object object);
bool hide_struct_ops(Object object);
bool move_arena_data(Object object);
bool drop_flavors(Object object);
bool list_symbols(Object object);
bool link_callbacks(Object object);

}  // namespace bpf::load::prepare_steps
