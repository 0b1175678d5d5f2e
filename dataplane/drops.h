// SPDX-License-Identifier: Apache-2.0
// drops.h — names and sentences of drops.def.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/types.h"

namespace dataplane {

enum class DropReason : base::u8 {
#define DROP_REASON(name, sentence) name,
#include "dataplane/drops.def"
};

struct DropText {
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array kDropReasons = {
#define DROP_REASON(name, sentence) DropText{#name, sentence},
#include "dataplane/drops.def"
};
inline constexpr std::size_t kDropReasonCount = kDropReasons.size();

inline constexpr const DropText& drop_text(DropReason reason) {
  return kDropReasons[std::size_t(reason)];
}

}  // namespace dataplane
