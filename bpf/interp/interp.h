// SPDX-License-Identifier: Apache-2.0
// interp.h — the reference interpreter: small, plain, the second engine that every test runs beside the JIT.
//
// Threads   an Image is immutable; run() from any thread with its own env. Lifetime: the Image outlives every run.
// Cost      a few ns per instruction; never used on the packet path.
#pragma once

#include <memory>
#include <span>

#include "bpf/abi/host/bpf_map.h"
#include "bpf/program.h"

namespace bpf::interp {

class Image {
 public:
  virtual ~Image() = default;
  virtual const bpf_prog* prog() const noexcept = 0;
};

// maps[i] is the live map of program.maps[i].
std::unique_ptr<Image> make_image(LoweredProgram program, std::span<bpf_map* const> maps, u32 id = 0);

}  // namespace bpf::interp
