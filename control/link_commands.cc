// SPDX-License-Identifier: Apache-2.0
// BPF_LINK_CREATE, BPF_LINK_UPDATE, BPF_LINK_DETACH: what all types of links have in common.
#include "bpf/abi/flags.h"
#include "bpf/registry/attach.h"
#include "bpf/registry/registry.h"
#include "control/door_state.h"

namespace control {
namespace {

constexpr auto kLinkOps = [] {
  std::array<const LinkOps*, bpf::__MAX_BPF_LINK_TYPE> t{};
#define BPF_LINK_TYPE(id, name) t[bpf::id] = &name##_link_ops;
#include "bpf/registry/types.def"
  return t;
}();

// A struct_ops link names a map where the others name a program.
Answer create_struct_ops(Client& client, const bpf::bpf_attr& attr) {
  SLUICE_TRY(const auto target, get_map(client, int(attr.link_create.map_fd)));
  if (target.map->spec().type != bpf::BPF_MAP_TYPE_STRUCT_OPS)
    return base::Error(EINVAL, "the map is no struct_ops map");
  return base::Error(EOPNOTSUPP, "struct_ops links are planned, not implemented yet");
}

Answer install_link(DoorState& state, Client& client, std::shared_ptr<Link> link) {
  state.links.add(link);
  return install(client, std::move(link));
}

}  // namespace

base::Result<const LinkOps*> find_link_ops(bpf::bpf_link_type type) {
  if (type == bpf::BPF_LINK_TYPE_UNSPEC || type >= kLinkOps.size())
    return base::Error(EINVAL, "programs do not attach there by a link");
  if (!kLinkOps[type])
    return base::Error(
        EOPNOTSUPP, "links of type " + std::string(bpf::kLinkTypes[type].name) + " are planned, not implemented yet");
  return kLinkOps[type];
}

base::Result<std::shared_ptr<Link>> get_link(Client& client, int fd) {
  SLUICE_TRY(Target target, client.find(fd));
  if (target.object->kind() != ObjectKind::link) return base::Error(EINVAL, "descriptor is not a link");
  return std::static_pointer_cast<Link>(target.object);
}

Answer link_create(DoorState& state, Client& client, bpf::bpf_attr& attr, u32) {
  const auto& asked = attr.link_create;
  state.pins.prune();  // what was pinned and is not any more holds no hook
  if (asked.attach_type == bpf::BPF_STRUCT_OPS) return create_struct_ops(client, attr);
  SLUICE_TRY(auto program, get_program(client, int(asked.prog_fd)));
  const bpf::AttachRow* row = bpf::find_attach_row(asked.attach_type);
  if (!row || row->prog_type != program->info().type)
    return base::Error(EINVAL, "programs of this type do not attach there");
  SLUICE_TRY(const LinkOps* ops, find_link_ops(row->link_type));
  const LinkRequest request{.program = std::move(program),
                            .target = asked.target_ifindex,
                            .attach_type = asked.attach_type,
                            .flags = asked.flags,
                            .relative = asked.tcx.relative_fd,
                            .expected_revision = asked.tcx.expected_revision,
                            .client = &client};
  SLUICE_TRY(auto link, ops->create(state, request));
  return install_link(state, client, std::move(link));
}

Answer link_update(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  const auto& asked = attr.link_update;
  if (asked.flags & ~u32(bpf::BPF_F_REPLACE)) return base::Error(EINVAL, "unknown flags");
  SLUICE_TRY(const auto link, get_link(client, int(asked.link_fd)));
  SLUICE_TRY(const auto next, get_program(client, int(asked.new_prog_fd)));
  std::shared_ptr<Program> expected;
  if (asked.flags & bpf::BPF_F_REPLACE) {
    SLUICE_TRY(expected, get_program(client, int(asked.old_prog_fd)));
  } else if (asked.old_prog_fd != 0) {
    return base::Error(EINVAL, "old_prog_fd without BPF_F_REPLACE");
  }
  SLUICE_CHECK(link->update(next, expected.get()));
  return 0L;
}

Answer link_detach(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(const auto link, get_link(client, int(attr.link_detach.link_fd)));
  SLUICE_CHECK(link->detach());
  return 0L;
}

base::Result<Handle> Door::attach(u32 ifindex, u32 attach_type, const std::shared_ptr<Program>& program) {
  SLUICE_TRY(const LinkOps* ops, find_link_ops(bpf::find_attach_row(attach_type)->link_type));
  SLUICE_TRY(auto link, ops->create(*state_, {.program = program, .target = ifindex, .attach_type = attach_type}));
  state_->links.add(link);
  return Handle(std::move(link));
}

}  // namespace control
