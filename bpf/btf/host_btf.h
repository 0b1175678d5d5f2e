// SPDX-License-Identifier: Apache-2.0
// host_btf.h — the BTF of our own host types (host_types.c), embedded: what /sys/kernel/btf/vmlinux is to Linux.
//
// Threads   immutable.
#pragma once

#include "base/types.h"

namespace bpf::btf {

base::ConstBytes host_btf() noexcept;

}  // namespace bpf::btf
