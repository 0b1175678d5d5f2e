// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/compiler.h"

#include "control/daemon/logging.h"

namespace control {
namespace {

using bpf::builder::BuildReply;
using bpf::builder::BuildRequest;
using bpf::builder::CompileReply;
using bpf::jit::Tier;

constexpr int kBackgroundNice = 10;

// Puts optimised code in place of what runs, if the program still lives.
void put_in_place(const std::weak_ptr<Program>& waiting, base::Result<CompileReply> reply,
                  const std::function<void(const Program&)>& on_code) {
  const std::shared_ptr<Program> program = waiting.lock();
  if (!program) return;
  const std::string who = "program '" + program->info().name + "': ";
  if (!reply) return log_warning("jit", who + "stays as it is: " + reply.error().what());
  if (reply->error) return log_warning("jit", who + "stays as it is: " + reply->reason);
  std::vector<bpf_map*> maps;
  for (const auto& map : program->maps()) maps.push_back(map->head());
  auto code = bpf::jit::link(reply->object, maps, program->info().type, program->id());
  if (!code) return log_warning("jit", who + "stays as it is: " + code.error().what());
  program->replace_code(*std::move(code), Tier::optimised, reply->jit_ns);
  if (on_code) on_code(*program);
}

}  // namespace

base::Result<std::unique_ptr<Compiler>> Compiler::make(const CompilerOptions& options) {
  std::unique_ptr<Compiler> compiler(new Compiler);
  compiler->first_tier_ = options.first_tier;
  compiler->on_code_ = options.on_code;
  SLUICE_TRY(compiler->builder_, bpf::builder::make_builder_process({.exe = options.builder}));
  if (!options.cache_folder.empty()) {
    auto cache = bpf::builder::ObjectCache::open(options.cache_folder, options.cache_bytes);
    if (cache)
      compiler->cache_ = *std::move(cache);
    else
      log_warning("jit", cache.error().what() + "; programs are compiled at each start");
  }
  if (options.background && options.first_tier == Tier::quick) {
    SLUICE_TRY(compiler->background_,
               bpf::builder::make_background({.exe = options.builder, .cpus = options.cpus, .nice = kBackgroundNice},
                                             compiler->cache_.get()));
  }
  return compiler;
}

base::Result<BuildReply> Compiler::build(const BuildRequest& request) {
  if (!cache_ || !request.want_object) {
    BuildRequest own = request;
    own.compile.tier = first_tier_;
    return builder_->build(own);
  }
  BuildRequest verify_only = request;
  verify_only.want_object = false;
  SLUICE_TRY(BuildReply reply, builder_->build(verify_only));
  if (!reply.verdict.accepted()) return reply;
  return compile(std::move(reply));
}

// The cache knows optimised code only.
base::Result<BuildReply> Compiler::compile(BuildReply reply) {
  bpf::builder::CompileRequest request{.program = std::move(reply.lowered), .options = {.tier = Tier::optimised}};
  const bpf::builder::CacheKey key = bpf::builder::cache_key(request);
  if (auto object = cache_->find(key)) {
    reply.object = *std::move(object);
    reply.tier = Tier::optimised;
    reply.lowered = std::move(request.program);
    return reply;
  }
  request.options.tier = first_tier_;
  SLUICE_TRY(CompileReply compiled, builder_->compile(request));
  reply.lowered = std::move(request.program);
  reply.tier = first_tier_;
  reply.jit_ns = compiled.jit_ns;
  if (compiled.error) {
    reply.verdict.error = compiled.error;
    reply.verdict.unsupported = true;
    reply.verdict.reason = "jit: " + compiled.reason;
    return reply;
  }
  reply.object = std::move(compiled.object);
  if (first_tier_ == Tier::optimised) cache_->store(key, reply.object);
  return reply;
}

void Compiler::improve(const std::shared_ptr<Program>& program, bpf::LoweredProgram lowered) {
  if (background_) held_.push_back({program, std::move(lowered)});
}

void Compiler::submit(std::weak_ptr<Program> program, bpf::LoweredProgram lowered) {
  background_->submit({.program = std::move(lowered), .options = {.tier = Tier::optimised}},
                      [this, program = std::move(program)](base::Result<CompileReply> reply) {
                        put_in_place(program, std::move(reply), on_code_);
                      });
}

void Compiler::poll() {
  if (!background_) return;
  for (Held& held : held_)
    if (!held.program.expired()) submit(std::move(held.program), std::move(held.lowered));
  held_.clear();
  background_->poll();
}

}  // namespace control
