// SPDX-License-Identifier: Apache-2.0
// loader_wrap.h — puts libbpf on the door instead of the kernel.
//
// Threads   the loader process has one. Lifetime: `client` and `vmlinux` outlive libbpf's last call.
#pragma once

#include "bpf/load/client.h"

namespace bpf::load {

// From here on bpf(2) of this process goes to `client`, and /sys/kernel/btf/vmlinux reads as the file `vmlinux`.
void serve_libbpf(DoorClient& client, int vmlinux);

}  // namespace bpf::load
