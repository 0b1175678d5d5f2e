// SPDX-License-Identifier: Apache-2.0
// link.h — BPF links: a program on a hook, held by descriptors and pins; when the last is gone the hook is free again.
//
// Shape     Link is an Object with a program. Each link type has a file of its own (link_<name>.cc) which defines a
//           Link and <name>_link_ops; types.def says which exist.
// Threads   control thread. Lifetime: destroying a Link takes its program off the hook.
// Errors    as Linux: see each type's file.
#pragma once

#include "bpf/abi/info.h"
#include "bpf/abi/types.h"
#include "control/object.h"

namespace control {

struct DoorState;

class Link : public Object {
 public:
  Link(u32 id, bpf::bpf_link_type type, std::shared_ptr<Program> program)
      : Object(ObjectKind::link, id), program_(std::move(program)), type_(type) {}

  bpf::bpf_link_type type() const noexcept { return type_; }
  // Also of a link that has been detached.
  const std::shared_ptr<Program>& program() const noexcept { return program_; }

  // Puts another program in its place; `expected`: only if that is the present one (null: whatever it is).
  // ENOLINK detached; EPERM not the expected one; EINVAL the hook does not take such a program.
  virtual base::Status update(const std::shared_ptr<Program>& next, const Program* expected) = 0;
  // Takes the program off the hook; the link stays, without one. A second time is no error.
  virtual base::Status detach() = 0;
  // The type's own member of the union; the rest of `info` is left alone.
  virtual void fill_info(bpf::bpf_link_info& info) const = 0;

 protected:
  std::shared_ptr<Program> program_;

 private:
  bpf::bpf_link_type type_;
};

class Client;

struct LinkRequest {
  std::shared_ptr<Program> program;
  u32 target = 0;  // ifindex or descriptor, as the type has it
  u32 attach_type = 0;
  u32 flags = 0;
  // Of types whose hooks have an order: the descriptor or id that the flags speak of, and who knows the descriptor.
  u32 relative = 0;
  u64 expected_revision = 0;
  Client* client = nullptr;
};

struct LinkOps {
  base::Result<std::shared_ptr<Link>> (*create)(DoorState& state, const LinkRequest& request);
};

#define BPF_LINK_TYPE(id, name) extern const LinkOps name##_link_ops;
#include "bpf/registry/types.def"

// EOPNOTSUPP: a type that is planned.
base::Result<const LinkOps*> find_link_ops(bpf::bpf_link_type type);

}  // namespace control
