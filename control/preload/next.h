// SPDX-License-Identifier: Apache-2.0
// next.h — passing on: the function that a name would have meant without this library, and its errno.
#pragma once

#include <dlfcn.h>

#include <cerrno>

namespace preload {

// Cost: a look-up of the symbol; callers keep what they get.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// A look aside must not change what the program finds in errno.
class ErrnoKept {
 public:
  ErrnoKept() : value_(errno) {}
  ~ErrnoKept() { errno = value_; }
  ErrnoKept(const ErrnoKept&) = delete;
  ErrnoKept& operator=(const ErrnoKept&) = delete;

 private:
  int value_;
};

}  // namespace preload
