// SPDX-License-Identifier: Apache-2.0
// inner.h — which maps may lie in a map of maps: those of the template's shape.
//
// Source    the running kernel (tests/oracle/map_oracle.cc).
#pragma once

#include "base/result.h"
#include "bpf/registry/map_ops.h"

namespace maps {

// EINVAL: a map of maps needs a template, which may not be a map of maps itself. ENOTSUPP: a type that can lie in none.
base::Status check_template(const bpf::MapSpec& outer);

// May `candidate` stand where the program was verified with `pattern`?
bool alike(const bpf::MapSpec& pattern, const bpf::MapSpec& candidate);

// bpf(2)'s look-up: the inner map's id. -ENOENT: null.
int copy_id(const bpf_map* inner, base::Bytes value);

}  // namespace maps
