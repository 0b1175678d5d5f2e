// SPDX-License-Identifier: Apache-2.0
// packet_words.h — packets in words, for cases that are data.
//
//   eth 0800 | ip4 10.0.0.1 10.0.0.2 6 | tcp 1000 80 syn | fill 20
//
// Shape     layers from outside in, joined by `|`; lengths and checksums (IPv4, TCP and UDP over IPv4) are filled in.
//             eth TYPE              addresses 02:00:00:00:00:01 -> :02; TYPE in hex
//             vlan ID TYPE          one tag, TYPE of what follows in hex
//             ip4 FROM TO PROTO [ttl N] [frag N] [options N]     N bytes of options, a multiple of 4
//             ip6 FROM TO PROTO     addresses as 8 hex groups
//             tcp FROM TO [syn|ack|rst]     udp FROM TO     icmp TYPE CODE
//             fill N                N bytes 0, 1, 2, …    hex BYTES    as they stand
//             cut N                 the packet ends after N bytes
// Errors    EINVAL names the word.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace support {

base::Result<std::vector<std::byte>> parse_packet(const std::string& words);

}  // namespace support
