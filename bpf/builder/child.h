// SPDX-License-Identifier: Apache-2.0
// child.h — the builder's own process: reads requests from descriptor 3, answers them, until the daemon goes away.
//
// Shape     one thread; dies with its parent; limits on memory, files and, per request, CPU time.
// Errors    a message it cannot read ends it: the parent starts another one.
#pragma once

namespace bpf::builder {

inline constexpr int kChildSocket = 3;

int run_child();

}  // namespace bpf::builder
