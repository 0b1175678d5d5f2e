// SPDX-License-Identifier: Apache-2.0
// sanitized.h — whether this build runs under a sanitizer whose shadow memory no address-space limit allows.
//
// Shape     kSanitized; and, for what the preprocessor has to leave out, SLUICE_SANITIZED.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLUICE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLUICE_SANITIZED 1
#endif
#endif

namespace base {

#ifdef SLUICE_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace base
