// SPDX-License-Identifier: Apache-2.0
// native.h — the native bodies of helpers and kernel functions, by number and by symbol.
//
// Threads   immutable tables.
// Errors    a row of helpers.def or kfuncs.def without a body does not link.
#pragma once

#include <string_view>

#include "bpf/registry/helper.h"

namespace bpf::runtime {

// As programs of that type call it. nullptr: no such number, or a row without a body (lowering refuses the call).
helper_fn native_helper(base::u32 id, bpf_prog_type type);

// Body of a kernel function by its number in the registry; nullptr: it cannot run.
helper_fn native_kfunc(base::u32 number);

// The loop over packets around any program for XDP: what code without a loop of its own has for bpf_prog::burst.
void native_xdp_burst(struct xdp_burst* burst, bpf_env* env, const bpf_prog* self);

// Address of a body by symbol name ("bpf_trace_printk"), for code that refers to it by name; nullptr: none.
const void* native_symbol(std::string_view name);

}  // namespace bpf::runtime
