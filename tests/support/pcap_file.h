// SPDX-License-Identifier: Apache-2.0
// pcap_file.h — the packets of a classic capture file, without libpcap.
//
// Threads   re-entrant.
// Errors    EINVAL: not a little-endian capture of Ethernet frames, or cut off.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace support {

base::Result<std::vector<std::vector<std::byte>>> read_pcap(const std::string& path);

}  // namespace support
