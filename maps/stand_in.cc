// SPDX-License-Identifier: Apache-2.0
#include "maps/stand_in.h"

#include "maps/head.h"
#include "maps/ops.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({});

class StandIn final : public bpf::Map {
 public:
  explicit StandIn(const bpf::MapSpec& spec) : bpf::Map(spec) { fill_head(map_, spec, &kRuntime); }

  static base::Status check(const bpf::MapSpec&) { return base::success(); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    return std::unique_ptr<bpf::Map>(std::make_unique<StandIn>(spec));
  }

  bpf_map* head() noexcept override { return &map_; }
  u64 memory_bytes() const { return sizeof *this; }
  u64 entry_count() const { return 0; }
  // Whether its type has such values is the verifier's to judge; nobody goes to the address.
  base::Result<u64> direct_value(u32) const { return u64{0}; }

 private:
  bpf_map map_{};
};

constinit const bpf::MapOps kOps = map_ops<StandIn>();

}  // namespace

const bpf::MapOps& stand_in_map_ops() { return kOps; }

}  // namespace maps
