// SPDX-License-Identifier: Apache-2.0
#include "tests/support/engine.h"

#include <sched.h>

#include <algorithm>

#include "bpf/abi/flags.h"
#include "bpf/interp/interp.h"
#include "bpf/jit/jit.h"
#include "bpf/runtime/default_host.h"
#include "bpf/runtime/runtime.h"
#include "bpf/runtime/skb_frame.h"
#include "bpf/runtime/xdp_frame.h"
#include "tests/support/burst.h"
#include "tests/support/host_kernel.h"
#include "tests/support/our_maps.h"

namespace support {
namespace {

using bpf::runtime::SkbFrame;
using bpf::runtime::XdpFrame;

// All engines run on one CPU, so that per-CPU maps are comparable: the thread is pinned to the first it may use.
base::u32 pin_to_one_cpu() {
  static const base::u32 cpu = [] {
    cpu_set_t allowed, one;
    sched_getaffinity(0, sizeof allowed, &allowed);
    int first = 0;
    while (first < CPU_SETSIZE - 1 && !CPU_ISSET(first, &allowed)) ++first;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    sched_setaffinity(0, sizeof one, &one);
    return base::u32(first);
  }();
  return cpu;
}

// Walks a map in key order: `next` and `lookup` answer as bpf(2) does, 0 or a negative errno.
template <class Next, class Lookup>
std::vector<Element> dump_map(std::size_t key_bytes, std::size_t value_bytes, Next next, Lookup lookup) {
  std::vector<Element> elements;
  Packet key, following(key_bytes);
  while (next(key, following) == 0) {
    key = following;
    Packet value(value_bytes);
    if (lookup(key, value) == 0) elements.push_back({key, std::move(value)});
  }
  std::ranges::sort(elements);
  return elements;
}

class HostEngine : public Engine {
 public:
  static base::Result<std::unique_ptr<Engine>> make(const bpf::ProgSource& source) {
    auto engine = std::make_unique<HostEngine>();
    pin_to_one_cpu();
    SLUICE_TRY(engine->maps_, host_make_maps(source));
    engine->facts_ = source.maps;
    HostLoad load = host_load(source, engine->maps_);
    if (!load.accepted()) return base::Error(load.error, "the host kernel refuses the program");
    engine->prog_ = std::move(load.prog);
    return std::unique_ptr<Engine>(std::move(engine));
  }

  base::Result<std::vector<RunResult>> run(std::span<const Packet> packets) override {
    std::vector<RunResult> results;
    for (const Packet& packet : packets) {
      SLUICE_TRY(HostRun run, host_test_run(prog_, packet));
      results.push_back({.r0 = run.retval, .output = std::move(run.data)});
    }
    return results;
  }

  SkbResult run_skb(const Packet& packet, const bpf::__sk_buff& ctx, base::u32 flags) override {
    SkbResult result{.output = {}, .ctx = ctx};
    HostCtxRun run = host_test_run(prog_, packet, std::as_writable_bytes(std::span(&result.ctx, 1)), flags);
    result.error = run.error;
    result.retval = run.retval;
    result.output = std::move(run.data);
    return result;
  }

  base::Status update(base::u32 map, base::ConstBytes key, base::ConstBytes value) override {
    return host_map_update(maps_[map], key, value);
  }

  base::Result<std::vector<Element>> dump(base::u32 map) override {
    const bpf::MapFacts& f = facts_[map];
    const std::size_t value_bytes =
        map_is_percpu(f.type) ? (f.value_size + 7) / 8 * 8 * std::size_t(host_possible_cpus()) : f.value_size;
    const auto code = [](const base::Status& s) { return s.ok() ? 0 : -s.error().code(); };
    return dump_map(
        f.key_size, value_bytes, [&](const Packet& k, Packet& n) { return code(host_map_next_key(maps_[map], k, n)); },
        [&](const Packet& k, Packet& v) { return code(host_map_lookup(maps_[map], k, v)); });
  }

