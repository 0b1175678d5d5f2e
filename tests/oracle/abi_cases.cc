// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/abi_cases.h"

namespace abi_oracle {
namespace {

using bpf::bpf_attr;

constexpr Value number(u64 n) {
  return {Sym::number, n};
}
constexpr Value is(Sym sym) {
  return {sym};
}

#define FIELD(path, kind, base)                                        \
  Field {                                                              \
    offsetof(bpf_attr, path), sizeof(bpf_attr::path), Kind::kind, base \
  }
#define IN(group, member, kind, base)                                                             \
  Field {                                                                                         \
    offsetof(bpf_attr, group.member), sizeof(decltype(bpf_attr::group)::member), Kind::kind, base \
  }

std::vector<Field> element(u64 flags_too) {
  std::vector<Field> fields{FIELD(map_fd, fd, is(Sym::map)), FIELD(key, pointer, is(Sym::zeros)),
                            FIELD(value, pointer, is(Sym::zeros))};
  if (flags_too) fields.push_back(FIELD(flags, flags, number(0)));
  return fields;
}

std::vector<Field> key_only() {
  return {FIELD(map_fd, fd, is(Sym::map)), FIELD(key, pointer, is(Sym::zeros))};
}

std::vector<Field> batch() {
  return {IN(batch, in_batch, pointer, number(0)),  IN(batch, out_batch, pointer, is(Sym::zeros)),
          IN(batch, keys, pointer, is(Sym::zeros)), IN(batch, values, pointer, is(Sym::zeros)),
          IN(batch, count, count, number(2)),       IN(batch, map_fd, fd, is(Sym::map)),
          IN(batch, elem_flags, flags, number(0)),  IN(batch, flags, flags, number(0))};
}

std::vector<Field> next_id() {
  return {FIELD(start_id, id, number(0)), FIELD(next_id, number, number(0)), FIELD(open_flags, flags, number(0)),
          FIELD(fd_by_id_token_fd, fd, number(0))};
}

std::vector<Field> by_id(Sym id) {
  std::vector<Field> fields = next_id();
  fields[0].base = is(id);
  return fields;
}

std::vector<Field> attach() {
  return {FIELD(target_fd, fd, is(Sym::cgroup)),      FIELD(attach_bpf_fd, fd, is(Sym::prog)),
          FIELD(attach_type, number, number(0)),      FIELD(attach_flags, flags, number(0)),
          FIELD(replace_bpf_fd, fd, number(0)),       FIELD(relative_fd, fd, number(0)),
          FIELD(expected_revision, number, number(0))};
}

std::vector<Field> with(std::vector<Field> fields, std::size_t index, Value base) {
  fields[index].base = base;
  return fields;
}

std::vector<Field> query(Sym target, u32 type) {
  return {IN(query, target_fd, fd, is(target)),
          IN(query, attach_type, number, number(type)),
          IN(query, query_flags, flags, number(0)),
          IN(query, attach_flags, flags, number(0)),
          IN(query, prog_ids, pointer, is(Sym::zeros)),
          IN(query, prog_cnt, count, number(4)),
          IN(query, prog_attach_flags, pointer, number(0))};
}

std::vector<Field> link_create() {
  return {IN(link_create, prog_fd, fd, is(Sym::prog)), IN(link_create, target_ifindex, id, is(Sym::port)),
          IN(link_create, attach_type, number, number(bpf::BPF_XDP)), IN(link_create, flags, flags, number(0))};
}

const std::vector<Command> kCommands = {
    {bpf::BPF_MAP_CREATE,
     "MAP_CREATE",
     {FIELD(map_type, number, number(bpf::BPF_MAP_TYPE_ARRAY)), FIELD(key_size, count, number(4)),
      FIELD(value_size, count, number(8)), FIELD(max_entries, count, number(2)), FIELD(map_flags, flags, number(0)),
      FIELD(inner_map_fd, fd, number(0)), FIELD(numa_node, number, number(0)), FIELD(map_ifindex, id, number(0)),
      FIELD(btf_fd, fd, number(0)), FIELD(btf_key_type_id, number, number(0)),
      FIELD(btf_value_type_id, number, number(0)), FIELD(btf_vmlinux_value_type_id, number, number(0)),
      FIELD(map_extra, number, number(0)), FIELD(value_type_btf_obj_fd, fd, number(0)),
      FIELD(map_token_fd, fd, number(0))},
     true},
    {bpf::BPF_MAP_CREATE,
     "MAP_CREATE of a hash",
     {FIELD(map_type, number, number(bpf::BPF_MAP_TYPE_HASH)), FIELD(key_size, count, number(4)),
      FIELD(value_size, count, number(4)), FIELD(max_entries, count, number(2)), FIELD(map_flags, flags, number(0)),
      FIELD(btf_fd, fd, is(Sym::btf)), FIELD(btf_key_type_id, number, number(1)),
      FIELD(btf_value_type_id, number, number(1))},
     true},
    {bpf::BPF_MAP_UPDATE_ELEM, "MAP_UPDATE_ELEM", element(true), false, Spoils::map},
    {bpf::BPF_MAP_LOOKUP_ELEM, "MAP_LOOKUP_ELEM", element(true)},
    {bpf::BPF_MAP_DELETE_ELEM, "MAP_DELETE_ELEM", key_only(), false, Spoils::map},
    {bpf::BPF_MAP_GET_NEXT_KEY, "MAP_GET_NEXT_KEY", element(false)},
    {bpf::BPF_MAP_LOOKUP_AND_DELETE_ELEM, "MAP_LOOKUP_AND_DELETE_ELEM", element(true), false, Spoils::map},
    {bpf::BPF_PROG_LOAD,
     "PROG_LOAD",
     {FIELD(prog_type, number, number(bpf::BPF_PROG_TYPE_XDP)),
      FIELD(insn_cnt, count, number(2)),
      FIELD(insns, pointer, is(Sym::program)),
      FIELD(license, pointer, is(Sym::license)),
      FIELD(log_level, flags, number(0)),
      FIELD(log_size, count, number(0)),
      FIELD(log_buf, pointer, number(0)),
      FIELD(kern_version, number, number(0)),
      FIELD(prog_flags, flags, number(0)),
      FIELD(prog_ifindex, id, number(0)),
      FIELD(expected_attach_type, number, number(bpf::BPF_XDP)),
      FIELD(prog_btf_fd, fd, number(0)),
      FIELD(func_info_rec_size, count, number(0)),
      FIELD(func_info, pointer, number(0)),
      FIELD(func_info_cnt, count, number(0)),
      FIELD(line_info_rec_size, count, number(0)),
      FIELD(line_info, pointer, number(0)),
      FIELD(line_info_cnt, count, number(0)),
      FIELD(attach_btf_id, number, number(0)),
      FIELD(attach_prog_fd, fd, number(0)),
      FIELD(core_relo_cnt, count, number(0)),
      FIELD(fd_array, pointer, number(0)),
      FIELD(core_relos, pointer, number(0)),
      FIELD(core_relo_rec_size, count, number(0)),
      FIELD(log_true_size, number, number(0)),
      FIELD(prog_token_fd, fd, number(0)),
      FIELD(fd_array_cnt, count, number(0))},
     true},
    {bpf::BPF_OBJ_PIN,
     "OBJ_PIN",
     {FIELD(pathname, pointer, is(Sym::new_path)), FIELD(bpf_fd, fd, is(Sym::prog)),
      FIELD(file_flags, flags, number(0)), FIELD(path_fd, fd, number(0))},
     false,
     Spoils::pins},
    {bpf::BPF_OBJ_GET,
     "OBJ_GET",
     {FIELD(pathname, pointer, is(Sym::pinned)), FIELD(bpf_fd, fd, number(0)), FIELD(file_flags, flags, number(0)),
      FIELD(path_fd, fd, number(0))},
     true},
    {bpf::BPF_PROG_ATTACH, "PROG_ATTACH", attach()},
    {bpf::BPF_PROG_ATTACH, "PROG_ATTACH to a chain", with(attach(), 2, number(bpf::BPF_TCX_INGRESS))},
    {bpf::BPF_PROG_ATTACH, "PROG_ATTACH elsewhere", with(attach(), 2, number(bpf::BPF_SK_LOOKUP))},
    {bpf::BPF_PROG_DETACH, "PROG_DETACH", attach()},
    {bpf::BPF_PROG_DETACH, "PROG_DETACH from a chain",
     with(with(attach(), 2, number(bpf::BPF_TCX_EGRESS)), 0, is(Sym::port))},
    {bpf::BPF_PROG_DETACH, "PROG_DETACH from sockets", with(attach(), 2, number(bpf::BPF_SK_SKB_VERDICT))},
    {bpf::BPF_PROG_DETACH, "PROG_DETACH of a dissector",
     with(with(attach(), 2, number(bpf::BPF_FLOW_DISSECTOR)), 0, number(0))},
    {bpf::BPF_PROG_QUERY, "PROG_QUERY", query(Sym::cgroup, bpf::BPF_CGROUP_INET_INGRESS)},
    {bpf::BPF_PROG_QUERY, "PROG_QUERY of a port", query(Sym::port, bpf::BPF_TCX_INGRESS)},
    {bpf::BPF_PROG_QUERY, "PROG_QUERY of a namespace", query(Sym::netns, bpf::BPF_FLOW_DISSECTOR)},
    {bpf::BPF_PROG_QUERY, "PROG_QUERY of sockets", query(Sym::map, bpf::BPF_SK_SKB_VERDICT)},
    {bpf::BPF_PROG_TEST_RUN,
     "PROG_TEST_RUN",
     {IN(test, prog_fd, fd, is(Sym::prog)), IN(test, retval, number, number(0)),
      IN(test, data_size_in, count, number(64)), IN(test, data_size_out, count, number(64)),
      IN(test, data_in, pointer, is(Sym::zeros)), IN(test, data_out, pointer, is(Sym::zeros)),
      IN(test, repeat, count, number(1)), IN(test, duration, number, number(0)),
      IN(test, ctx_size_in, count, number(0)), IN(test, ctx_size_out, count, number(0)),
      IN(test, ctx_in, pointer, number(0)), IN(test, ctx_out, pointer, number(0)), IN(test, flags, flags, number(0)),
      IN(test, cpu, number, number(0)), IN(test, batch_size, count, number(0))}},
    {bpf::BPF_PROG_GET_NEXT_ID, "PROG_GET_NEXT_ID", next_id()},
    {bpf::BPF_MAP_GET_NEXT_ID, "MAP_GET_NEXT_ID", next_id()},
    {bpf::BPF_BTF_GET_NEXT_ID, "BTF_GET_NEXT_ID", next_id()},
    {bpf::BPF_LINK_GET_NEXT_ID, "LINK_GET_NEXT_ID", next_id()},
    {bpf::BPF_PROG_GET_FD_BY_ID, "PROG_GET_FD_BY_ID", by_id(Sym::prog_id), true},
    {bpf::BPF_MAP_GET_FD_BY_ID, "MAP_GET_FD_BY_ID", by_id(Sym::map_id), true},
    {bpf::BPF_BTF_GET_FD_BY_ID, "BTF_GET_FD_BY_ID", by_id(Sym::btf_id), true},
    {bpf::BPF_LINK_GET_FD_BY_ID, "LINK_GET_FD_BY_ID", by_id(Sym::link_id), true},
    {bpf::BPF_OBJ_GET_INFO_BY_FD,
     "OBJ_GET_INFO_BY_FD",
     {IN(info, bpf_fd, fd, is(Sym::prog)), IN(info, info_len, count, number(64)),
      IN(info, info, pointer, is(Sym::zeros))}},
    {bpf::BPF_OBJ_GET_INFO_BY_FD,
     "OBJ_GET_INFO_BY_FD of a link",
     {IN(info, bpf_fd, fd, is(Sym::link)), IN(info, info_len, count, number(64)),
      IN(info, info, pointer, is(Sym::zeros))}},
    {bpf::BPF_RAW_TRACEPOINT_OPEN,
     "RAW_TRACEPOINT_OPEN",
     {IN(raw_tracepoint, name, pointer, is(Sym::license)), IN(raw_tracepoint, prog_fd, fd, is(Sym::prog)),
      IN(raw_tracepoint, cookie, number, number(0))},
     true},
    {bpf::BPF_BTF_LOAD,
     "BTF_LOAD",
     {FIELD(btf, pointer, is(Sym::types)), FIELD(btf_log_buf, pointer, number(0)),
      FIELD(btf_size, count, number(types_bytes())), FIELD(btf_log_size, count, number(0)),
      FIELD(btf_log_level, flags, number(0)), FIELD(btf_log_true_size, number, number(0)),
      FIELD(btf_flags, flags, number(0)), FIELD(btf_token_fd, fd, number(0))},
     true},
    {bpf::BPF_TASK_FD_QUERY,
     "TASK_FD_QUERY",
     {IN(task_fd_query, pid, id, is(Sym::file)), IN(task_fd_query, fd, fd, is(Sym::prog)),
      IN(task_fd_query, flags, flags, number(0)), IN(task_fd_query, buf_len, count, number(64)),
      IN(task_fd_query, buf, pointer, is(Sym::zeros))}},
    {bpf::BPF_MAP_FREEZE, "MAP_FREEZE", {FIELD(map_fd, fd, is(Sym::map))}, false, Spoils::map},
    {bpf::BPF_MAP_UPDATE_BATCH, "MAP_UPDATE_BATCH", batch(), false, Spoils::map},
    {bpf::BPF_MAP_LOOKUP_BATCH, "MAP_LOOKUP_BATCH", batch()},
    {bpf::BPF_MAP_LOOKUP_AND_DELETE_BATCH, "MAP_LOOKUP_AND_DELETE_BATCH", batch(), false, Spoils::map},
    {bpf::BPF_MAP_DELETE_BATCH, "MAP_DELETE_BATCH", batch(), false, Spoils::map},
    {bpf::BPF_LINK_CREATE, "LINK_CREATE", link_create(), true},
    {bpf::BPF_LINK_CREATE, "LINK_CREATE on a held port", with(link_create(), 1, is(Sym::held_port)), true},
    {bpf::BPF_LINK_UPDATE,
     "LINK_UPDATE",
     {IN(link_update, link_fd, fd, is(Sym::link)), IN(link_update, new_prog_fd, fd, is(Sym::other_prog)),
      IN(link_update, flags, flags, number(0)), IN(link_update, old_prog_fd, fd, number(0))},
     false,
     Spoils::link},
    {bpf::BPF_LINK_UPDATE,
     "LINK_UPDATE of the expected program",
     {IN(link_update, link_fd, fd, is(Sym::link)), IN(link_update, new_prog_fd, fd, is(Sym::other_prog)),
      IN(link_update, flags, flags, number(4)), IN(link_update, old_prog_fd, fd, is(Sym::prog))},
     false,
     Spoils::link},
    {bpf::BPF_LINK_DETACH, "LINK_DETACH", {IN(link_detach, link_fd, fd, is(Sym::link))}, false, Spoils::link},
    {bpf::BPF_ENABLE_STATS, "ENABLE_STATS", {IN(enable_stats, type, number, number(0))}, true},
    {bpf::BPF_ITER_CREATE,
     "ITER_CREATE",
     {IN(iter_create, link_fd, fd, is(Sym::link)), IN(iter_create, flags, flags, number(0))},
     true},
    {bpf::BPF_PROG_BIND_MAP,
     "PROG_BIND_MAP",
     {IN(prog_bind_map, prog_fd, fd, is(Sym::prog)), IN(prog_bind_map, map_fd, fd, is(Sym::map)),
      IN(prog_bind_map, flags, flags, number(0))}},
    {bpf::BPF_TOKEN_CREATE,
     "TOKEN_CREATE",
     {IN(token_create, flags, flags, number(0)), IN(token_create, bpffs_fd, fd, is(Sym::file))},
     true},
    {bpf::BPF_PROG_STREAM_READ_BY_FD,
     "PROG_STREAM_READ_BY_FD",
     {IN(prog_stream_read, stream_buf, pointer, is(Sym::zeros)),
      IN(prog_stream_read, stream_buf_len, count, number(64)), IN(prog_stream_read, stream_id, number, number(1)),
      IN(prog_stream_read, prog_fd, fd, is(Sym::prog))}},
    {bpf::__MAX_BPF_CMD, "a command that does not exist", {FIELD(map_fd, fd, is(Sym::map))}},
    {UINT32_MAX, "command -1", {FIELD(map_fd, fd, is(Sym::map))}},
};

#undef FIELD
#undef IN

}  // namespace

const std::vector<Command>& commands() {
  return kCommands;
}

std::vector<Value> values_of(const Field& field) {
  std::vector<Value> values;
  switch (field.kind) {
    case Kind::fd:
      for (const Sym sym : {Sym::map, Sym::prog, Sym::other_prog, Sym::btf, Sym::link, Sym::stats, Sym::file,
                            Sym::closed, Sym::cgroup, Sym::netns})
        values.push_back({sym});
      for (const u64 n : {u64{0}, u64{UINT32_MAX}, u64{INT32_MAX}}) values.push_back(number(n));
      break;
    case Kind::pointer:
      for (const u64 n : {u64{0}, u64{1}, u64{0xffff888000000000}, u64{0x7ffffffff000}}) values.push_back(number(n));
      values.push_back({Sym::zeros});
      values.push_back({Sym::cut});
      break;
    case Kind::flags:
      for (u32 bit = 0; bit < field.bytes * 8U; ++bit) values.push_back(number(u64{1} << bit));
      values.push_back(number(UINT64_MAX));
      break;
    case Kind::count:
      for (const u64 n :
           {0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 14, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256})
        values.push_back(number(n));
      for (const u64 n : {512, 1024, 4096, 65535, 65536, 1 << 24}) values.push_back(number(n));
      for (const u64 n : {u64{INT32_MAX}, u64{INT32_MAX} + 1, u64{UINT32_MAX}}) values.push_back(number(n));
      break;
    case Kind::number:
      for (u64 n = 0; n < 64; ++n) values.push_back(number(n));
      for (const u64 n : {u64{INT32_MAX}, u64{UINT32_MAX}, u64{1} << 32}) values.push_back(number(n));
      break;
    case Kind::id:
      for (const Sym sym : {Sym::map_id, Sym::prog_id, Sym::btf_id, Sym::link_id, Sym::port, Sym::held_port})
        values.push_back({sym});
      for (const u64 n : {u64{0}, u64{987654}, u64{INT32_MAX} - 1, u64{INT32_MAX}, u64{INT32_MAX} + 1, u64{UINT32_MAX}})
        values.push_back(number(n));
      break;
  }
  return values;
}

bool too_large(u32 cmd, const bpf_attr& attr) {
  switch (cmd) {
    case bpf::BPF_MAP_CREATE:
      return u64{attr.max_entries} * (u64{attr.value_size} + attr.key_size) > 64U << 20;
    case bpf::BPF_PROG_TEST_RUN:
      return attr.test.repeat > 1000;
    default:
      return false;
  }
}

}  // namespace abi_oracle
