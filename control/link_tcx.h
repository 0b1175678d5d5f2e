// SPDX-License-Identifier: Apache-2.0
// link_tcx.h — the tcx hooks of all ports: several programs per port and direction, by links and without.
//
// Shape     one Mprog per port and attach type that has programs. What the port refuses to attach has not happened.
// Threads   control thread. Lifetime: shared by the door and its links; after close() nothing reaches a port any more.
// Errors    as Linux: ENODEV no such port; ENOENT nothing attached; mprog.h's.
#pragma once

#include <map>

#include "control/door.h"
#include "control/mprog.h"

namespace control {

class TcxHooks {
 public:
  struct Hook {
    u32 ifindex;
    u32 attach_type;  // BPF_TCX_INGRESS, BPF_TCX_EGRESS

    auto operator<=>(const Hook&) const = default;
  };

  TcxHooks(PortHooks* ports, const DeviceTable* devices) : ports_(ports), devices_(devices) {}

  base::Status check(const Hook& hook) const;
  base::Status attach(const Hook& hook, const MprogEntry& next, const Program* old, const MprogPlace& place);
  base::Status detach(const Hook& hook, const MprogEntry& gone, const MprogPlace& place);
  // Empty where nothing is attached.
  const Mprog& at(const Hook& hook) const;
  void close() { ports_ = nullptr; }

 private:
  base::Status tell(const Hook& hook, const Mprog::List& list);

  PortHooks* ports_;
  const DeviceTable* devices_;
  std::map<Hook, Mprog> hooks_;
};

// PROG_ATTACH, PROG_DETACH, PROG_QUERY of a tcx hook; the attr has been checked as far as all chains are alike.
base::Result<long> attach_tcx(DoorState& state, Client& client, const bpf::bpf_attr& attr,
                              const std::shared_ptr<Program>& program);
base::Result<long> detach_tcx(DoorState& state, Client& client, const bpf::bpf_attr& attr,
                              const std::shared_ptr<Program>& program);
base::Result<long> query_tcx(DoorState& state, bpf::bpf_attr& attr);

}  // namespace control
