// SPDX-License-Identifier: Apache-2.0
// show_links.h — links in bpftool's JSON, and `link show`, `link detach` on the control socket.
//
// Threads   control thread. Errors: EINVAL unknown identifier; ENOENT no such link.
#pragma once

#include "control/door.h"
#include "control/server.h"

namespace control {

Json link_row(const Door& door, const Link& link);
void add_link_handlers(Server& server, Door& door);

}  // namespace control
