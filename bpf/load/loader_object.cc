// SPDX-License-Identifier: Apache-2.0
// The only file that speaks libbpf.
#include "bpf/load/loader_object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstdarg>
#include <cstring>
#include <memory>

#include "bpf/load/command_edits.h"

namespace bpf::load {
namespace {

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};
using ObjectPtr = std::unique_ptr<bpf_object, CloseObject>;

int keep_warning(libbpf_print_level level, const char* format, va_list args) {
  if (level != LIBBPF_WARN) return 0;
  char line[1024];
  vsnprintf(line, sizeof line, format, args);
  warnings().add(line);
  return 0;
}

base::Result<ObjectPtr> open_object(base::ConstBytes elf, const LoadPlan& plan) {
  libbpf_set_print(keep_warning);
  bpf_object_open_opts opts{};
  opts.sz = sizeof opts;
  opts.object_name = plan.object_name.c_str();
  opts.pin_root_path = plan.pin_root.c_str();
  opts.kernel_log_level = base::u32(plan.log_level);
  ObjectPtr object(bpf_object__open_mem(elf.data(), elf.size(), &opts));
  if (!object)
    return base::Error(errno ? errno : EINVAL,
                       std::string("the object cannot be read: ") + std::strerror(errno ? errno : EINVAL));
  return object;
}

bool is_wanted(const bpf_program* program, const LoadPlan& plan) {
  if (plan.programs.empty()) return plan.all || bpf_program__autoload(program);
  return std::ranges::any_of(plan.programs, [program](const std::string& name) {
    return name == bpf_program__name(program) || name == bpf_program__section_name(program);
  });
}

base::Status choose_programs(bpf_object* object, const LoadPlan& plan) {
  for (const std::string& name : plan.programs) {
    bpf_program* program = nullptr;
    bool found = false;
    bpf_object__for_each_program(program, object) found |=
        name == bpf_program__name(program) || name == bpf_program__section_name(program);
    if (!found) return base::Error(ENOENT, "the object has no program '" + name + "'");
  }
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) bpf_program__set_autoload(program, is_wanted(program, plan));
  return base::success();
}

base::Status resize_maps(bpf_object* object, const LoadPlan& plan) {
  for (const auto& [name, max_entries] : plan.max_entries) {
    bpf_map* map = bpf_object__find_map_by_name(object, name.c_str());
    if (!map) return base::Error(ENOENT, "the object has no map '" + name + "'");
    if (const int rc = bpf_map__set_max_entries(map, max_entries); rc < 0)
      return base::Error(-rc, "max_entries of map '" + name + "' cannot be set");
  }
  return base::success();
}

base::Status set_globals(bpf_object* object, const BindFn& bind) {
  base::u32 size = 0;
  const btf* types = bpf_object__btf(object);
  const void* raw = types ? btf__raw_data(types, &size) : nullptr;
  SLUICE_TRY(const std::vector<Bind> binds, bind({static_cast<const std::byte*>(raw), size}));
  for (const Bind& b : binds) {
    bpf_map* map = bpf_object__find_map_by_name(object, b.map.c_str());
    std::size_t size_now = 0;
    const void* data = map ? bpf_map__initial_value(map, &size_now) : nullptr;
    if (!data || b.offset > size_now || b.bytes.size() > size_now - b.offset)
      return base::Error(EINVAL, "global data in '" + b.map + "' cannot be set");
    std::vector<std::byte> value(size_now);
    std::memcpy(value.data(), data, size_now);
    std::ranges::copy(b.bytes, value.begin() + b.offset);
    if (const int rc = bpf_map__set_initial_value(map, value.data(), size_now); rc < 0)
      return base::Error(-rc, "global data in '" + b.map + "' cannot be set");
  }
  return base::success();
}

