// SPDX-License-Identifier: Apache-2.0
// stand_in.h — a map of a type that does not work yet, where only verdicts on programs are asked for: it has its
// numbers and holds nothing.
//
// Threads   control thread. Errors: every operation on elements EINVAL or EOPNOTSUPP.
#pragma once

#include "bpf/registry/map_ops.h"

namespace maps {

const bpf::MapOps& stand_in_map_ops();

}  // namespace maps
