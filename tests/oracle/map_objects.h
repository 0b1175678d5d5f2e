// SPDX-License-Identifier: Apache-2.0
// map_objects.h — descriptors that the kernel takes, or refuses, as values of maps that hold objects; and what the
// bpf(2)
// door would make of each.
//
// Shape     offers(holds): a descriptor for the host's update, and the MapObject for ours. What this machine cannot
//           give
//           (an XDP socket, a perf event) is left out; those it refuses are always there.
// Lifetime  descriptors are open as long as the HostObjects.
#pragma once

#include <vector>

#include "bpf/registry/map_ops.h"

namespace map_oracle {

struct Offer {
  int fd = -1;
  base::u64 id = 0;
  int error = 0;
};

class HostObjects {
 public:
  HostObjects();
  ~HostObjects();
  HostObjects(const HostObjects&) = delete;
  HostObjects& operator=(const HostObjects&) = delete;

  // `type` tells the maps of sockets apart.
  std::vector<Offer> offers(bpf::bpf_map_type type) const;
  // How many of the objects above this machine has.
  void print_missing() const;

 private:
  int file_ = -1;    // no object of any kind
  int udp_ = -1;     // bound
  int lonely_ = -1;  // a UDP socket without a port
  int xsk_ = -1;
  int perf_ = -1;
};

// BTF of a key of four bytes (type 1) and a value of `value_size` bytes (type 4): a descriptor, or a negative errno.
int load_value_types(base::u32 value_size);

}  // namespace map_oracle
