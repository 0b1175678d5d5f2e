// SPDX-License-Identifier: Apache-2.0
// case_btf.h — BTF and func_info of a program given as text, from one line of C per function.
//
// Shape     a line names a label and its signature: `static long cb(u64 i, struct pair *ctx)`. The entry is `main`.
//           Parameter tags stand behind the name: `char *p __arg_nonnull`. Known types: void, char, short, int, long,
//           u8 to u64, s8 to s64, `struct NAME` (two u64 unless the name ends in _N: N bytes; `struct bpf_dynptr` and
//           context structs by their own names: their size does not matter), pointers to them, `enum e`.
//           `__exception` behind a signature makes it the exception callback of main.
// Errors    EINVAL with the word that is not understood.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/program.h"

namespace support {

// Fills source.btf and source.func_info. Every subprogram of `labels` that is named in `lines` gets an entry; the
// verifier wants all of them named. REQUIRES: labels from assemble().
base::Status add_functions(bpf::ProgSource& source, const std::vector<std::string>& lines,
                           const std::map<std::string, std::size_t>& labels);

// The program's BTF is `blob`, as it stands: func_info for the entry (`entry` there) and every label that names a
// function.
base::Status use_object_types(bpf::ProgSource& source, const std::vector<std::byte>& blob,
                              const std::map<std::string, std::size_t>& labels);

}  // namespace support
