// SPDX-License-Identifier: Apache-2.0
// route.h — the part of rtnetlink that programs on devices are set with and devices are listed by.
//
// Source    rtnetlink(7), netlink(7). Numbers of our own: <linux/if_link.h> makes macros of names that flags.h has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include "base/types.h"

namespace bpf::route {

using base::s32;
using base::u16;
using base::u32;
using base::u64;
using base::u8;

enum Message : u16 {
  kError = 2, kDone = 3,
  kNewLink = 16, kDelLink = 17, kGetLink = 18, kSetLink = 19,
  kGetAddress = 22, kGetQdisc = 38, kGetClass = 42, kGetFilter = 46, kGetChain = 102,
};
enum Flag : u16 {
  kRequest = 1, kMulti = 2, kAck = 4, kDump = 0x300, kCreate = 0x400,
  kCapped = 0x100, kErrorTexts = 0x200,          // of an error: the request is cut off; texts follow
};
enum LinkAttribute : u16 {
  kAddress = 1, kBroadcast = 2, kName = 3, kMtu = 4, kQdisc = 6, kQueueLength = 13, kOperState = 16, kLinkMode = 17,
  kStats64 = 23, kGroup = 27, kExtMask = 29, kPromiscuity = 30, kTxQueues = 31, kRxQueues = 32, kCarrier = 33,
  kXdp = 43,
};
enum XdpAttribute : u16 {
  kXdpFd = 1, kXdpAttached = 2, kXdpFlags = 3, kXdpProgId = 4, kXdpDrvProgId = 5, kXdpSkbProgId = 6, kXdpExpectedFd = 8,
};
enum XdpAttached : u8 { kAttachedNone = 0, kAttachedDrv = 1, kAttachedSkb = 2 };
inline constexpr u16 kErrorText = 1;               // of an error
inline constexpr u32 kSkipStats = 1U << 3;         // bit of kExtMask
inline constexpr u8 kOperUp = 6, kOperDown = 2;
inline constexpr u16 kEthernet = 1;                // device type
enum DeviceFlag : u32 { kUp = 1, kBroadcasts = 2, kRunning = 0x40, kMulticast = 0x1000, kLowerUp = 0x10000 };

struct Header {
  u32 bytes;
  u16 type;
  u16 flags;
  u32 sequence;
  u32 port;
};

struct LinkHead {
  u8 family;
  u8 pad;
  u16 device_type;
  s32 index;
  u32 flags;
  u32 change;
};

struct AttributeHead {
  u16 bytes;
  u16 type;                                        // the upper two bits say how it is written
};
inline constexpr u16 kTypeMask = 0x3fff;
inline constexpr u16 kNested = 0x8000;

static_assert(sizeof(Header) == 16 && sizeof(LinkHead) == 16 && sizeof(AttributeHead) == 4);

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

struct Attribute {
  u16 type = 0;
  base::ConstBytes bytes;

  // Empty: it is too short for a T.
  template <class T>
  std::optional<T> as() const {
    if (bytes.size() < sizeof(T)) return std::nullopt;
    T v;
    __builtin_memcpy(&v, bytes.data(), sizeof v);
    return v;
  }
};

// Takes attributes off the front; ends at the first that does not fit.
class AttributeReader {
 public:
  explicit AttributeReader(base::ConstBytes bytes) : rest_(bytes) {}

  bool next(Attribute& out) {
    AttributeHead head;
    if (rest_.size() < sizeof head) return false;
    __builtin_memcpy(&head, rest_.data(), sizeof head);
    if (head.bytes < sizeof head || head.bytes > rest_.size()) return false;
    out = {u16(head.type & kTypeMask), rest_.subspan(sizeof head, head.bytes - sizeof head)};
    rest_ = rest_.subspan(std::min(padded(head.bytes), rest_.size()));
    return true;
  }

 private:
  base::ConstBytes rest_;
};

// Takes messages off the front of what was sent at once.
class MessageReader {
 public:
  explicit MessageReader(base::ConstBytes bytes) : rest_(bytes) {}

  // `message`: the whole of it, with its header.
  bool next(Header& head, base::ConstBytes& message) {
    if (rest_.size() < sizeof head) return false;
    __builtin_memcpy(&head, rest_.data(), sizeof head);
    if (head.bytes < sizeof head || head.bytes > rest_.size()) return false;
    message = rest_.first(head.bytes);
    rest_ = rest_.subspan(std::min(padded(head.bytes), rest_.size()));
    return true;
  }

 private:
  base::ConstBytes rest_;
};

// Attributes of a message about a device; empty when it is cut off.
inline base::ConstBytes link_attributes(base::ConstBytes message) {
  constexpr std::size_t kBegin = sizeof(Header) + sizeof(LinkHead);
  return message.size() < kBegin ? base::ConstBytes{} : message.subspan(kBegin);
}

}  // namespace bpf::route
