// SPDX-License-Identifier: Apache-2.0
// borders.h — where programs left a frame, written into its mbuf.
//
// Threads   the lane's worker. Errors: UINT32_MAX.
#pragma once

#include "base/types.h"

struct rte_mbuf;

namespace dataplane {

// The new length; UINT32_MAX: no buffer holds it. A frame that begins in the hidden half of the headroom moves.
base::u32 write_borders(rte_mbuf* frame, const char* data, const char* data_end) noexcept;

}  // namespace dataplane
