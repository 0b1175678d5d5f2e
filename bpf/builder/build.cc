// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "bpf/btf/host_btf.h"
#include "bpf/builder/builder.h"
#include "bpf/lower/lower.h"

namespace bpf::builder {
namespace {

u64 now_ns() {
  return u64(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
                 .count());
}

// The verifier said yes and a later step cannot: the program is refused all the same, in words.
void refuse(verifier::Verdict& verdict, const char* step, const base::Error& error) {
  verdict.error = error.code();
  verdict.unsupported = true;
  verdict.reason = std::string(step) + ": " + error.what();
}

// Our own host's types, read at the first program that needs them.
std::shared_ptr<const btf::KernelBtf> host_types() {
  static const auto types = [] {
    auto parsed = btf::KernelBtf::parse(btf::host_btf());
    return parsed ? *std::move(parsed) : nullptr;
  }();
  return types;
}

}  // namespace

BuildReply build(const BuildRequest& request) {
  BuildReply reply;
  verifier::Options options = request.verify;
  if (!options.kernel) options.kernel = host_types;
  reply.verdict = verifier::verify(request.source, options);
  if (!reply.verdict.accepted()) return reply;
  reply.verified = true;

  auto lowered = lower::lower(request.source, reply.verdict.program);
  if (!lowered) return refuse(reply.verdict, "lower", lowered.error()), reply;
  reply.lowered = *std::move(lowered);
  if (!request.want_object) return reply;

  reply.tier = request.compile.tier;
  const u64 start = now_ns();
  auto object = jit::compile(reply.lowered, request.compile);
  reply.jit_ns = now_ns() - start;
  if (!object) return refuse(reply.verdict, "jit", object.error()), reply;
  reply.object = *std::move(object);
  return reply;
}

CompileReply compile(const CompileRequest& request) {
  CompileReply reply;
  const u64 start = now_ns();
  auto object = jit::compile(request.program, request.options);
  reply.jit_ns = now_ns() - start;
  if (object)
    reply.object = *std::move(object);
  else
    reply.error = object.error().code(), reply.reason = object.error().what();
  return reply;
}

}  // namespace bpf::builder
