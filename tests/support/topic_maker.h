// SPDX-License-Identifier: Apache-2.0
// topic_maker.h — random programs of many types, put together from topics of the verifier at their edges.
//
// Shape     make_topic_program(seed): the same seed gives the same program. Its maps are those of fuzz_maps() and,
//           behind them, a ring buffer and an array of programs. Each topic keeps a contract with the others: r6 is
//           the context, r7 and r8 are numbers, r9 is anything; it leaves early to the program's end.
#pragma once

#include "bpf/program.h"

namespace support {

bpf::ProgSource make_topic_program(base::u64 seed);

}  // namespace support
