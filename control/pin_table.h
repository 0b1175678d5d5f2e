// SPDX-License-Identifier: Apache-2.0
// pin_table.h — names for objects that outlive their descriptors: kept in memory, or as entries of a real folder.
//
// Shape     in a folder each pin is a small file of its own. The pin is the file, not its name: who renames it or links
//           it renames or links the pin, and when its last name is unlinked the object is let go. The table holds each
//           file open and locked, so that its inode means nothing else and what a dead daemon left can be told.
// Threads   control thread. Lifetime: the files go with the table.
// Errors    EEXIST, ENOENT, EPERM, EACCES, ENOSPC as bpf(2) on a BPF file system.
// Cost      a handful of system calls a command; prune(): one per pin.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "control/object.h"

namespace control {

class PinTable {
 public:
  static constexpr std::size_t kPinsMax = 65536;  // names are the callers' to invent: a bound against a loop

  ~PinTable() { clear(); }
  // From here on pins are files below `root`, which is made if it is missing; what a dead daemon left there goes.
  base::Status open_folder(const std::string& root);

  // `name`: relative, normal ("a/b"). make_folders: those on the way are made.
  base::Status add(const std::string& name, Handle handle, uid_t owner, bool make_folders);
  // Those who are not root get what is their own, or readable for all.
  base::Result<std::shared_ptr<Object>> get(const std::string& name, uid_t uid);
  base::Status remove(const std::string& name);
  // Lets go of objects whose last name was unlinked.
  void prune();
  std::vector<std::string> names_of(const Object& object) const;
  void clear();

 private:
  struct Pin {
    Handle handle;
    base::UniqueFd file;  // -1: in memory
  };

  bool is_folder() const noexcept { return bool(root_); }
  base::Result<u64> find_file(const std::string& name, uid_t uid) const;
  base::Result<base::UniqueFd> make_file(const std::string& name, uid_t owner, bool make_folders);

  base::UniqueFd root_;
  std::string root_path_;
  std::map<std::string, Pin> by_name_;  // in memory
  std::map<u64, Pin> by_file_;          // by inode
};

}  // namespace control
