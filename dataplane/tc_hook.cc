// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tc_hook.h"

#include <cerrno>

#include "bpf/abi/flags.h"

namespace dataplane {
namespace {

enum : int { kSent = 0, kCongested = 1 };  // what clone_redirect answers: NET_XMIT_SUCCESS, NET_XMIT_DROP

// One worker, one burst: what every step of a frame's way needs.
class Way {
 public:
  Way(Lane& lane, const Pipeline& pipeline, u16 entry) : lane_(lane), pipeline_(pipeline), entry_(entry) {}

  void receive(Skb& skb, u16 port) const noexcept;
  int send_copy(const Skb& skb, u32 ifindex, u32 flags) const noexcept;
  int drop(DropReason reason, rte_mbuf* frame) const noexcept {
    bury(lane_, entry_, reason, frame);
    return kCongested;
  }

 private:
  TcOutcome run(const TcChain& chain, TcDirection direction, u16 port, Skb& skb) const noexcept;
  int transmit(Skb& skb, u16 port) const noexcept;
  int send_on(Skb& skb, u16 port, u32 flags) const noexcept;
  int await(Skb& skb, u16 port) const noexcept;
  int redirect(Skb& skb) const noexcept;
  int leave(Skb& skb, u16 port) const noexcept;
  int consume(rte_mbuf* frame) const noexcept;

