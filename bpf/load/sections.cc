// SPDX-License-Identifier: Apache-2.0
#include "bpf/load/sections.h"

#include <bpf/libbpf.h>

#include <bit>
#include <string>

#include "base/types.h"

namespace bpf::load {
namespace {

struct Section {
  const char* name;
  base::u32 type;  // numbers, since both may be beyond what the library has words for
  base::u32 attach;
  base::u32 flags;
};
constexpr Section kSections[] = {
#define BPF_SECTION(name, type, attach, flags) {name, type, attach, flags},
#include "bpf/load/sections.def"
};

// The cookie is the flags.
int set_flags(bpf_program* program, long flags) {
  return bpf_program__set_flags(program, bpf_program__flags(program) | static_cast<base::u32>(flags));
}

}  // namespace

base::Status register_sections() {
  for (const Section& s : kSections) {
    libbpf_prog_handler_opts opts{};
    opts.sz = sizeof opts;
    opts.cookie = static_cast<long>(s.flags);
    opts.prog_setup_fn = set_flags;
    if (const int rc = libbpf_register_prog_handler(s.name, std::bit_cast<bpf_prog_type>(s.type),
                                                    std::bit_cast<bpf_attach_type>(s.attach), &opts);
        rc < 0)
      return base::Error(-rc, std::string("libbpf does not take the section name '") + s.name + "'");
  }
  return base::success();
}

}  // namespace bpf::load
