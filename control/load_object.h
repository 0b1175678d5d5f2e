// SPDX-License-Identifier: Apache-2.0
// load_object.h — an object file becomes programs and maps: starts sluice-loader, serves its commands on this thread.
//
// Shape     load_object: all programs (or those named) together, as an application would load them.
//           judge_object: each program alone; a verdict for each, nothing stays loaded.
// Threads   control thread; blocks until the loader is done, at most kLoaderSilenceMsMax after its last word.
// Lifetime  what is returned keeps its programs and maps alive. When loading fails nothing stays: no map, no pin.
// Errors    one sentence that begins with the object's path: what libbpf, the door or the verifier refused, and why.
// Cost      about 10 ms for the process and libbpf's probes, then the builder.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "control/client.h"
#include "control/door.h"
#include "control/globals.h"

namespace control {

struct LoadRequest {
  std::string path;
  std::vector<std::string> programs;             // function or section names; empty: all
  // Called once the object is open: which bytes of its global data to set. Empty: none. find_global() finds variables.
  std::function<base::Result<std::vector<GlobalBytes>>(const bpf::btf::Btf&)> set_globals;
  std::map<std::string, u32> max_entries;        // by map name
  std::string pin_root;                          // for LIBBPF_PIN_BY_NAME; empty: the door's
  std::string vmlinux_btf;                       // file; empty: our host's types
  bpf::Capabilities caps;                        // of the user that loads
  u32 log_level = 0;
  std::string loader;                            // program to start; empty: sluice-loader beside this one
};

struct LoadedProgram {
  std::string name;
  std::string section;
  bpf::bpf_prog_type type = bpf::BPF_PROG_TYPE_UNSPEC;
  Handle handle;                                 // user of the program
  std::shared_ptr<Program> program;
};

struct LoadedMap {
  std::string name;
  std::string section;                           // ".rodata", ".bss", ... of global data; else empty
  Handle handle;
  std::shared_ptr<Map> map;
};

struct LoadedObject {
  std::vector<LoadedProgram> programs;
  std::vector<LoadedMap> maps;
  std::vector<std::string> warnings;             // libbpf's, although it went well

  const LoadedProgram* find_program(std::string_view name_or_section) const;
  const LoadedMap* find_map(std::string_view name) const;
};

base::Result<LoadedObject> load_object(Door& door, const LoadRequest& request);

struct Judgement {
  std::string name;
  std::string section;
  bpf::bpf_prog_type type = bpf::BPF_PROG_TYPE_UNSPEC;
  u32 insns = 0;
  int error = 0;                                 // 0: accepted
  std::string sentence;                          // why not
  LoadReport report;                             // report.judged: the verifier saw it
};

// An Error: the object itself is unreadable. A refused program is a Judgement.
base::Result<std::vector<Judgement>> judge_object(Door& door, const LoadRequest& request);

}  // namespace control
