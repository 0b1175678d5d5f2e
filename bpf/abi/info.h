// SPDX-License-Identifier: Apache-2.0
// info.h — the info structs of BPF_OBJ_GET_INFO_BY_FD, as of Linux 6.18.
#pragma once

#include <cstdint>

namespace bpf {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"

struct bpf_prog_info {
  std::uint32_t type;
  std::uint32_t id;
  std::uint8_t tag[8];
  std::uint32_t jited_prog_len;
  std::uint32_t xlated_prog_len;
  std::uint64_t jited_prog_insns;
  std::uint64_t xlated_prog_insns;
  std::uint64_t load_time;
  std::uint32_t created_by_uid;
  std::uint32_t nr_map_ids;
  std::uint64_t map_ids;
  char name[16];
  std::uint32_t ifindex;
  std::uint32_t gpl_compatible: 1;
  std::uint64_t netns_dev;
  std::uint64_t netns_ino;
  std::uint32_t nr_jited_ksyms;
  std::uint32_t nr_jited_func_lens;
  std::uint64_t jited_ksyms;
  std::uint64_t jited_func_lens;
  std::uint32_t btf_id;
  std::uint32_t func_info_rec_size;
  std::uint64_t func_info;
  std::uint32_t nr_func_info;
  std::uint32_t nr_line_info;
  std::uint64_t line_info;
  std::uint64_t jited_line_info;
  std::uint32_t nr_jited_line_info;
  std::uint32_t line_info_rec_size;
  std::uint32_t jited_line_info_rec_size;
  std::uint32_t nr_prog_tags;
  std::uint64_t prog_tags;
  std::uint64_t run_time_ns;
  std::uint64_t run_cnt;
  std::uint64_t recursion_misses;
  std::uint32_t verified_insns;
  std::uint32_t attach_btf_obj_id;
  std::uint32_t attach_btf_id;
};

struct bpf_map_info {
  std::uint32_t type;
  std::uint32_t id;
  std::uint32_t key_size;
  std::uint32_t value_size;
  std::uint32_t max_entries;
  std::uint32_t map_flags;
  char name[16];
  std::uint32_t ifindex;
  std::uint32_t btf_vmlinux_value_type_id;
  std::uint64_t netns_dev;
  std::uint64_t netns_ino;
  std::uint32_t btf_id;
  std::uint32_t btf_key_type_id;
  std::uint32_t btf_value_type_id;
  std::uint32_t btf_vmlinux_id;
  std::uint64_t map_extra;
  std::uint64_t hash;
  std::uint32_t hash_size;
};

struct bpf_btf_info {
  std::uint64_t btf;
  std::uint32_t btf_size;
  std::uint32_t id;
  std::uint64_t name;
  std::uint32_t name_len;
  std::uint32_t kernel_btf;
};

struct bpf_link_info {
  std::uint32_t type;
  std::uint32_t id;
  std::uint32_t prog_id;
  union {
    struct {
      std::uint64_t tp_name;
      std::uint32_t tp_name_len;
      std::uint64_t cookie;
    } raw_tracepoint;
    struct {
      std::uint32_t attach_type;
      std::uint32_t target_obj_id;
      std::uint32_t target_btf_id;
      std::uint64_t cookie;
    } tracing;
    struct {
      std::uint64_t cgroup_id;
      std::uint32_t attach_type;
    } cgroup;
    struct {
      std::uint64_t target_name;
      std::uint32_t target_name_len;
      union {
        struct {
          std::uint32_t map_id;
        } map;
      };
      union {
        struct {
          std::uint64_t cgroup_id;
          std::uint32_t order;
        } cgroup;
        struct {
          std::uint32_t tid;
          std::uint32_t pid;
        } task;
      };
    } iter;
    struct {
      std::uint32_t netns_ino;
      std::uint32_t attach_type;
    } netns;
    struct {
      std::uint32_t ifindex;
    } xdp;
    struct {
      std::uint32_t map_id;
    } struct_ops;
    struct {
      std::uint32_t pf;
      std::uint32_t hooknum;
      std::int32_t priority;
      std::uint32_t flags;
    } netfilter;
    struct {
      std::uint64_t addrs;
      std::uint32_t count;
      std::uint32_t flags;
      std::uint64_t missed;
      std::uint64_t cookies;
    } kprobe_multi;
    struct {
      std::uint64_t path;
      std::uint64_t offsets;
      std::uint64_t ref_ctr_offsets;
      std::uint64_t cookies;
      std::uint32_t path_size;
      std::uint32_t count;
      std::uint32_t flags;
      std::uint32_t pid;
    } uprobe_multi;
    struct {
      std::uint32_t type;
      union {
        struct {
          std::uint64_t file_name;
          std::uint32_t name_len;
          std::uint32_t offset;
          std::uint64_t cookie;
          std::uint64_t ref_ctr_offset;
        } uprobe;
        struct {
          std::uint64_t func_name;
          std::uint32_t name_len;
          std::uint32_t offset;
          std::uint64_t addr;
          std::uint64_t missed;
          std::uint64_t cookie;
        } kprobe;
        struct {
          std::uint64_t tp_name;
          std::uint32_t name_len;
          std::uint64_t cookie;
        } tracepoint;
        struct {
          std::uint64_t config;
          std::uint32_t type;
          std::uint64_t cookie;
        } event;
      };
    } perf_event;
    struct {
      std::uint32_t ifindex;
      std::uint32_t attach_type;
    } tcx;
    struct {
      std::uint32_t ifindex;
      std::uint32_t attach_type;
    } netkit;
    struct {
      std::uint32_t map_id;
      std::uint32_t attach_type;
    } sockmap;
  };
};

#pragma GCC diagnostic pop

}  // namespace bpf
