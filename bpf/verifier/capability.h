// SPDX-License-Identifier: Apache-2.0
// capability.h — which programs a user without all capabilities may load at all.
//
// Source    asked of Linux 6.18 for every program type and set of capabilities.
#pragma once

#include <optional>

#include "bpf/program.h"
#include "bpf/verifier/problem.h"

namespace bpf::verifier {

std::optional<Problem> check_capabilities(const ProgSource& source);

}  // namespace bpf::verifier
