// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/rig.h"

#include <cstring>

#include "bpf/runtime/burst.h"

namespace test {
namespace {

template <class Function>
struct NativeProgram {
  bpf_prog prog{};
  Function function = nullptr;
};

u64 run_native(void* ctx, bpf_env* env, const bpf_prog* self) {
  return static_cast<const NativeProgram<XdpFunction>*>(self->engine)->function(static_cast<xdp_buff*>(ctx), env);
}

u64 run_native_tc(void* ctx, bpf_env* env, const bpf_prog* self) {
  return static_cast<const NativeProgram<TcFunction>*>(self->engine)->function(static_cast<sk_buff*>(ctx), env);
}

template <int kMay>
void burst_native(struct xdp_burst* burst, bpf_env* env, const bpf_prog* self) {
  xdp_burst(burst, env, self, run_native, kMay);
}

}  // namespace

std::shared_ptr<const dataplane::AttachedProgram> make_program(XdpFunction function, u32 id, bool burst,
                                                               bool moves_packet) {
  auto native = std::make_shared<NativeProgram<XdpFunction>>();
  native->function = function;
  native->prog.run = run_native;
  native->prog.burst = !burst         ? nullptr
                       : moves_packet ? burst_native < XDP_BURST_REDIRECTS | XDP_BURST_MOVES >
                                      : burst_native<XDP_BURST_REDIRECTS>;
  native->prog.id = id;
  native->prog.engine = native.get();
  return std::make_shared<dataplane::AttachedProgram>(&native->prog, native);
}

std::shared_ptr<const dataplane::AttachedProgram> make_tc_program(TcFunction function, u32 id) {
  auto native = std::make_shared<NativeProgram<TcFunction>>();
  native->function = function;
  native->prog.run = run_native_tc;
  native->prog.id = id;
  native->prog.engine = native.get();
  return std::make_shared<dataplane::AttachedProgram>(&native->prog, native);
}

u32 redirect_to(bpf_env* env, u32 ifindex) {
  return u32(::bpf_redirect(env, ifindex, 0, 0, 0, 0));
}

u32 redirect_to_map(bpf_env* env, u32 map_id, u32 ifindex, u32 flags) {
  env->redirect = {.kind = BPF_REDIRECT_MAP, .target = ifindex, .map_id = map_id, .flags = flags};
  return BPF_RT_XDP_REDIRECT;
}

u32 number_of(const xdp_buff* ctx) {
  u32 number = 0;
  std::memcpy(&number, static_cast<const u8*>(ctx->data) + 14, sizeof number);
  return number;
}

u32 number_of(const sk_buff* ctx) {
  u32 number = 0;
  std::memcpy(&number, static_cast<const u8*>(ctx->data) + 14, sizeof number);
  return number;
}

std::vector<u32> numbers(const std::vector<Frame>& frames) {
  std::vector<u32> list;
  for (const Frame& frame : frames) {
    const auto number = frame_number(frame.data(), u32(frame.size()));
    EXPECT_TRUE(number) << "damaged frame";
    list.push_back(number.value_or(~0u));
  }
  return list;
}

std::vector<u32> every(u32 count, u32 step, u32 first) {
  std::vector<u32> list;
  for (u32 i = first; i < count; i += step) list.push_back(i);
  return list;
}

Rig::Rig(const std::vector<std::string>& names, const RigOptions& options) {
  static u32 serial = 0;
  auto pool = drivers::Mempool::make({.name = "rig" + std::to_string(serial++), .mbufs = options.mbufs, .cache = 0});
  if (!pool) throw std::runtime_error(pool.error().what());
  pool_ = *std::move(pool);
  dataplane::DataplaneSpec spec;
  const auto cpus = usable_cpus();
  for (u32 w = 0; w < options.workers; ++w)
    spec.workers.push_back({.name = "w" + std::to_string(w), .cpu = cpus[(w + 1) % cpus.size()], .poll = options.poll});
  u32 ifindex = kFirstIfindex;
  const auto open = [&](const std::string& name, const std::string& peer, u32 mtu, u32 index) {
    auto port = drivers::open_port({.name = name,
                                    .kind = drivers::PortKind::ring,
                                    .ifindex = index,
                                    .mtu = mtu,
                                    .options = drivers::RingOptions{.peer = peer, .slots = options.ring_slots}},
                                   *pool_);
    if (!port) throw std::runtime_error(port.error().what());
    return *std::move(port);
  };
  for (const std::string& name : names) {
    inside_[name] = open(name, name + "-out", 1500, ifindex++);
    outside_[name] = open(name + "-out", name, options.outside_mtu, 1000 + ifindex);
    EXPECT_TRUE(outside_[name]->start());
    spec.ports.push_back({.port = inside_[name].get(), .spread = options.spread});
  }
  auto plane = dataplane::Dataplane::make(spec);
  if (!plane) throw std::runtime_error(plane.error().what());
  plane_ = *std::move(plane);
}

Rig::~Rig() {
  plane_.reset();
  inside_.clear();
  outside_.clear();
  EXPECT_EQ(pool_->available(), pool_->size()) << "buffers leaked";
}

void Rig::start() {
  const auto status = plane_->start();
  ASSERT_TRUE(status) << status.error().what();
}

void Rig::feed(const std::string& name, const std::vector<Frame>& frames) {
  const u64 before = inside(name).stats().rx_packets;
  std::size_t at = 0;
  EXPECT_TRUE(wait_until([&] {
    const std::size_t end = std::min(at + 32, frames.size());
    at += send_frames(outside(name), std::vector<Frame>(frames.begin() + long(at), frames.begin() + long(end)));
    return at == frames.size() && inside(name).stats().rx_packets == before + frames.size();
  })) << "the data plane took "
      << inside(name).stats().rx_packets - before << " of " << frames.size();
}

std::vector<Frame> Rig::collect(const std::string& name) {
  std::vector<Frame> all;
  for (auto some = receive_frames(outside(name)); !some.empty(); some = receive_frames(outside(name)))
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

dataplane::Snapshot Rig::finish() {
  plane_->stop();
  auto snapshot = plane_->snapshot();
  expect_accounted(snapshot, true);
  return snapshot;
}

std::vector<Frame> numbered(u32 first, u32 count, u32 bytes) {
  std::vector<Frame> frames;
  for (u32 i = 0; i < count; ++i) frames.push_back(make_frame(first + i, bytes));
  return frames;
}

u64 drops(const dataplane::Snapshot& snapshot, const std::string& port, dataplane::DropReason reason) {
  return snapshot.find_port(port)->entry.drops[std::size_t(reason)];
}

u64 sent(const dataplane::Snapshot& snapshot, const std::string& entry, const std::string& egress) {
  for (std::size_t p = 0; p < snapshot.ports.size(); ++p)
    if (snapshot.ports[p].name == egress) return snapshot.find_port(entry)->entry.sent[p];
  return 0;
}

void expect_accounted(const dataplane::Snapshot& snapshot, bool stopped) {
  EXPECT_TRUE(snapshot.exact);
  EXPECT_EQ(dataplane::check_accounting(snapshot), "");
  for (const auto& port : snapshot.ports) {
    EXPECT_LT(port.entry.held, u64(1) << 32) << port.name << ": negative";
    if (!stopped) continue;
    EXPECT_EQ(port.entry.held, 0u) << port.name;
    EXPECT_EQ(port.entry.received, port.device.rx_packets) << port.name;
    EXPECT_EQ(port.sent_packets, port.device.tx_packets) << port.name;
  }
}

}  // namespace test
