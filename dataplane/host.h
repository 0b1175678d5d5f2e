// SPDX-License-Identifier: Apache-2.0
// host.h — what the data path gives to helper bodies: clocks and the trace queue. See bpf/registry/host.h.
#pragma once

#include "bpf/registry/host.h"

namespace dataplane {

// REQUIRES of an env that uses it: host_ctx is the Lane of the thread.
const bpf_host* lane_host();

}  // namespace dataplane
