// SPDX-License-Identifier: Apache-2.0
// loader_object.h — one object file through libbpf: open, settle what the request says, load, describe.
//
// Shape     LoadPlan and what comes back are plain values; JSON and the socket are in loader_main.cc.
// Threads   the loader process has one. Errors: libbpf's errno and, in Warnings, its own words.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "bpf/load/prepare.h"

namespace bpf::load {

// What libbpf said, newest last, bounded: a hostile object can make it say anything, any number of times.
class Warnings {
 public:
  void add(std::string_view text);
  std::vector<std::string> take();

 private:
  static constexpr std::size_t kLinesMax = 64;
  static constexpr std::size_t kLineBytesMax = 512;
  std::vector<std::string> lines_;
};
Warnings& warnings();

struct LoadPlan {
  std::string object_name;
  std::string pin_root;
  std::vector<std::string> programs;                 // function or section names; empty: all
  std::map<std::string, base::u32> max_entries;      // by map name
  int log_level = 0;
  bool all = false;                                  // also those whose section begins with "?"
};

struct Bind {
  std::string map;                                   // name of the section's map, as in the ELF (".rodata")
  base::u32 offset = 0;
  std::vector<std::byte> bytes;
};

struct ProgramRow {
  std::string name;
  std::string section;
  base::u32 type = 0;
  base::u32 insns = 0;
  base::u32 id = 0;                                  // 0: not loaded
};

struct MapRow {
  std::string name;
  std::string section;                               // of global data, else empty
  base::u32 id = 0;
};

struct Described {
  std::vector<ProgramRow> programs;
  std::vector<MapRow> maps;
};

// Between open and load: sees the object's BTF (may be empty) and answers which bytes of global data to set.
using BindFn = std::function<base::Result<std::vector<Bind>>(base::ConstBytes btf)>;

base::Result<Described> list_object(const Prepared& object, const LoadPlan& plan);
base::Result<Described> load_object(const Prepared& object, const LoadPlan& plan, const BindFn& bind);

}  // namespace bpf::load
