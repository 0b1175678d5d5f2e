// SPDX-License-Identifier: Apache-2.0
// sock_access.cc — loads from the sockets that helpers and contexts hand out. Programs never write them.
//
// Source    struct bpf_sock, bpf_tcp_sock and bpf_xdp_sock of the UAPI; the offsets and widths that the host kernel
//           takes were asked of it one by one.
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

// Which narrower loads of a word are allowed.
enum class Narrow : u8 { none, first_byte, any };

struct SockField {
  u16 offset;
  u16 size;
  Narrow narrow;
  bool common;  // also of a socket that may be no full one
};

constexpr SockField kSock[] = {
    {0, 4, Narrow::none, true},          // bound_dev_if
    {4, 4, Narrow::first_byte, true},    // family
    {8, 4, Narrow::first_byte, false},   // type
    {12, 4, Narrow::first_byte, false},  // protocol
    {16, 4, Narrow::none, false},        // mark
    {20, 4, Narrow::none, false},        // priority
    {24, 4, Narrow::any, true},          // src_ip4
    {28, 16, Narrow::any, true},         // src_ip6
    {44, 4, Narrow::first_byte, true},   // src_port
    {48, 2, Narrow::any, true},          // dst_port
    {52, 4, Narrow::any, true},          // dst_ip4
    {56, 16, Narrow::any, true},         // dst_ip6
    {72, 4, Narrow::first_byte, true},   // state
    {76, 4, Narrow::first_byte, true},   // rx_queue_mapping
};
constexpr s64 kDstPort = 48;

bool sock_load_ok(s64 off, int bytes, bool common_only) {
  if (off == kDstPort && bytes == 4) return true;  // as programs of older headers read it
  for (const SockField& f : kSock) {
    if (off < f.offset || off + bytes > f.offset + f.size) continue;
    if (common_only && !f.common) return false;
    const int whole = f.size < 4 ? f.size : 4;
    if (bytes == whole) return true;
    return bytes < whole && (f.narrow == Narrow::any || (f.narrow == Narrow::first_byte && off == f.offset));
  }
  return false;
}

bool tcp_sock_load_ok(s64 off, int bytes) {
  constexpr s64 kBytesReceived = 80, kBytesAcked = 88, kEnd = 112;
  if (off == kBytesReceived || off == kBytesAcked) return bytes == 8;
  return bytes == 4 && off < kEnd && (off < kBytesReceived || off >= kBytesAcked + 8);
}

}  // namespace

bool Walk::access_socket(u32 r, s64 off, int bytes, Access how, int value, bool sign_extend) {
  const Reg p = reg(r);
  const std::string type = kind_text(p);
  if (how == Access::write) return refuse(EACCES, format("R%u cannot write into %s\n", r, type.c_str()));
  off += p.off;
  bool ok = off >= 0 && off % bytes == 0;
  if (p.kind == Kind::tcp_sock)
    ok = ok && tcp_sock_load_ok(off, bytes);
  else if (p.kind == Kind::xdp_sock)
    ok = ok && off == 0 && bytes == 4;
  else
    ok = ok && sock_load_ok(off, bytes, p.kind == Kind::sock_common);
  if (!ok)
    return refuse(EACCES, format("R%u invalid %s access off=%lld size=%d\n", r, type.c_str(),
                                 static_cast<long long>(off), bytes));
  if (value >= 0) put_loaded(value, bytes, sign_extend);
  return true;
}

}  // namespace bpf::verifier
