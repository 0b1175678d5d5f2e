// SPDX-License-Identifier: Apache-2.0
// test_run.h — what the test runs of all program types share. Private to control/.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <initializer_list>

#include "control/door_state.h"

namespace control {

inline constexpr u32 kTestLoopbackIfindex = 1;  // where a test packet comes from unless ctx_in says otherwise

// ctx_in as far as it goes, the rest zero. E2BIG where it is longer than Ctx and the surplus is not zero.
template <class Ctx>
base::Result<Ctx> read_test_ctx(const bpf::bpf_attr& attr) {
  Ctx ctx{};
  if (attr.test.ctx_in == 0) return ctx;
  const auto* bytes = user_ptr<const char>(attr.test.ctx_in);
  const u32 known = std::min<u32>(attr.test.ctx_size_in, sizeof ctx);
  std::memcpy(&ctx, bytes, known);
  if (std::any_of(bytes + known, bytes + attr.test.ctx_size_in, [](char c) { return c != 0; }))
    return base::Error(E2BIG, "ctx_in is longer than the context, and the surplus is not zero");
  return ctx;
}

// Runs the program `repeat` times, each on the context that `begin` gives: retval and duration of `attr`.
void run_test(const DoorState& state, const Program& program, bpf::bpf_attr& attr, const std::function<void*()>& begin);

// Copies at most the caller's size; a caller who gave a size that is too small learns the true one and ENOSPC.
struct TestOut {
  u64 address;
  u32 capacity;

  void put(u32 at, base::ConstBytes bytes) const {
    if (address == 0 || at >= capacity) return;
    std::memcpy(user_ptr<char>(address) + at, bytes.data(), std::min<std::size_t>(bytes.size(), capacity - at));
  }
};

// What the caller learns of the packet, in pieces, and of the context: as much as there is room for, and the size it
// has. False: it was cut. A caller without data_out, or with one of no bytes, asks for the size alone; one without
// ctx_out for nothing.
inline bool put_test_data(bpf::bpf_attr& attr, std::initializer_list<base::ConstBytes> pieces) {
  const TestOut out{attr.test.data_out, attr.test.data_size_out};
  u32 size = 0;
  for (const base::ConstBytes& piece : pieces) {
    out.put(size, piece);
    size += u32(piece.size());
  }
  attr.test.data_size_out = size;
  return out.address == 0 || out.capacity == 0 || size <= out.capacity;
}
template <class Ctx>
bool put_test_ctx(bpf::bpf_attr& attr, const Ctx& ctx) {
  const TestOut out{attr.test.ctx_out, attr.test.ctx_size_out};
  if (out.address == 0) return true;
  out.put(0, {reinterpret_cast<const std::byte*>(&ctx), sizeof ctx});
  attr.test.ctx_size_out = sizeof ctx;
  return out.capacity >= sizeof ctx;
}

Answer test_run_xdp(DoorState& state, const Program& program, bpf::bpf_attr& attr);
Answer test_run_flow(DoorState& state, const Program& program, bpf::bpf_attr& attr);
Answer test_run_lookup(DoorState& state, const Program& program, bpf::bpf_attr& attr);
Answer test_run_skb(DoorState& state, const Program& program, bpf::bpf_attr& attr);

}  // namespace control
