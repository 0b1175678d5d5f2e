// SPDX-License-Identifier: Apache-2.0
// map_values.h — keys and values of maps that name objects by descriptor: programs, devices, sockets, perf events, …
//
// Shape     private to control/. What a value names is resolved here and handed to the map, which knows where in its
//           own order of checks a wrong descriptor counts.
// Threads   control thread only.
// Errors    those of bpf(2): EBADF not open or not of the kind, ENOTSOCK, EINVAL. EOPNOTSUPP what the kernel would take
//           and this host has no counterpart of.
#pragma once

#include "control/door_state.h"

namespace control {

// MAP_UPDATE_ELEM where map.ops().holds is not bytes.
Answer update_named(DoorState& state, Client& client, Map& map, base::ConstBytes key, base::ConstBytes value,
                    u64 flags);

// Why the owner that a key of a storage names is none (map.ops().keys is not bytes).
base::Error refuse_owner(Client& client, const Map& map, base::ConstBytes key);

}  // namespace control
