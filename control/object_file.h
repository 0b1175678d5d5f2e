// SPDX-License-Identifier: Apache-2.0
// object_file.h — opening what somebody says is an eBPF object: the mistakes a person makes, each in one sentence.
//
// Threads   re-entrant. Errors: ENOENT, EACCES, EISDIR, ENOEXEC (not an eBPF object), EFBIG.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace control {

// A regular file with the head of a relocatable eBPF ELF of this machine's byte order. Its inside is libbpf's to judge.
base::Result<base::UniqueFd> open_object_file(const std::string& path);

}  // namespace control
