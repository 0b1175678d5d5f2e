// SPDX-License-Identifier: Apache-2.0
// Requests to rtnetlink on ports that only write down what happens to them. What the host answers to the same with each
// combination of flags and descriptors: tests/e2e/netlink_test.py.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "bpf/abi/flags.h"
#include "bpf/load/channel.h"
#include "bpf/load/route_fds.h"
#include "tests/support/insn.h"
#include "tests/support/slice.h"
#include "tests/unit/control/bpf_calls.h"
#include "tests/unit/control/fake_ports.h"

namespace control_test {
namespace {

using namespace support;
namespace route = bpf::route;
using Bytes = std::vector<std::byte>;

template <class T>
void put(Bytes& out, const T& v) {
  const auto bytes = bpf::load::bytes_of(v);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Bytes request(base::u16 type, base::u16 flags, base::s32 index) {
  Bytes out;
  put(out, bpf::load::RouteHead{1234, 1});
  put(out, route::Header{sizeof(route::Header) + sizeof(route::LinkHead), type, flags, 77, 0});
  put(out, route::LinkHead{0, 0, 0, index, 0, 0});
  return out;
}

Bytes set_program(base::s32 index, base::s32 fd, u32 xdp_flags = 0) {
  Bytes out = request(route::kSetLink, route::kRequest | route::kAck, index);
  put(out, route::AttributeHead{4 + 2 * 8, route::kXdp | route::kNested});
  put(out, route::AttributeHead{8, route::kXdpFd});
  put(out, fd);
  put(out, route::AttributeHead{8, route::kXdpFlags});
  put(out, xdp_flags);
  const auto size = u32(out.size() - sizeof(bpf::load::RouteHead));
  std::memcpy(out.data() + sizeof(bpf::load::RouteHead), &size, sizeof size);
  return out;
}

class Rtnetlink : public testing::Test {
 protected:
  // Types of the messages of the answer, and the number of the last error.
  std::vector<base::u16> ask(const Bytes& bytes) {
    const std::string text = local.door.answer_route(local.client, bytes);
    bpf::load::BodyReader reader(std::as_bytes(std::span(text)));
    std::vector<base::u16> types;
    bpf::load::DatagramHead datagram;
    for (base::ConstBytes part; reader.take(datagram) && reader.take_bytes(datagram.bytes, part);) {
      EXPECT_LE(part.size(), 8192U);
      route::MessageReader messages(part);
      route::Header head;
      for (base::ConstBytes message; messages.next(head, message);) {
        EXPECT_EQ(head.port, 1234U);
        types.push_back(head.type);
        if (head.type == route::kError) std::memcpy(&error, message.data() + sizeof head, sizeof error);
      }
    }
    EXPECT_TRUE(reader.empty());
    return types;
  }
  int set(base::s32 index, base::s32 fd, u32 flags = 0) {
    error = 1;
    EXPECT_EQ(ask(set_program(index, fd, flags)), std::vector{base::u16{route::kError}});
    return error;
  }
  long load() {
    const auto insns = code({mov64_imm(R0, 2), exit_insn()});
    bpf_attr attr = Local::load_attr(insns);
    return local.call(bpf::BPF_PROG_LOAD, attr);
  }

  FakePorts ports;
  Local local{ports.config()};
  base::s32 error = 0;
};

TEST_F(Rtnetlink, AListHasEveryPortAndEnds) {
  constexpr base::u16 kNew = route::kNewLink, kEnd = route::kDone;
  EXPECT_EQ(ask(request(route::kGetLink, route::kRequest | route::kDump, 0)), (std::vector{kNew, kNew, kNew, kEnd}));
  EXPECT_EQ(ask(request(route::kGetLink, route::kRequest, 3)), std::vector{kNew});
  EXPECT_EQ(ask(request(route::kGetQdisc, route::kRequest | route::kDump, 0)), std::vector{kEnd});
  EXPECT_EQ(ask(request(route::kGetLink, route::kRequest, 77)), std::vector{base::u16{route::kError}});
  EXPECT_EQ(error, -ENODEV);
}

TEST_F(Rtnetlink, AProgramStaysWhenItsDescriptorIsClosedAndGoesWhenItIsTakenOff) {
  const long program = load();
  ASSERT_GE(program, 0);
  EXPECT_EQ(set(2, int(program)), 0);
  local.client.close(int(program));
  EXPECT_EQ(ports.programs.size(), 1U);
  EXPECT_EQ(local.door.programs().size(), 1U);
  EXPECT_EQ(set(2, -1), 0);
  EXPECT_TRUE(ports.programs.empty());
  EXPECT_TRUE(local.door.programs().empty());
}

TEST_F(Rtnetlink, WhatAPortRefusesLeavesTheOldProgram) {
  const long one = load(), two = load();
  EXPECT_EQ(set(2, int(one)), 0);
  const u32 before = ports.programs.at(2);
  ports.refuse = true;
  EXPECT_EQ(set(2, int(two)), -ENOMEM);
  EXPECT_EQ(set(2, -1), -ENOMEM);
  ports.refuse = false;
  EXPECT_EQ(ports.programs.at(2), before);
  EXPECT_EQ(set(2, int(two), bpf::XDP_FLAGS_UPDATE_IF_NOEXIST), -EBUSY);
  EXPECT_EQ(set(2, int(two)), 0);
  EXPECT_NE(ports.programs.at(2), before);
}

TEST_F(Rtnetlink, HostileRequestsAreAnsweredOrNotButNeverHurt) {
  const auto seed = support::slice_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const Bytes good = set_program(2, int(load()));
  EXPECT_EQ(bpf::load::find_route_fds(base::ConstBytes(good).subspan(sizeof(bpf::load::RouteHead))).size(), 1U);
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = good;
    for (u32 flips = random() % 4; flips > 0; --flips) bytes[random() % bytes.size()] = std::byte(random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    (void)bpf::load::find_route_fds(bytes);
    (void)local.door.answer_route(local.client, bytes);
  }
  EXPECT_EQ(set(3, -1), 0);
}

}  // namespace
}  // namespace control_test
