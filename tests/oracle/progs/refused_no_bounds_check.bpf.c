// SPDX-License-Identifier: Apache-2.0
// A packet access that nothing compared with data_end.
// oracle: refused
#include "common.bpf.h"

SEC("xdp")
int refused(struct xdp_md *ctx) { return *(__u8 *)packet_data(ctx); }
