// SPDX-License-Identifier: Apache-2.0
// Objects into executable memory: one ORC session for the process, one JITDylib per program.
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <unordered_map>

#include "bpf/jit/jit.h"
#include "bpf/jit/object.h"
#include "bpf/jit/symbols.h"
#include "bpf/registry/registry.h"
#include "bpf/runtime/native.h"

namespace bpf::jit {
namespace {

namespace orc = llvm::orc;
namespace jitlink = llvm::jitlink;

base::Error failed(llvm::Error error) {
  return base::Error(EIO, "link: " + llvm::toString(std::move(error)));
}

// Notes where the machine code of each JITDylib came to lie.
class TextRecorder : public orc::ObjectLinkingLayer::Plugin {
 public:
  void modifyPassConfig(orc::MaterializationResponsibility& owner, jitlink::LinkGraph&,
                        jitlink::PassConfiguration& passes) override {
    passes.PostFixupPasses.push_back([this, dylib = &owner.getTargetJITDylib()](jitlink::LinkGraph& graph) {
      record(dylib, graph);
      return llvm::Error::success();
    });
  }
  llvm::Error notifyFailed(orc::MaterializationResponsibility&) override { return llvm::Error::success(); }
  llvm::Error notifyRemovingResources(orc::JITDylib&, orc::ResourceKey) override { return llvm::Error::success(); }
  void notifyTransferringResources(orc::JITDylib&, orc::ResourceKey, orc::ResourceKey) override {}

  base::ConstBytes take(const orc::JITDylib* dylib) {
    const std::scoped_lock lock(mutex_);
    const auto found = texts_.find(dylib);
    if (found == texts_.end()) return {};
    const base::ConstBytes text = found->second;
    texts_.erase(found);
    return text;
  }

 private:
  void record(const orc::JITDylib* dylib, jitlink::LinkGraph& graph) {
    const jitlink::Section* section = graph.findSectionByName(".text");
    if (!section || section->empty()) return;
    const jitlink::SectionRange range(*section);
    const std::scoped_lock lock(mutex_);
    texts_[dylib] = {range.getStart().toPtr<const std::byte*>(), size_t(range.getSize())};
  }

  std::mutex mutex_;
  std::unordered_map<const orc::JITDylib*, base::ConstBytes> texts_;
};

// The memory manager maps pages writable, and read-only or executable once the object is fixed up: never both.
struct Session {
  orc::ExecutionSession execution;
  orc::ObjectLinkingLayer layer;
  std::shared_ptr<TextRecorder> texts = std::make_shared<TextRecorder>();
  std::atomic<u64> programs = 0;

  explicit Session(std::unique_ptr<orc::ExecutorProcessControl> process)
      : execution(std::move(process)), layer(execution) {
    layer.addPlugin(texts);
  }
};

// Lives as long as the process: codes may outlive any other static.
base::Result<Session*> find_session() {
  static std::mutex mutex;
  static Session* session = nullptr;
  const std::scoped_lock lock(mutex);
  if (session) return session;
  auto process = orc::SelfExecutorProcessControl::Create();
  if (!process) return failed(process.takeError());
  return session = new Session(std::move(*process));
}

class NativeCode : public Code {
 public:
  NativeCode(Session& session, orc::JITDylib& dylib) : session_(session), dylib_(&dylib) {}
  ~NativeCode() override {
    llvm::consumeError(session_.execution.removeJITDylib(*dylib_));
    session_.execution.getSymbolStringPool()->clearDeadEntries();
  }

  base::Status load(const ObjectView& object, const std::vector<Symbol>& symbols, bpf_prog_type type, u32 id);
  const bpf_prog* prog() const noexcept override { return &prog_; }
  base::ConstBytes text() const noexcept override { return text_; }
  std::span<const CodeLine> lines() const noexcept override { return lines_; }
  std::span<const CodeFunction> functions() const noexcept override { return functions_; }

 private:
  llvm::Expected<orc::ExecutorAddr> find(const char* name) {
    auto symbol =
        session_.execution.lookup(orc::makeJITDylibSearchOrder(dylib_.get()), session_.execution.intern(name));
    if (!symbol) return symbol.takeError();
    return symbol->getAddress();
  }

  Session& session_;
  orc::JITDylibSP dylib_;
  bpf_prog prog_{};
  base::ConstBytes text_;
  std::vector<CodeLine> lines_;
  std::vector<CodeFunction> functions_;
};

base::Status NativeCode::load(const ObjectView& object, const std::vector<Symbol>& symbols, bpf_prog_type type,
                              u32 id) {
  orc::SymbolMap absolute;
  for (const Symbol& s : symbols)
    absolute[session_.execution.intern(s.name)] = {orc::ExecutorAddr(s.address), llvm::JITSymbolFlags::Exported};
  if (!absolute.empty())
    if (auto error = dylib_->define(orc::absoluteSymbols(std::move(absolute)))) return failed(std::move(error));
  const llvm::StringRef bytes(reinterpret_cast<const char*>(object.elf.data()), object.elf.size());
  if (auto error = session_.layer.add(*dylib_, llvm::MemoryBuffer::getMemBufferCopy(bytes, dylib_->getName())))
    return failed(std::move(error));

  functions_ = read_functions(object.elf);
  auto run = find("sluice_prog");
  if (!run) return failed(run.takeError());
  prog_.run = run->toPtr<bpf_run_fn>();
  if (type == BPF_PROG_TYPE_XDP) {
    prog_.burst = runtime::native_xdp_burst;  // quick code has no loop of its own
    if (std::ranges::find(functions_, "sluice_burst", &CodeFunction::name) != functions_.end()) {
      auto burst = find("sluice_burst");
      if (!burst) return failed(burst.takeError());
      prog_.burst = burst->toPtr<bpf_burst_fn>();
    }
  }
  prog_.id = id;
  prog_.type = u32(type);
  text_ = session_.texts->take(dylib_.get());
  lines_ = object.lines;
  return base::success();
}

}  // namespace

base::Result<std::unique_ptr<Code>> link(base::ConstBytes object, std::span<bpf_map* const> maps, bpf_prog_type type,
                                         u32 id) {
  SLUICE_TRY(const ObjectView view, unpack_object(object));
  SLUICE_TRY(const std::vector<Symbol> symbols, resolve_symbols(view.elf, maps));
  SLUICE_TRY(Session* const session, find_session());
  orc::JITDylib& dylib = session->execution.createBareJITDylib("program" + std::to_string(session->programs++));
  auto code = std::make_unique<NativeCode>(*session, dylib);
  SLUICE_CHECK(code->load(view, symbols, type, id));
  return std::unique_ptr<Code>(std::move(code));
}

}  // namespace bpf::jit
