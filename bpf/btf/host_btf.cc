// SPDX-License-Identifier: Apache-2.0
#include "bpf/btf/host_btf.h"

// The two ends of the section: bpf/btf/meson.build writes the assembler file that includes it.
extern "C" const std::byte sluice_host_btf_begin[];
extern "C" const std::byte sluice_host_btf_end[];

namespace bpf::btf {

base::ConstBytes host_btf() noexcept { return {sluice_host_btf_begin, sluice_host_btf_end}; }

}  // namespace bpf::btf
