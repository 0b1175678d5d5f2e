// SPDX-License-Identifier: Apache-2.0
// abi_worlds.h — the same objects twice, behind the host kernel's bpf(2) and behind our door, and calls on both.
//
// Shape     a World answers calls and knows its objects by a Sym, so that one attr can be written for both. Ours is a
//           client on a socket, as every application will be: descriptors are real, bad addresses are EFAULT.
// Threads   one, and the server's. Lifetime: descriptors are closed with the World.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/types.h"

namespace abi_oracle {

using base::u32;
using base::u64;

// What a field of an attr may hold, in either world.
enum class Sym : base::u8 {
  number,  // as it stands
  map,
  prog,
  other_prog,
  btf,
  link,
  stats,
  file,  // open, of no kind that bpf(2) knows
  closed,
  cgroup,
  netns,
  port,       // a device without a program
  held_port,  // the link's
  map_id,
  prog_id,
  btf_id,
  link_id,
  zeros,    // a page of zeros: a key, a value, room for an answer
  cut,      // four bytes before memory ends
  program,  // two instructions
  license,
  types,     // BTF
  pinned,    // path of a pin
  new_path,  // path without one
};

struct Value {
  Sym sym = Sym::number;
  u64 number = 0;
};

// What a success of a command changes.
enum class Spoils : base::u8 { nothing, map, link, pins };

class World {
 public:
  virtual ~World();
  virtual long call(u32 cmd, void* attr, u32 size) = 0;
  virtual void unlink(const std::string& path) = 0;

  // Makes all objects; false: it cannot be done here.
  bool make();
  // Makes anew what a case has changed.
  bool mend(Spoils what);
  u64 resolve(const Value& value) const;

 private:
  long made(u32 cmd, void* attr);
  void keep(Sym sym, long fd);
  void note_id(Sym id, Sym object);
  void make_map();
  void make_programs();
  void make_types();
  void make_link();

  std::vector<int> fds_;  // by Sym
  std::vector<u32> ids_;  // likewise
  bool good_ = true;
};

std::unique_ptr<World> make_host_world();
std::unique_ptr<World> make_our_world();

// A network of its own with two devices, for the host's links. False: not permitted.
bool enter_network();
u32 types_bytes();

}  // namespace abi_oracle
