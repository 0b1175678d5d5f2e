// SPDX-License-Identifier: Apache-2.0
#include "maps/head.h"

#include <algorithm>

namespace maps {

void fill_head(bpf_map& head, const bpf::MapSpec& spec, const bpf_map_runtime* runtime) {
  head = {};
  head.shape = {spec.key_size, spec.value_size, spec.max_entries, spec.map_flags};
  head.map_type = spec.type;
  head.map_extra = spec.map_extra;
  head.runtime = runtime;
  head.fields = spec.fields.get();
  std::copy_n(spec.name.begin(), std::min(spec.name.size(), sizeof head.name - 1), head.name);
}

}  // namespace maps