  Lane& lane_;
  const Pipeline& pipeline_;
  u16 entry_;
};

TcOutcome Way::run(const TcChain& chain, TcDirection direction, u16 port, Skb& skb) const noexcept {
  if (chain.empty()) return TcOutcome::pass;
  const TcOutcome outcome = run_tc_chain(chain, skb.buff, lane_.env, lane_.take_run_time);
  lane_.entry(port).tc[std::size_t(direction)][std::size_t(outcome)].add(1);
  return outcome;
}

void Way::receive(Skb& skb, u16 port) const noexcept {
  const PortStage& stage = pipeline_.stages[port];
  if (!enter_port(skb, stage)) [[unlikely]] {
    drop(DropReason::skb_too_short, skb.frame);
    return;
  }
  switch (run(stage.ingress, TcDirection::ingress, port, skb)) {
    case TcOutcome::pass:
      stage.pass_to == kNoPort ? drop(DropReason::pass_drop, skb.frame) : transmit(skb, stage.pass_to);
      return;
    case TcOutcome::drop:
      drop(DropReason::tc_ingress_drop, skb.frame);
      return;
    case TcOutcome::consume:
      consume(skb.frame);
      return;
    case TcOutcome::redirect:
      redirect(skb);
      return;
  }
}

int Way::transmit(Skb& skb, u16 port) const noexcept {
  const PortStage& stage = pipeline_.stages[port];
  skb.buff.ifindex = stage.ifindex;
  skb.buff.wire_len = skb.buff.len;
  switch (run(stage.egress, TcDirection::egress, port, skb)) {
    case TcOutcome::pass:
      return leave(skb, port);
    case TcOutcome::drop:
      return drop(DropReason::tc_egress_drop, skb.frame);
    case TcOutcome::consume:
      return consume(skb.frame);
    case TcOutcome::redirect:
      break;
  }
  redirect(skb);
  return kSent;  // whatever became of it
}

int Way::redirect(Skb& skb) const noexcept {
  const struct bpf_redirect to = lane_.env.redirect;
  if (to.kind == BPF_REDIRECT_PEER) return drop(DropReason::redirect_peer, skb.frame);
  if (to.kind == BPF_REDIRECT_NEIGHBOUR) return drop(DropReason::redirect_neighbour, skb.frame);
  if (to.kind != BPF_REDIRECT_IFINDEX) return drop(DropReason::redirect_no_target, skb.frame);
  const u16 port = pipeline_.ports_by_ifindex.find(to.target);
  if (port == kNoPort) return drop(DropReason::redirect_no_port, skb.frame);
  return send_on(skb, port, to.flags);
}

int Way::send_on(Skb& skb, u16 port, u32 flags) const noexcept {
  if (skb.sends >= kTcSendsMax) [[unlikely]]
    return drop(DropReason::tc_loop, skb.frame);
  ++skb.sends;
  return flags & bpf::BPF_F_INGRESS ? await(skb, port) : transmit(skb, port);
}

// The rest happens in receive_backlog().
int Way::await(Skb& skb, u16 port) const noexcept {
  if (!pipeline_.routes[port].up) return drop(DropReason::tc_ingress_down, skb.frame);
  Backlog& backlog = lane_.backlog;
  if (backlog.count == backlog.slots.size()) return drop(DropReason::tc_backlog_full, skb.frame);
  skb.buff.priority = 0;
  backlog.slots[(backlog.first + backlog.count++) % backlog.slots.size()] = {skb, port};
  return kSent;
}

int Way::leave(Skb& skb, u16 port) const noexcept {
  if (!settle_skb(skb)) [[unlikely]]
    return drop(DropReason::tx_too_long, skb.frame);
  return post(lane_, pipeline_, entry_, port, skb.frame) ? kSent : kCongested;
}

int Way::consume(rte_mbuf* frame) const noexcept {
  lane_.entry(entry_).consumed.add(1);
  lay_to_rest(lane_, frame);
  return kSent;
}

// A copy that finds no buffer counts as made and lost, as with a broadcast.
int Way::send_copy(const Skb& skb, u32 ifindex, u32 flags) const noexcept {
  const u16 port = pipeline_.ports_by_ifindex.find(ifindex);
  if (port == kNoPort) return -EINVAL;
  lane_.entry(entry_).cloned.add(1);
  Skb copy;
  if (!copy_skb(skb, copy)) {
    lane_.entry(entry_).drop(DropReason::clone_no_mbuf);
    return -ENOMEM;
  }
  if (copy.sends >= kTcSendsMax && !(flags & bpf::BPF_F_INGRESS)) {
    drop(DropReason::tc_loop, copy.frame);
    return -ENETDOWN;
  }
  return send_on(copy, port, flags);
}

}  // namespace

void receive_skb(Lane& lane, const Pipeline& pipeline, const Source& source, rte_mbuf* frame,
                 const xdp_borders* borders) noexcept {
  const Way way(lane, pipeline, source.entry);
  lane.entry_of_run = source.entry;
  if (frame->nb_segs != 1 && rte_pktmbuf_linearize(frame) != 0) [[unlikely]] {
    way.drop(DropReason::rx_segmented, frame);
    return;
  }
  Skb skb;
  make_skb(skb, frame, borders, source.queue);
  way.receive(skb, source.entry);
}

void receive_backlog(Lane& lane, const Pipeline& pipeline, u16 entry) noexcept {
  const Way way(lane, pipeline, entry);
  lane.entry_of_run = entry;
  for (Backlog& backlog = lane.backlog; backlog.count != 0;) {
    Backlog::Slot waiting = backlog.slots[backlog.first];
    backlog.first = u32((backlog.first + 1) % backlog.slots.size());
    --backlog.count;
    way.receive(waiting.skb, waiting.port);
  }
}

// The copy's programs run inside the helper: the caller's run goes on as if they had not.
int clone_redirect(bpf_env* env, sk_buff* buff, u32 ifindex, u32 flags) noexcept {
  auto& lane = *static_cast<Lane*>(env->host_ctx);
  const u32 tail_calls = env->tail_calls;
  const struct bpf_redirect noted = env->redirect;
  const int answer = Way(lane, *lane.pipeline, lane.entry_of_run).send_copy(skb_of_buff(buff), ifindex, flags);
  env->tail_calls = tail_calls;
  env->redirect = noted;
  return answer;
}

}  // namespace dataplane
