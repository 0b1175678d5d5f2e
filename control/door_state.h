// SPDX-License-Identifier: Apache-2.0
// door_state.h — what the command families share: the tables behind the door, and small checks all of them make.
// Private to control/: users of the door include door.h.
#pragma once

#include <string>

#include "control/door.h"
#include "control/id_table.h"
#include "control/link_tcx.h"
#include "control/link_xdp.h"
#include "control/pin_table.h"

namespace control {

inline constexpr int kErrnoNotSupp = 524;  // ENOTSUPP: the kernel's own number, which user space has no name for

// Who wants run time of programs to be taken. Outlived by descriptors, perhaps; `ports` is null when the door is gone.
struct RunTimeUsers {
  PortHooks* ports = nullptr;
  u32 count = 0;
};

struct DoorState {
  DoorConfig config;
  IdTable<Map> maps;
  IdTable<Program> programs;
  IdTable<Btf> btfs;
  IdTable<Link> links;
  std::shared_ptr<XdpHooks> xdp_hooks;
  std::shared_ptr<TcxHooks> tcx_hooks;
  std::shared_ptr<RunTimeUsers> run_time_users;
  PinTable pins;
};

// A command's answer: what bpf(2) returns when it succeeds, or errno and sentence.
using Answer = base::Result<long>;

using CommandFn = Answer (*)(DoorState&, Client&, bpf::bpf_attr&, u32 size);

// The families.
Answer map_create(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_lookup_elem(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_update_elem(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_delete_elem(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_get_next_key(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_lookup_and_delete_elem(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_lookup_batch(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_lookup_and_delete_batch(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_update_batch(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_delete_batch(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_freeze(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer prog_load(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer prog_bind_map(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer prog_test_run(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer btf_load(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer obj_get_info_by_fd(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer obj_pin(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer obj_get(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer prog_get_next_id(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_get_next_id(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer btf_get_next_id(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer prog_get_fd_by_id(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer map_get_fd_by_id(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer btf_get_fd_by_id(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer link_get_next_id(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer link_get_fd_by_id(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer link_create(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer link_update(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer link_detach(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer prog_attach(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer prog_detach(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer prog_query(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer raw_tracepoint_open(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer iter_create(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer task_fd_query(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer token_create(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer prog_stream_read(DoorState&, Client&, bpf::bpf_attr&, u32 size);
Answer enable_stats(DoorState&, Client&, bpf::bpf_attr&, u32 size);

// An update from bpf(2): descriptors in the value become objects first.
Answer update_element(DoorState&, Client&, Map&, base::ConstBytes key, base::ConstBytes value, u64 flags);
// MAP_CREATE of a value with locks, timers, kernel pointers …: EACCES read-only or write-only for programs, EOPNOTSUPP
// where the type of map has no such values. Null: bytes only.
using ValueFields = std::shared_ptr<const bpf_value_fields>;
base::Result<ValueFields> find_value_fields(const bpf::btf::Btf& types, const bpf::bpf_attr& attr);
// EINVAL: BPF_F_LOCK for a map without a lock in its values.
base::Status check_lock_flag(const Map& map, u64 flags);

// Objects by descriptor: EBADF not open, EINVAL open but something else.
struct MapTarget {
  std::shared_ptr<Map> map;
  Access access;
};
base::Result<MapTarget> get_map(Client& client, int fd);
base::Result<std::shared_ptr<Program>> get_program(Client& client, int fd);
base::Result<std::shared_ptr<Btf>> get_btf(Client& client, int fd);
base::Result<std::shared_ptr<Link>> get_link(Client& client, int fd);

// Installs a handle: the descriptor's number.
Answer install(Client& client, std::shared_ptr<Object> object, Access access = {});

// A name of BPF_OBJ_NAME_LEN bytes: letters, digits, '_' and '.', ended by NUL.
base::Result<std::string> parse_name(const char (&name)[16]);
// BPF_F_RDONLY and BPF_F_WRONLY of a flag word.
base::Result<Access> parse_access(u32 flags);

// BPF_F_TOKEN_FD: no descriptor is a token, EBADF or EINVAL.
base::Error refuse_token(Client& client, int fd);

u64 boot_time_ns();

template <class T>
T* user_ptr(u64 address) {
  return reinterpret_cast<T*>(address);
}

// log_buf, log_size, log_level of PROG_LOAD and BTF_LOAD.
struct UserLog {
  u32 level;
  u32 size;
  char* buffer;
};
base::Status check_log(const UserLog& log);
// Stores as much of `text` as fits; `true_size` is what would have. ENOSPC when it did not fit.
base::Status store_log(const UserLog& log, std::string_view text, u32& true_size);

}  // namespace control