base::u32 prog_id(const bpf_program* program) {
  bpf_prog_info info{};
  base::u32 len = sizeof info;
  const int fd = bpf_program__fd(program);
  return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

base::u32 map_id(const bpf_map* map) {
  bpf_map_info info{};
  base::u32 len = sizeof info;
  const int fd = bpf_map__fd(map);
  return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

// "xdp_prog.rodata" -> ".rodata": libbpf puts the object's name before a section's.
std::string section_of(const bpf_map* map) {
  if (!bpf_map__is_internal(map)) return {};
  const std::string name = bpf_map__name(map);
  const auto dot = name.find('.');
  return dot == name.npos ? name : name.substr(dot);
}

// Nothing: this kernel has no such struct, or not that member.
std::optional<CommandEdits::Member> find_member(const StructOpsMember& wanted) {
  const std::unique_ptr<btf, FreeBtf> kernel(btf__load_vmlinux_btf());
  if (!kernel) return std::nullopt;
  const int id = btf__find_by_name_kind(kernel.get(), wanted.type.c_str(), BTF_KIND_STRUCT);
  const btf_type* type = id > 0 ? btf__type_by_id(kernel.get(), base::u32(id)) : nullptr;
  for (base::u32 k = 0; type && k < btf_vlen(type); ++k) {
    const char* name = btf__name_by_offset(kernel.get(), btf_members(type)[k].name_off);
    if (name && wanted.member == name) return CommandEdits::Member{base::u32(id), k};
  }
  return std::nullopt;
}

Described describe(bpf_object* object, bool loaded) {
  Described out;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (!bpf_program__autoload(program)) continue;
    out.programs.push_back({bpf_program__name(program), bpf_program__section_name(program),
                            base::u32(bpf_program__type(program)), base::u32(bpf_program__insn_cnt(program)),
                            loaded ? prog_id(program) : 0});
  }
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object)
      out.maps.push_back({bpf_map__name(map), section_of(map), loaded ? map_id(map) : 0});
  return out;
}

}  // namespace

Warnings& warnings() {
  static Warnings instance;
  return instance;
}

void Warnings::add(std::string_view text) {
  if (text.starts_with("libbpf: ")) text.remove_prefix(8);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if (text.empty()) return;
  // the first say why, the last what followed
  if (lines_.size() >= kLinesMax) lines_.erase(lines_.begin() + kLinesMax / 2);
  std::string& line = lines_.emplace_back(text.substr(0, kLineBytesMax));
  std::ranges::replace_if(line, [](unsigned char c) { return c < ' ' || c > '~'; }, '?');  // names out of the object
}

std::vector<std::string> Warnings::take() {
  return std::exchange(lines_, {});
}

base::Result<Described> list_object(const Prepared& object, const LoadPlan& plan) {
  SLUICE_TRY(const ObjectPtr opened, open_object(object.elf, plan));
  SLUICE_CHECK(choose_programs(opened.get(), plan));
  return describe(opened.get(), false);
}

base::Result<Described> load_object(const Prepared& object, const LoadPlan& plan, const BindFn& bind) {
  SLUICE_TRY(const ObjectPtr opened, open_object(object.elf, plan));
  SLUICE_CHECK(choose_programs(opened.get(), plan));
  SLUICE_CHECK(resize_maps(opened.get(), plan));
  for (const auto& [name, extra] : object.map_extra)
    if (bpf_map* map = bpf_object__find_map_by_name(opened.get(), name.c_str())) bpf_map__set_map_extra(map, extra);
  SLUICE_CHECK(set_globals(opened.get(), bind));
  command_edits().begin(&object);
  const auto member = plan.programs.size() == 1 ? object.members.find(plan.programs[0]) : object.members.end();
  if (member != object.members.end()) command_edits().set_member(find_member(member->second));
  const int rc = bpf_object__load(opened.get());
  command_edits().begin(nullptr);
  if (rc != 0) return base::Error(-rc, "the object cannot be loaded");
  return describe(opened.get(), true);
}

}  // namespace bpf::load
