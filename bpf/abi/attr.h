// SPDX-License-Identifier: Apache-2.0
// attr.h — union bpf_attr: the argument of every bpf(2) command, as of Linux 6.18.
//
// Shape     pointers travel as 64-bit integers; every command reads one of the anonymous or named members. The first
//           member covers the whole union, because `bpf_attr attr{}` sets only the first member to zero.
// Errors    a caller's attr may be shorter (zero-filled) or longer (the surplus must be zero, else E2BIG).
#pragma once

#include <cstddef>
#include <cstdint>

namespace bpf {

// Anonymous structs inside a union are the ABI's own shape; GNU C++ allows them.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"

inline constexpr std::size_t kAttrBytes = 168;

union bpf_attr {
  std::byte all[kAttrBytes];
  struct {
    std::uint32_t map_type;
    std::uint32_t key_size;
    std::uint32_t value_size;
    std::uint32_t max_entries;
    std::uint32_t map_flags;
    std::uint32_t inner_map_fd;
    std::uint32_t numa_node;
    char map_name[16];
    std::uint32_t map_ifindex;
    std::uint32_t btf_fd;
    std::uint32_t btf_key_type_id;
    std::uint32_t btf_value_type_id;
    std::uint32_t btf_vmlinux_value_type_id;
    std::uint64_t map_extra;
    std::int32_t value_type_btf_obj_fd;
    std::int32_t map_token_fd;
    std::uint64_t excl_prog_hash;
    std::uint32_t excl_prog_hash_size;
  };
  struct {
    std::uint32_t map_fd;
    std::uint64_t key;
    union {
      std::uint64_t value;
      std::uint64_t next_key;
    };
    std::uint64_t flags;
  };
  struct {
    std::uint64_t in_batch;
    std::uint64_t out_batch;
    std::uint64_t keys;
    std::uint64_t values;
    std::uint32_t count;
    std::uint32_t map_fd;
    std::uint64_t elem_flags;
    std::uint64_t flags;
  } batch;
  struct {
    std::uint32_t prog_type;
    std::uint32_t insn_cnt;
    std::uint64_t insns;
    std::uint64_t license;
    std::uint32_t log_level;
    std::uint32_t log_size;
    std::uint64_t log_buf;
    std::uint32_t kern_version;
    std::uint32_t prog_flags;
    char prog_name[16];
    std::uint32_t prog_ifindex;
    std::uint32_t expected_attach_type;
    std::uint32_t prog_btf_fd;
    std::uint32_t func_info_rec_size;
    std::uint64_t func_info;
    std::uint32_t func_info_cnt;
    std::uint32_t line_info_rec_size;
    std::uint64_t line_info;
    std::uint32_t line_info_cnt;
    std::uint32_t attach_btf_id;
    union {
      std::uint32_t attach_prog_fd;
      std::uint32_t attach_btf_obj_fd;
    };
    std::uint32_t core_relo_cnt;
    std::uint64_t fd_array;
    std::uint64_t core_relos;
    std::uint32_t core_relo_rec_size;
    std::uint32_t log_true_size;
    std::int32_t prog_token_fd;
    std::uint32_t fd_array_cnt;
    std::uint64_t signature;
    std::uint32_t signature_size;
    std::int32_t keyring_id;
  };
  struct {
    std::uint64_t pathname;
    std::uint32_t bpf_fd;
    std::uint32_t file_flags;
    std::int32_t path_fd;
  };
  struct {
    union {
      std::uint32_t target_fd;
      std::uint32_t target_ifindex;
    };
    std::uint32_t attach_bpf_fd;
    std::uint32_t attach_type;
    std::uint32_t attach_flags;
    std::uint32_t replace_bpf_fd;
    union {
      std::uint32_t relative_fd;
      std::uint32_t relative_id;
    };
    std::uint64_t expected_revision;
  };
  struct {
    std::uint32_t prog_fd;
    std::uint32_t retval;
    std::uint32_t data_size_in;
    std::uint32_t data_size_out;
    std::uint64_t data_in;
    std::uint64_t data_out;
    std::uint32_t repeat;
    std::uint32_t duration;
    std::uint32_t ctx_size_in;
    std::uint32_t ctx_size_out;
    std::uint64_t ctx_in;
    std::uint64_t ctx_out;
    std::uint32_t flags;
    std::uint32_t cpu;
    std::uint32_t batch_size;
  } test;
  struct {
    union {
      std::uint32_t start_id;
      std::uint32_t prog_id;
      std::uint32_t map_id;
      std::uint32_t btf_id;
      std::uint32_t link_id;
    };
    std::uint32_t next_id;
    std::uint32_t open_flags;
    std::int32_t fd_by_id_token_fd;
  };
  struct {
    std::uint32_t bpf_fd;
    std::uint32_t info_len;
    std::uint64_t info;
  } info;
  struct {
    union {
      std::uint32_t target_fd;
      std::uint32_t target_ifindex;
    };
    std::uint32_t attach_type;
    std::uint32_t query_flags;
    std::uint32_t attach_flags;
    std::uint64_t prog_ids;
    union {
      std::uint32_t prog_cnt;
      std::uint32_t count;
    };
    std::uint64_t prog_attach_flags;
    std::uint64_t link_ids;
    std::uint64_t link_attach_flags;
    std::uint64_t revision;
  } query;
  struct {
    std::uint64_t name;
    std::uint32_t prog_fd;
    std::uint64_t cookie;
  } raw_tracepoint;
  struct {
    std::uint64_t btf;
    std::uint64_t btf_log_buf;
    std::uint32_t btf_size;
    std::uint32_t btf_log_size;
    std::uint32_t btf_log_level;
    std::uint32_t btf_log_true_size;
    std::uint32_t btf_flags;
    std::int32_t btf_token_fd;
  };
  struct {
    std::uint32_t pid;
    std::uint32_t fd;
    std::uint32_t flags;
    std::uint32_t buf_len;
    std::uint64_t buf;
    std::uint32_t prog_id;
    std::uint32_t fd_type;
    std::uint64_t probe_offset;
    std::uint64_t probe_addr;
  } task_fd_query;
  struct {
    union {
      std::uint32_t prog_fd;
      std::uint32_t map_fd;
    };
    union {
      std::uint32_t target_fd;
      std::uint32_t target_ifindex;
    };
    std::uint32_t attach_type;
    std::uint32_t flags;
    union {
      std::uint32_t target_btf_id;
      struct {
        std::uint64_t iter_info;
        std::uint32_t iter_info_len;
      };
      struct {
        std::uint64_t bpf_cookie;
      } perf_event;
      struct {
        std::uint32_t flags;
        std::uint32_t cnt;
        std::uint64_t syms;
        std::uint64_t addrs;
        std::uint64_t cookies;
      } kprobe_multi;
      struct {
        std::uint32_t target_btf_id;
        std::uint64_t cookie;
      } tracing;
      struct {
        std::uint32_t pf;
        std::uint32_t hooknum;
        std::int32_t priority;
        std::uint32_t flags;
      } netfilter;
      struct {
        union {
          std::uint32_t relative_fd;
          std::uint32_t relative_id;
        };
        std::uint64_t expected_revision;
      } tcx;
      struct {
        std::uint64_t path;
        std::uint64_t offsets;
        std::uint64_t ref_ctr_offsets;
        std::uint64_t cookies;
        std::uint32_t cnt;
        std::uint32_t flags;
        std::uint32_t pid;
      } uprobe_multi;
      struct {
        union {
          std::uint32_t relative_fd;
          std::uint32_t relative_id;
        };
        std::uint64_t expected_revision;
      } netkit;
      struct {
        union {
          std::uint32_t relative_fd;
          std::uint32_t relative_id;
        };
        std::uint64_t expected_revision;
      } cgroup;
    };
  } link_create;
  struct {
    std::uint32_t link_fd;
    union {
      std::uint32_t new_prog_fd;
      std::uint32_t new_map_fd;
    };
    std::uint32_t flags;
    union {
      std::uint32_t old_prog_fd;
      std::uint32_t old_map_fd;
    };
  } link_update;
  struct {
    std::uint32_t link_fd;
  } link_detach;
  struct {
    std::uint32_t type;
  } enable_stats;
  struct {
    std::uint32_t link_fd;
    std::uint32_t flags;
  } iter_create;
  struct {
    std::uint32_t prog_fd;
    std::uint32_t map_fd;
    std::uint32_t flags;
  } prog_bind_map;
  struct {
    std::uint32_t flags;
    std::uint32_t bpffs_fd;
  } token_create;
  struct {
    std::uint64_t stream_buf;
    std::uint32_t stream_buf_len;
    std::uint32_t stream_id;
    std::uint32_t prog_fd;
  } prog_stream_read;
};

#pragma GCC diagnostic pop

static_assert(sizeof(bpf_attr) == kAttrBytes);
static_assert(offsetof(bpf_attr, map_extra) == 64);
static_assert(offsetof(bpf_attr, log_true_size) == 140);
static_assert(offsetof(bpf_attr, link_create.perf_event) == 16);

}  // namespace bpf
