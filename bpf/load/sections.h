// SPDX-License-Identifier: Apache-2.0
// sections.h — teaches libbpf the SEC() names of sections.def.
//
// Threads   once, before the first object is opened: libbpf's list is a global of the process.
// Errors    what libbpf_register_prog_handler says.
#pragma once

#include "base/result.h"

namespace bpf::load {

base::Status register_sections();

}  // namespace bpf::load
