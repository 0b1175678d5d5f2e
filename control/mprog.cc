// SPDX-License-Identifier: Apache-2.0
#include "control/mprog.h"

#include <optional>

#include "bpf/abi/flags.h"
#include "control/door_state.h"

namespace control {
namespace {

using List = Mprog::List;

base::Error no_entry() {
  return {ENOENT, "the program is not attached there"};
}

base::Status check_revision(u64 revision, const MprogPlace& place) {
  if (place.expected_revision == 0 || place.expected_revision == revision) return base::success();
  return base::Error(ESTALE, "the hook's revision is " + std::to_string(revision) + ", not the one expected");
}

base::Result<std::size_t> find_exact(const List& list, const Program* program, const Link* link) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].program.get() != program) continue;
    if (list[i].link == link) return i;
    return base::Error(EBUSY, link ? "the program is attached there, but not by this link"
                                   : "the program is attached there by a link");
  }
  return no_entry();
}

// The place of a relative object; the list's beginning (-1) and end where there is none.
base::Result<long> find_before(const List& list, const MprogRelative& relative) {
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i].program == relative.program && (!relative.link || list[i].link == relative.link.get()))
      return long(i) - 1;
  if (relative.program) return no_entry();
  return -1L;
}
base::Result<long> find_after(const List& list, const MprogRelative& relative) {
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i].program == relative.program && (!relative.link || list[i].link == relative.link.get()))
      return long(i) + 1;
  if (relative.program) return no_entry();
  return long(list.size());
}

// One place out of what was asked for: `exact` from a program that is there already, and the relative ones. The gaps
// between entries are numbered by the entry in front of them: -1, 0, … for BEFORE; by the one behind for AFTER.
base::Result<long> settle(const List& list, std::optional<long> exact, const MprogPlace& place,
                          const MprogRelative& relative, u32 flags) {
  std::optional<long> at = exact;
  const auto agree = [&](base::Result<long> found) -> base::Status {
    if (!found) return std::move(found).error();
    if (at && *found != *at) return base::Error(ERANGE, "two places are asked for that are not the same");
    at = *found;
    return base::success();
  };
  if (place.flags & bpf::BPF_F_BEFORE) SLUICE_CHECK(agree(find_before(list, relative)));
  if (place.flags & bpf::BPF_F_AFTER) SLUICE_CHECK(agree(find_after(list, relative)));
  if (at) return *at;
  if (relative.program || flags != 0)
    return base::Error(EINVAL, "a relative program or flags, but neither BPF_F_BEFORE nor BPF_F_AFTER");
  return long(list.size());
}

base::Result<MprogRelative> find_relative(const MprogPlace& place, bpf::bpf_prog_type type) {
  return place.relative ? place.relative(type) : MprogRelative{};
}

base::Error wrong_type() {
  return {EINVAL, "the relative program is of another type"};
}

}  // namespace

MprogPlace make_mprog_place(DoorState& state, Client& client, u32 flags, u32 fd_or_id, u64 expected_revision) {
  MprogPlace place{flags, expected_revision, {}};
  const bool by_id = flags & bpf::BPF_F_ID;
  if (flags & bpf::BPF_F_LINK) {
    place.relative = [&state, &client, by_id, fd_or_id](bpf::bpf_prog_type type) -> base::Result<MprogRelative> {
      std::shared_ptr<Link> link = by_id ? state.links.find(fd_or_id) : nullptr;
      if (by_id && !link) return base::Error(ENOENT, "there is no link with id " + std::to_string(fd_or_id));
      if (!by_id) {
        if (fd_or_id == 0) return base::Error(EINVAL, "BPF_F_LINK without a link");  // 0 in the field is none
        SLUICE_TRY(link, get_link(client, int(fd_or_id)));
      }
      if (type != bpf::BPF_PROG_TYPE_UNSPEC && link->program()->info().type != type) return wrong_type();
      return MprogRelative{link->program(), link};
    };
  } else if (by_id || fd_or_id != 0) {
    place.relative = [&state, &client, by_id, fd_or_id](bpf::bpf_prog_type type) -> base::Result<MprogRelative> {
      std::shared_ptr<Program> program = by_id ? state.programs.find(fd_or_id) : nullptr;
      if (by_id && !program) return base::Error(ENOENT, "there is no program with id " + std::to_string(fd_or_id));
      if (!by_id) {
        SLUICE_TRY(program, get_program(client, int(fd_or_id)));
      }
      if (type != bpf::BPF_PROG_TYPE_UNSPEC && program->info().type != type) return wrong_type();
      return MprogRelative{std::move(program), nullptr};
    };
  }
  return place;
}

base::Result<List> Mprog::with(const MprogEntry& next, const Program* old, const MprogPlace& place) const {
  SLUICE_CHECK(check_revision(revision_, place));
  for (const MprogEntry& entry : list_)
    if (entry.program == next.program) return base::Error(EEXIST, "the program is attached there already");
  SLUICE_TRY(const MprogRelative relative, find_relative(place, next.program->info().type));
  std::optional<long> exact;
  if (place.flags & bpf::BPF_F_REPLACE) {
    SLUICE_TRY(exact, find_exact(list_, old, next.link));
  } else if (list_.size() == kMprogMax) {
    return base::Error(ERANGE, "the hook has " + std::to_string(kMprogMax) + " programs, and no room");
  }
  SLUICE_TRY(const long at, settle(list_, exact, place, relative, place.flags));
  if (at >= long(kMprogMax)) return base::Error(EDOM, "the place is beyond the hook's end");
  List list = list_;
  if (place.flags & bpf::BPF_F_REPLACE)
    list[std::size_t(at)] = next;
  else
    list.insert(list.begin() + (place.flags & bpf::BPF_F_BEFORE ? at + 1 : at), next);
  return list;
}

base::Result<List> Mprog::without(const MprogEntry& gone, const MprogPlace& place) const {
  if (place.flags & bpf::BPF_F_REPLACE) return base::Error(EINVAL, "BPF_F_REPLACE takes nothing away");
  SLUICE_CHECK(check_revision(revision_, place));
  if (list_.empty()) return no_entry();
  const auto type = gone.program ? gone.program->info().type : bpf::BPF_PROG_TYPE_UNSPEC;
  SLUICE_TRY(const MprogRelative relative, find_relative(place, type));
  std::optional<long> exact;
  if (gone.program) {
    SLUICE_TRY(exact, find_exact(list_, gone.program.get(), gone.link));
  }
  SLUICE_TRY(const long at, settle(list_, exact, place, relative, place.flags));
  if (at >= long(kMprogMax)) return base::Error(EDOM, "the place is beyond the hook's end");
  const std::size_t index = at < 0 ? 0 : std::min(std::size_t(at), list_.size() - 1);
  if (list_[index].link && !gone.link) return base::Error(EBUSY, "a link holds the program that stands there");
  List list = list_;
  list.erase(list.begin() + long(index));
  return list;
}

}  // namespace control
