// SPDX-License-Identifier: Apache-2.0
#include "control/show_links.h"

#include "bpf/registry/registry.h"

namespace control {
namespace {

// {"id": 7} or {"pinned": "..."}; an empty object means all.
base::Result<std::vector<std::shared_ptr<Link>>> select(const Door& door, const Json& args) {
  if (args.empty()) return door.links();
  if (args.contains("id")) {
    auto link = door.find_link(args["id"].get<u32>());
    if (!link) return base::Error(ENOENT, "there is no link with id " + args["id"].dump());
    return std::vector{std::move(link)};
  }
  if (!args.contains("pinned")) return base::Error(EINVAL, "a link has an id or is pinned");
  SLUICE_TRY(const auto object, door.find_pin(args["pinned"].get<std::string>()));
  if (object->kind() != ObjectKind::link) return base::Error(EINVAL, "what is pinned there is no link");
  return std::vector{std::static_pointer_cast<Link>(object)};
}

void add_target(const Door& door, const Link& link, Json& row) {
  bpf::bpf_link_info info{};
  link.fill_info(info);
  const bool is_tcx = link.type() == bpf::BPF_LINK_TYPE_TCX;
  const u32 ifindex_of_hook = is_tcx ? info.tcx.ifindex : info.xdp.ifindex;
  const DeviceTable* devices = door.config().devices;
  row["devname"] = "(unknown)";
  if (devices)
    for (const auto& [ifindex, name] : devices->names())
      if (ifindex == ifindex_of_hook) row["devname"] = name;
  row["ifindex"] = ifindex_of_hook;
  if (is_tcx) row["attach_type"] = info.tcx.attach_type == bpf::BPF_TCX_INGRESS ? "tcx_ingress" : "tcx_egress";
}

}  // namespace

Json link_row(const Door& door, const Link& link) {
  Json row{{"id", link.id()}, {"type", bpf::kLinkTypes[link.type()].name}, {"prog_id", link.program()->id()}};
  add_target(door, link, row);
  if (const auto pins = door.pins_of(link); !pins.empty()) row["pinned"] = pins;
  return row;
}

void add_link_handlers(Server& server, Door& door) {
  server.add("link", "show", [&door](const Json& args, const Peer&) -> base::Result<Json> {
    SLUICE_TRY(const auto links, select(door, args));
    Json rows = Json::array();
    for (const auto& link : links) rows.push_back(link_row(door, *link));
    return rows;
  });
  server.add("link", "detach", [&door](const Json& args, const Peer&) -> base::Result<Json> {
    if (args.empty()) return base::Error(EINVAL, "which link? ({id N | pinned F})");
    SLUICE_TRY(const auto links, select(door, args));
    for (const auto& link : links) SLUICE_CHECK(link->detach());
    return Json();
  });
}

}  // namespace control
