// SPDX-License-Identifier: Apache-2.0
// path_fuzz — frames of any bytes and lengths through the whole packet path: every one is accounted to its port by
// reason, and every buffer comes back.
//
//   path_fuzz [--seed S] [--count N] [--seconds T]
//
// Shape     a round is a data plane of two ports made anew: one worker or two, spread or not, a small mempool, small
//           rings, XDP and TC programs or none, and frames: empty, short, chains of up to 64 KiB, headers whose
//           lengths lie. What a program does follows from the frame's bytes. Round i has seed S + i and replays alone
//           with `--seed S+i --count 1`.
// Errors    exit 1 when a test of the rig failed: the law of accounting, a device that counts otherwise, a lost buffer.
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "bpf/abi/flags.h"
#include "bpf/abi/host/bpf_map.h"
#include "tests/support/slice.h"
#include "tests/unit/dataplane/rig.h"

namespace test {
namespace {

constexpr u32 kMapId = 5, kProgramId = 77;
constexpr u32 kFramesPerRound = 600;

struct Arguments {
  u64 seed = support::slice_seed();
  u64 count = ~u64(0);
  double seconds = 10;
};
Arguments arguments;

// What the frame itself tells its programs to do.
u32 dice(const void* data, const void* end) {
  u32 hash = 2166136261u;
  for (auto at = static_cast<const u8*>(data); at < static_cast<const u8*>(end); ++at) hash = (hash ^ *at) * 16777619u;
  return hash ^ hash >> 15;
}

u64 find_cpu(const void*, u32 cpu) {
  return cpu % 3 == 2 ? 0 : 16 | u64(cpu % 2 ? kProgramId : 0) << 32;
}

u32 list_devices(const void*, u64* entries, u32) {
  entries[0] = kFirstIfindex | u64(kProgramId) << 32;
  entries[1] = kFirstIfindex + 1;
  entries[2] = 999;
  return 3;
}

void move_borders(xdp_buff* ctx, u32 roll) {
  u8* const begin = static_cast<u8*>(ctx->data_hard_start);
  u8* const end = begin + ctx->frame_sz;
  u8* data = static_cast<u8*>(ctx->data) + int(roll % 257) - 128;
  u8* data_end = static_cast<u8*>(ctx->data_end) + int(roll / 257 % 257) - 128;
  if (data < begin) data = begin;
  if (data_end > end) data_end = end;
  if (data_end < data + 14) return;
  ctx->data = ctx->data_meta = data;
  ctx->data_end = data_end;
}

u32 xdp_program(xdp_buff* ctx, bpf_env* env) {
  const u32 roll = dice(ctx->data, ctx->data_end);
  if (roll & 0x100) move_borders(ctx, roll >> 9);
  switch (roll % 11) {
    case 5:
      return redirect_to(env, kFirstIfindex + roll / 11 % 3);
    case 6:
      return redirect_to_map(env, kMapId + 1, 0, u32(bpf::BPF_F_BROADCAST) | (roll & 16));
    case 7:
      env->redirect = {.kind = BPF_REDIRECT_CPU, .target = roll / 11 % 5, .map_id = kMapId, .flags = 0};
      return 4;
    case 8:
      env->redirect = {.kind = BPF_REDIRECT_MAP,
                       .target = kFirstIfindex + 1,
                       .map_id = kProgramId + (roll / 11 % 4 == 0),
                       .flags = u32(BPF_REDIRECT_ENTRY_PROG)};
      return 4;
    case 9:
      env->redirect = {.kind = BPF_REDIRECT_XSK, .target = 1, .map_id = kMapId, .flags = 0};
      return 4;
    default:
      return roll % 11;  // the verdicts, and 10, which is none
  }
}

u32 tc_program(sk_buff* ctx, bpf_env*) {
  return dice(ctx->data, ctx->data_end) % 9 - 1;  // TC_ACT_UNSPEC to TC_ACT_TRAP
}

Frame make_bytes(std::mt19937_64& random) {
  constexpr u32 kLengths[] = {0, 1, 13, 14, 15, 17, 18, 33, 34, 59, 60, 64, 128, 1514, 1518, 1519, 1900};
  Frame frame(random() % 3 ? kLengths[random() % std::size(kLengths)] : random() % 1900);
  for (u8& byte : frame) byte = u8(random());
  if (frame.size() < 14 || random() % 4 == 0) return frame;
  // Headers that look right at first: VLAN, IPv4 or IPv6 with lengths that lie.
  constexpr u8 kTypes[][2] = {{0x08, 0x00}, {0x86, 0xdd}, {0x81, 0x00}, {0x88, 0xa8}, {0x08, 0x06}};
  std::memcpy(&frame[12], kTypes[random() % std::size(kTypes)], 2);
  if (frame.size() > 24) frame[14] = u8(random() % 2 ? 0x45 : random()), frame[23] = u8(random() % 2 ? 6 : 17);
  return frame;
}

// A frame in several buffers, up to 64 KiB in all; null: the pool is empty.
rte_mbuf* make_chain(drivers::Mempool& pool, u32 bytes) {
  rte_mbuf* head = nullptr;
  while (bytes != 0) {
    rte_mbuf* part = rte_pktmbuf_alloc(pool.raw());
    if (!part) break;
    const u32 size = std::min<u32>(bytes, rte_pktmbuf_tailroom(part));
    std::memset(rte_pktmbuf_append(part, u16(size)), 0x5a, size);
    bytes -= size;
    if (head && rte_pktmbuf_chain(head, part) != 0) {
      rte_pktmbuf_free(part);
      break;
    }
    if (!head) head = part;
  }
  return head;
}

// Not all of them find room: the rings are small.
void send_some(Rig& rig, const std::string& port, std::mt19937_64& random) {
  drivers::Port& outside = rig.outside(port);
  if (random() % 16 == 0) {
    rte_mbuf* chain = make_chain(rig.pool(), u32(random() % 65536));
    if (chain && rte_eth_tx_burst(outside.id(), 0, &chain, 1) == 0) rte_pktmbuf_free(chain);
    return;
  }
  std::vector<Frame> frames(1 + random() % 32);
  for (Frame& frame : frames) frame = make_bytes(random);
  send_frames(outside, frames);
}

void attach_programs(Rig& rig, std::mt19937_64& random) {
  auto& plane = rig.plane();
  ASSERT_TRUE(plane.register_redirect_map({.map_id = kMapId, .find_cpu = find_cpu}));
  ASSERT_TRUE(plane.register_redirect_map({.map_id = kMapId + 1, .targets = list_devices}));
  plane.add_entry_program(make_program(xdp_program, kProgramId));
  for (const std::string port : {"a", "b"}) {
    if (random() % 4) ASSERT_TRUE(plane.set_on_pass(port, dataplane::PassForward{port == "a" ? "b" : "a"}));
    if (random() % 4) ASSERT_TRUE(plane.attach_xdp(port, make_program(xdp_program, 1, random() % 2)));
    for (const auto direction : {dataplane::TcDirection::ingress, dataplane::TcDirection::egress})
      if (random() % 2) ASSERT_TRUE(plane.set_tc(port, direction, {.tcx = {make_tc_program(tc_program, 2)}}));
  }
}

void run_round(u64 seed) {
  std::mt19937_64 random(seed);
  RigOptions options = {.workers = usable_cpus().size() > 1 ? 1 + u32(random() % 2) : 1,
                        .mbufs = random() % 2 ? 255u : 2047u,
                        .ring_slots = random() % 2 ? 64u : 1024u};
  if (options.workers == 2 && random() % 2) options.spread = {"w0", "w1"};
  Rig rig({"a", "b"}, options);
  attach_programs(rig, random);
  rig.start();
  for (u32 sent = 0; sent < kFramesPerRound; sent += 16) {
    send_some(rig, random() % 2 ? "a" : "b", random);
    if (random() % 8) continue;
    (void)receive_frames(rig.outside("a"));  // else what comes out stays until its ring is full
    (void)receive_frames(rig.outside("b"));
  }
  rig.finish();
  for (const char* port : {"a", "b"})  // damaged frames are the rule here
    while (!receive_frames(rig.outside(port)).empty()) {
    }
}

TEST(PathFuzz, EveryFrameIsAccountedForAndEveryBufferComesBack) {
  const auto begin = std::chrono::steady_clock::now();
  const double seconds = support::slice_length(arguments.seconds);
  u64 rounds = 0;
  for (; rounds < arguments.count; ++rounds) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() > seconds) break;
    run_round(arguments.seed + rounds);
    if (HasFailure()) {
      std::printf("FAIL at --seed %llu --count 1\n", (unsigned long long)(arguments.seed + rounds));
      return;
    }
  }
  std::printf("%llu rounds from seed %llu\n", (unsigned long long)rounds, (unsigned long long)arguments.seed);
  EXPECT_GT(rounds, 0u);
}

}  // namespace
}  // namespace test

int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seed") == 0) test::arguments.seed = std::strtoull(argv[i + 1], nullptr, 0);
    if (std::strcmp(argv[i], "--count") == 0) test::arguments.count = std::strtoull(argv[i + 1], nullptr, 0);
    if (std::strcmp(argv[i], "--seconds") == 0) test::arguments.seconds = std::strtod(argv[i + 1], nullptr);
  }
  int count = 1;
  return test::run_tests_on_eal(count, argv, test::test_eal_options("path-fuzz", test::usable_cpus()));
}
