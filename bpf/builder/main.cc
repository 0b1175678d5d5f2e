// SPDX-License-Identifier: Apache-2.0
// sluice-builder: started by sluiced and sluice; of no use by hand.
#include <sys/socket.h>

#include <cstdio>

#include "bpf/builder/child.h"

int main() {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(bpf::builder::kChildSocket, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    std::fputs("sluice-builder: builds programs for sluiced, which starts it; there is no socket on descriptor 3\n",
               stderr);
    return 2;
  }
  return bpf::builder::run_child();
}
