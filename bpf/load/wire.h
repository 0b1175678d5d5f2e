// SPDX-License-Identifier: Apache-2.0
// wire.h — messages between a client of the bpf(2) door and its server.
//
// Shape     one SEQPACKET message = Header + body; descriptors ride beside it (SCM_RIGHTS). A body above
//           kInlineBytesMax lies in a memfd, the last descriptor of the message; it is read with pread, never mapped,
//           so that a peer that truncates it cannot hurt.
//
//             call   CallHead, attr[attr_bytes], RangeHead[range_count], s32 fd numbers[fd_count], bytes of the in
//             ranges
//             reply  ReplyHead, attr[attr_bytes], PatchHead[patch_count], bytes of the patches
//             ask    AskHead, s32 fd numbers[fd_count], bytes: what bpf(2) has no command for
//             text   its answer: bytes, and descriptors where the question has some
//             opened, bind, result   JSON text (the loader's own talk; load_protocol in loader.cc)
//
//           fd_count descriptors follow in the same order as their numbers. A reply that carries a handle carries one.
//           A handle that came along once need not come again: its inode and how it is open name it, as long as the
//           server finds that very handle behind them.
// Threads   plain bytes. Both ends are on one machine: host byte order.
// Errors    a message that does not add up ends the connection (EPROTO).
#pragma once

#include <cstddef>

#include "base/types.h"

namespace bpf::load {

inline constexpr base::u32 kWireMagic = 0x736c6331;           // "slc1"
inline constexpr base::u32 kInlineBytesMax = 96U << 10;       // below the default socket buffer of 208 KiB
inline constexpr base::u32 kBodyBytesMax = 160U << 20;        // two ranges of 64 MiB and their heads
inline constexpr base::u32 kMessageFdsMax = 253;              // SCM_MAX_FD

enum class MessageKind : base::u32 { call = 1, reply, load, opened, bind, result, ask, text };

struct Header {
  base::u32 magic;
  MessageKind kind;
  base::u32 body_bytes;
  base::u32 bulk;            // 1: the body is in the last descriptor
};

struct CallHead {
  base::u32 cmd;
  base::u32 attr_bytes;      // what the caller passed as size
  base::u32 range_count;
  base::u32 fd_count;
  base::u64 known_inode;     // of a handle that came along with an earlier call of this connection; 0: of none
  base::s32 known_fd;        // the number that its client knows it by
  base::u32 known_mode;      // how it is open: O_ACCMODE
};

struct RangeHead {
  base::u32 pointer_offset;  // in bpf_attr
  base::u32 bytes;
};

struct ReplyHead {
  base::s64 result;          // >= 0, or a negative errno
  base::u32 has_handle;      // 1: result is a new descriptor, which rides beside
  base::u32 attr_bytes;
  base::u32 patch_count;
  base::u32 unknown_handle;  // 1: nothing was done, known_inode means nothing here; once more, with the descriptor
};

// Bytes to store at an address that the caller itself named (in attr, or inside an info struct).
struct PatchHead {
  base::u64 address;
  base::u32 bytes;
  base::u32 reserved;
};

enum class Question : base::u32 {
  fdinfo = 1,                // of one descriptor: the lines that Linux has behind pos, flags, mnt_id and ino
  ports,                     // "ifindex name" per line
  host_types,                // the bytes of /sys/kernel/btf/vmlinux
  pin_root,                  // where pins live
  watch,                     // of a ring buffer and a socket, which gets a byte whenever there is something new; its
                             // positions come beside, to be read
  route,                     // RouteHead and a request to rtnetlink, with the descriptors that it names; the answer's
                             // datagrams, a DatagramHead in front of each
};

struct AskHead {
  Question question;
  base::u32 fd_count;
};

static_assert(sizeof(AskHead) == 8);
static_assert(sizeof(Header) == 16 && sizeof(CallHead) == 32 && sizeof(RangeHead) == 8);
static_assert(sizeof(ReplyHead) == 24 && sizeof(PatchHead) == 16);

}  // namespace bpf::load