  base::Status set_tail_call(base::u32 map, base::u32 index, Engine& target) override {
    const int fd = static_cast<HostEngine&>(target).prog_.get();
    return host_map_update(maps_[map], std::as_bytes(std::span(&index, 1)), std::as_bytes(std::span(&fd, 1)));
  }

 private:
  std::vector<bpf::MapFacts> facts_;
  std::vector<Fd> maps_;
  Fd prog_;
};

bpf::jit::Tier tier_of(EngineKind kind) {
  if (kind == EngineKind::checked) return bpf::jit::Tier::checked;
  return kind == EngineKind::quick || kind == EngineKind::quick_burst ? bpf::jit::Tier::quick
                                                                      : bpf::jit::Tier::optimised;
}

// The interpreter's image or the JIT's code, and its maps.
class OurEngine : public Engine {
 public:
  static base::Result<std::unique_ptr<Engine>> make(EngineKind kind, const bpf::LoweredProgram& lowered,
                                                    Objects* objects) {
    SLUICE_TRY(OurMaps maps, OurMaps::make(lowered.maps));
    auto engine = std::make_unique<OurEngine>(kind, std::move(maps));
    if (kind == EngineKind::interp) {
      engine->image_ = bpf::interp::make_image(lowered, engine->maps_.heads());
      engine->prog_ = engine->image_->prog();
    } else {
      Objects own;
      std::vector<std::byte>& object = (objects ? *objects : own)[tier_of(kind)];
      if (object.empty()) {
        SLUICE_TRY(object, bpf::jit::compile(lowered, {.tier = tier_of(kind)}));
      }
      SLUICE_TRY(engine->code_, bpf::jit::link(object, engine->maps_.heads(), lowered.type, 1));
      engine->prog_ = engine->code_->prog();
    }
    return std::unique_ptr<Engine>(std::move(engine));
  }

  OurEngine(EngineKind kind, OurMaps maps) : kind_(kind), maps_(std::move(maps)) {
    bpf::runtime::init_env(env_, pin_to_one_cpu(), bpf::runtime::default_host());
  }

  base::Result<std::vector<RunResult>> run(std::span<const Packet> packets) override {
    std::vector<RunResult> results;
    for (std::size_t at = 0; at < packets.size(); at += kBurst) {
      const std::size_t n = std::min(kBurst, packets.size() - at);
      SLUICE_CHECK(fill(packets.subspan(at, n)));
      kind_ == EngineKind::jit_burst || kind_ == EngineKind::quick_burst ? run_burst(n, results)
                                                                         : run_single(n, results);
    }
    return results;
  }

  SkbResult run_skb(const Packet& packet, const bpf::__sk_buff& ctx, base::u32 flags) override {
    SkbResult result{.output = {}, .ctx = ctx};
    const auto type = bpf::bpf_prog_type(prog_->type);
    if (packet.size() < SkbFrame::kPacketMin || packet.size() > SkbFrame::kPacketMax) return {.error = EINVAL};
    const auto made = skb_frame_->fill(type, packet, &ctx, (flags & bpf::BPF_F_TEST_SKB_CHECKSUM_COMPLETE) != 0);
    if (!made.ok()) return {.error = made.error().code()};
    bpf_env_begin(&env_);
    result.retval = base::u32(bpf_prog_run(prog_)(&skb_frame_->buff(), &env_, prog_));
    const auto finished = skb_frame_->finish();
    if (!finished.ok()) return {.error = finished.error().code()};
    const base::ConstBytes out = skb_frame_->output();
    result.output.assign(out.begin(), out.end());
    skb_frame_->store_ctx(result.ctx);
    return result;
  }

  base::Status update(base::u32 map, base::ConstBytes key, base::ConstBytes value) override {
    return maps_.update(map, key, value);
  }

  base::Result<std::vector<Element>> dump(base::u32 map) override {
    return dump_map(
        maps_.map(map).spec().key_size, maps_.value_bytes(map),
        [&](const Packet& k, Packet& n) { return maps_.next_key(map, k, n); },
        [&](const Packet& k, Packet& v) { return maps_.lookup(map, k, v); });
  }

