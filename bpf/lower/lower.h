// SPDX-License-Identifier: Apache-2.0
// lower.h — verified program -> directly executable eBPF: context fields become host fields, calls get names.
//
// Threads   re-entrant. Errors: EINVAL only for a source that was not verified with these facts (a bug of the caller).
// Cost      linear in the instructions.
#pragma once

#include "base/result.h"
#include "bpf/program.h"

namespace bpf::lower {

// REQUIRES: `verified` came from verify(source) with error == 0.
base::Result<LoweredProgram> lower(const ProgSource& source, const VerifiedProgram& verified);

}  // namespace bpf::lower
