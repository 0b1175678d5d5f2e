// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_QUERY: attachments without a link. The tcx hooks of ports have them
// (prog_attach_tcx.cc); no other hook here has yet, so what is asked is answered as Linux answers where nothing is
// attached, and an attachment that Linux would make is EOPNOTSUPP in words.
//
// Shape     attach.def says where each attach type belongs; one rule for each kind of place.
// Source    rules and their order: asked of the host kernel (tests/oracle/abi_oracle.cc asks again).
#include "bpf/abi/flags.h"
#include "bpf/registry/attach.h"
#include "control/door_state.h"

namespace control {
namespace {

using bpf::AttachPlace;
using bpf::bpf_attr;

constexpr u32 kChainFlags =
    u32{bpf::BPF_F_REPLACE} | bpf::BPF_F_BEFORE | bpf::BPF_F_AFTER | bpf::BPF_F_ID | bpf::BPF_F_LINK;
constexpr u32 kPlainFlags =
    u32{bpf::BPF_F_ALLOW_OVERRIDE} | bpf::BPF_F_ALLOW_MULTI | bpf::BPF_F_REPLACE | bpf::BPF_F_PREORDER;

constexpr u64 kFirstRevision = 1;  // of a place where nothing has been attached yet; 0 asks for none

bool of_cgroup(AttachPlace place) {
  return place == AttachPlace::cgroup || place == AttachPlace::lsm_mac || place == AttachPlace::lsm_cgroup;
}

bool of_chain(AttachPlace place) {
  return place == AttachPlace::tcx || place == AttachPlace::netkit;
}

base::Error nothing_attached() {
  return {ENOENT, "nothing is attached there"};
}

base::Status check_relative(const bpf_attr& attr) {
  if (attr.relative_fd != 0 || attr.expected_revision != 0)
    return base::Error(EINVAL, "this attach type has no order to be relative to");
  return base::success();
}

base::Result<std::shared_ptr<Program>> get_program_for(Client& client, const bpf_attr& attr, bpf::bpf_prog_type type) {
  SLUICE_TRY(auto program, get_program(client, int(attr.attach_bpf_fd)));
  if (program->info().type != type) return base::Error(EINVAL, "programs of this type do not attach there");
  return program;
}

base::Status check_cgroup(Client& client, u32 fd) {
  if (client.kind_of(int(fd)) == FdKind::cgroup) return base::success();
  return base::Error(EBADF, "descriptor " + std::to_string(int(fd)) + " is no cgroup");
}

base::Result<std::shared_ptr<Map>> get_sockmap(Client& client, u32 fd) {
  SLUICE_TRY(auto target, get_map(client, int(fd)));
  const auto type = target.map->spec().type;
  if (type != bpf::BPF_MAP_TYPE_SOCKMAP && type != bpf::BPF_MAP_TYPE_SOCKHASH)
    return base::Error(EOPNOTSUPP, "the map holds no sockets");
  return std::move(target.map);
}

Answer detach_cgroup(Client& client, const bpf_attr& attr, AttachPlace place) {
  if (attr.attach_flags != 0 || attr.relative_fd != 0) return base::Error(EINVAL, "unknown attach_flags");
  SLUICE_CHECK(check_cgroup(client, attr.target_fd));
  if (place == AttachPlace::lsm_mac) return base::Error(EINVAL, "this attach type is for links only");
  if (attr.expected_revision > kFirstRevision) return base::Error(ESTALE, "nothing has been attached there ever");
  return nothing_attached();
}

Answer detach_chain(DoorState& state, Client& client, const bpf_attr& attr, const bpf::AttachRow& row) {
  if (attr.attach_flags & ~kChainFlags) return base::Error(EINVAL, "unknown attach_flags");
  std::shared_ptr<Program> program;
  if (attr.attach_bpf_fd != 0) {
    SLUICE_TRY(program, get_program_for(client, attr, row.prog_type));
  }
  if (row.place == AttachPlace::netkit) return base::Error(EINVAL, "no port is a netkit device");
  return detach_tcx(state, client, attr, program);
}

Answer detach_plain(Client& client, const bpf_attr& attr, const bpf::AttachRow& row) {
  if (attr.attach_flags != 0 || attr.replace_bpf_fd != 0) return base::Error(EINVAL, "unknown attach_flags");
  SLUICE_CHECK(check_relative(attr));
  if (row.place == AttachPlace::sockmap) {
    SLUICE_CHECK(get_map(client, int(attr.target_fd)));
  } else if (row.place != AttachPlace::flow_dissector || attr.target_fd != 0) {
    return base::Error(EINVAL, "this attach type has nothing to detach from");
  }
  SLUICE_CHECK(get_program_for(client, attr, row.prog_type));
  return nothing_attached();
}

// The answer about a place where nothing is attached.
long answer_empty(bpf_attr& attr, bool has_revision) {
  attr.query.attach_flags = 0;
  attr.query.prog_cnt = 0;
  if (has_revision) attr.query.revision = kFirstRevision;
  return 0;
}

Answer query_sockmap(Client& client, bpf_attr& attr) {
  if (attr.query.query_flags != 0) return base::Error(EINVAL, "sockets have no effective programs");
  SLUICE_CHECK(get_sockmap(client, attr.query.target_fd));
  return answer_empty(attr, false);
}

Answer query_netns(Client& client, bpf_attr& attr) {
  if (attr.query.query_flags != 0) return base::Error(EINVAL, "namespaces have no effective programs");
  const FdKind kind = client.kind_of(int(attr.query.target_fd));
  if (kind == FdKind::closed) return base::Error(EBADF, "the descriptor is not open");
  if (kind != FdKind::netns) return base::Error(EINVAL, "the descriptor is no network namespace");
  return answer_empty(attr, false);
}

}  // namespace

Answer prog_attach(DoorState& state, Client& client, bpf_attr& attr, u32) {
  const bpf::AttachRow* row = bpf::find_attach_row(attr.attach_type);
  if (!row || row->place == AttachPlace::none) return base::Error(EINVAL, "nothing attaches there without a link");
  const u32 known = of_cgroup(row->place)  ? kPlainFlags | kChainFlags
                    : of_chain(row->place) ? kChainFlags
                                           : kPlainFlags;
  if (attr.attach_flags & ~known) return base::Error(EINVAL, "unknown attach_flags");
  if (!of_cgroup(row->place) && !of_chain(row->place)) SLUICE_CHECK(check_relative(attr));
  SLUICE_TRY(const auto program, get_program_for(client, attr, row->prog_type));
  if (row->place == AttachPlace::tcx) return attach_tcx(state, client, attr, program);
  if (row->prog_type == bpf::BPF_PROG_TYPE_XDP)
    return base::Error(EINVAL, "XDP programs attach by links or by rtnetlink");
  return base::Error(EOPNOTSUPP, "programs of this type have no hook here yet");
}

Answer prog_detach(DoorState& state, Client& client, bpf_attr& attr, u32) {
  const bpf::AttachRow* row = bpf::find_attach_row(attr.attach_type);
  if (!row || row->place == AttachPlace::none) return base::Error(EINVAL, "nothing attaches there without a link");
  if (of_cgroup(row->place)) return detach_cgroup(client, attr, row->place);
  if (of_chain(row->place)) return detach_chain(state, client, attr, *row);
  return detach_plain(client, attr, *row);
}

Answer prog_query(DoorState& state, Client& client, bpf_attr& attr, u32) {
  if (attr.query.query_flags & ~u32(bpf::BPF_F_QUERY_EFFECTIVE)) return base::Error(EINVAL, "unknown query_flags");
  const bpf::AttachRow* row = bpf::find_attach_row(attr.query.attach_type);
  switch (row ? row->place : AttachPlace::none) {
    case AttachPlace::cgroup:
      SLUICE_CHECK(check_cgroup(client, attr.query.target_fd));
      return answer_empty(attr, true);
    case AttachPlace::lsm_cgroup:
      SLUICE_CHECK(check_cgroup(client, attr.query.target_fd));
      return base::Error(EINVAL, "programs of this type have no hook here yet");
    case AttachPlace::sockmap:
      return query_sockmap(client, attr);
    case AttachPlace::flow_dissector:
    case AttachPlace::sk_lookup:
      return query_netns(client, attr);
    case AttachPlace::tcx:
      return query_tcx(state, attr);
    case AttachPlace::none:
    case AttachPlace::other:
    case AttachPlace::lsm_mac:
    case AttachPlace::netkit:
      break;
  }
  return base::Error(EINVAL, "this attach type cannot be asked about");
}

}  // namespace control
