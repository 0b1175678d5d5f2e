// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_QUERY of a port's tcx hook.
//
// Source    rules and their order: asked of the host kernel (tests/oracle/mprog_oracle.cc asks again).
#include "bpf/abi/flags.h"
#include "control/door_state.h"
#include "control/link_tcx.h"

namespace control {
namespace {

MprogPlace place_of(DoorState& state, Client& client, const bpf::bpf_attr& attr) {
  return make_mprog_place(state, client, attr.attach_flags, attr.relative_fd, attr.expected_revision);
}

// The caller's arrays, each of which may be missing.
void store(const bpf::bpf_attr& attr, u32 index, const MprogEntry& entry) {
  const auto put = [index](u64 array, u32 value) {
    if (array) user_ptr<u32>(array)[index] = value;
  };
  put(attr.query.prog_ids, entry.program->id());
  put(attr.query.prog_attach_flags, 0);
  put(attr.query.link_ids, entry.link ? entry.link->id() : 0);
  put(attr.query.link_attach_flags, 0);
}

}  // namespace

Answer attach_tcx(DoorState& state, Client& client, const bpf::bpf_attr& attr,
                  const std::shared_ptr<Program>& program) {
  const TcxHooks::Hook hook{attr.target_ifindex, attr.attach_type};
  SLUICE_CHECK(state.tcx_hooks->check(hook));
  std::shared_ptr<Program> old;
  if (attr.attach_flags & bpf::BPF_F_REPLACE) {
    SLUICE_TRY(old, get_program(client, int(attr.replace_bpf_fd)));
    if (old->info().type != program->info().type)
      return base::Error(EINVAL, "the program to be replaced is of another type");
  }
  SLUICE_CHECK(state.tcx_hooks->attach(hook, {program, nullptr}, old.get(), place_of(state, client, attr)));
  return 0L;
}

Answer detach_tcx(DoorState& state, Client& client, const bpf::bpf_attr& attr,
                  const std::shared_ptr<Program>& program) {
  const TcxHooks::Hook hook{attr.target_ifindex, attr.attach_type};
  SLUICE_CHECK(state.tcx_hooks->check(hook));
  SLUICE_CHECK(state.tcx_hooks->detach(hook, {program, nullptr}, place_of(state, client, attr)));
  return 0L;
}

Answer query_tcx(DoorState& state, bpf::bpf_attr& attr) {
  const TcxHooks::Hook hook{attr.query.target_ifindex, attr.query.attach_type};
  SLUICE_CHECK(state.tcx_hooks->check(hook));
  if (attr.query.query_flags != 0 || attr.query.attach_flags != 0)
    return base::Error(EINVAL, "ports have no effective programs");
  const Mprog& programs = state.tcx_hooks->at(hook);
  const u32 room = attr.query.count, count = u32(programs.list().size());
  attr.query.attach_flags = 0;
  attr.query.revision = programs.revision();
  attr.query.count = count;
  if (room == 0 || !attr.query.prog_ids || count == 0) return 0L;
  for (u32 i = 0; i < std::min(room, count); ++i) store(attr, i, programs.list()[i]);
  if (room < count) return base::Error(ENOSPC, "there are " + std::to_string(count) + " programs");
  return 0L;
}

}  // namespace control