  base::Status set_tail_call(base::u32 map, base::u32 index, Engine& target) override {
    return maps_.set_program(map, index, static_cast<OurEngine&>(target).prog_);
  }

 private:
  static constexpr std::size_t kBurst = 32;  // what a worker takes from a queue at once

  base::Status fill(std::span<const Packet> packets) {
    for (std::size_t i = 0; i < packets.size(); ++i) {
      if (packets[i].size() > XdpFrame::kPacketMax) return base::Error(EINVAL, "packet longer than a frame");
      frames_[i].fill(packets[i]);
      ctxs_[i] = frames_[i].buff();
    }
    return base::success();
  }

  void note(std::size_t i, base::u64 r0, std::vector<RunResult>& results) const {
    const base::ConstBytes out = XdpFrame::output(ctxs_[i]);
    results.push_back({.r0 = r0, .output = Packet(out.begin(), out.end()), .redirect = {}});
  }

  void run_single(std::size_t n, std::vector<RunResult>& results) {
    for (std::size_t i = 0; i < n; ++i) {
      bpf_env_begin(&env_);
      const base::u64 r0 = prog_->run(&ctxs_[i], &env_, prog_);
      note(i, r0, results);
      if (base::u32(r0) == kRedirectVerdict) results.back().redirect = env_.redirect;
    }
  }

  static void set_packet(Burst& burst, base::u32 i, const xdp_buff& ctx) {
    auto* data = static_cast<std::byte*>(ctx.data);
    auto* buffer = static_cast<std::byte*>(ctx.data_hard_start);
    burst.set_packet(i, buffer, ctx.frame_sz, base::u32(data - buffer),
                     base::u32(static_cast<std::byte*>(ctx.data_end) - data));
  }

  void run_burst(std::size_t n, std::vector<RunResult>& results) {
    Burst b{base::u32(n)};
    b.burst.ingress_ifindex = ctxs_[0].ingress_ifindex;
    for (base::u32 i = 0; i < n; ++i) set_packet(b, i, ctxs_[i]);
    prog_->burst(&b.burst, &env_, prog_);
    for (std::size_t i = 0; i < n; ++i) {
      if (b.burst.borders_moved) {
        ctxs_[i].data_meta = b.borders[i].data_meta;
        ctxs_[i].data = b.borders[i].data;
        ctxs_[i].data_end = b.borders[i].data_end;
      }
      note(i, b.verdicts[i], results);
      if (b.verdicts[i] == kRedirectVerdict) results.back().redirect = b.redirects[i];
    }
  }

  static constexpr base::u32 kRedirectVerdict = BPF_RT_XDP_REDIRECT;

  EngineKind kind_;
  OurMaps maps_;
  bpf_env env_{};
  std::unique_ptr<bpf::interp::Image> image_;
  std::unique_ptr<bpf::jit::Code> code_;
  const bpf_prog* prog_ = nullptr;
  std::array<XdpFrame, kBurst> frames_;
  std::array<xdp_buff, kBurst> ctxs_{};
  std::unique_ptr<SkbFrame> skb_frame_ = std::make_unique<SkbFrame>();
};

}  // namespace

std::string_view engine_name(EngineKind kind) {
  constexpr std::array<std::string_view, kEngines.size()> names = {"interp",    "quick",   "quick-burst", "jit",
                                                                   "jit-burst", "checked", "host"};
  return names[std::size_t(kind)];
}

base::Result<std::unique_ptr<Engine>> make_engine(EngineKind kind, const bpf::ProgSource& source,
                                                  const bpf::LoweredProgram* lowered, Objects* objects) {
  if (kind == EngineKind::host) return HostEngine::make(source);
  if (!lowered) return base::Error(EINVAL, "this engine needs the lowered program");
  return OurEngine::make(kind, *lowered, objects);
}

}  // namespace support
