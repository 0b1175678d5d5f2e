// SPDX-License-Identifier: Apache-2.0
// programs.h — the programs, maps and attachments of a configuration, brought to life through the door.
//
// Shape     load_programs: each object once, with its constants and map sizes; fill_maps: the entries written in the
//           file; find_attachments: which loaded program goes on which hook. All of it happens in `sluiced --check`
//           too.
// Threads   control thread.
// Errors    diagnostics at the item's place in the file; the sentence is the loader's, the door's or the verifier's
//           own.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostics.h"
#include "control/daemon/assemble.h"
#include "control/door.h"
#include "control/load_object.h"

namespace control {

struct NamedObject {
  const config::Program* item = nullptr;  // of the Config, which outlives this
  LoadedObject object;
};

struct LoadedPrograms {
  std::vector<NamedObject> objects;       // in the order of the file

  base::u64 map_bytes() const;
};

LoadedPrograms load_programs(const config::Config& config, Door& door, config::Diagnostics& diagnostics);

void fill_maps(const config::Config& config, const Plan& plan, Door& door, LoadedPrograms& programs,
               config::Diagnostics& diagnostics);

struct PlannedAttachment {
  config::Hook hook = config::Hook::kXdp;
  std::string port;
  std::shared_ptr<Program> program;
};
std::vector<PlannedAttachment> find_attachments(const config::Config& config, const LoadedPrograms& programs,
                                                config::Diagnostics& diagnostics);

}  // namespace control
