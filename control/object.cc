// SPDX-License-Identifier: Apache-2.0
#include "control/object.h"

#include "base/percpu.h"
#include "bpf/abi/flags.h"
#include "bpf/load/ranges.h"

namespace control {
namespace {

// Default of DoorConfig::retire: nothing runs, so memory goes at once.
void retire(const RetireFn& fn, std::shared_ptr<void> memory) {
  if (fn && memory) fn(std::move(memory));
}

bool holds_constants(const bpf::MapSpec& spec, bool frozen) {
  return frozen && spec.type == bpf::BPF_MAP_TYPE_ARRAY && spec.max_entries == 1 &&
         (spec.map_flags & bpf::BPF_F_RDONLY_PROG) != 0;
}

}  // namespace

Handle::Handle(std::shared_ptr<Object> object) : object_(std::move(object)) {
  if (object_) ++object_->users_;
}

Handle::~Handle() {
  if (object_ && --object_->users_ == 0) object_->on_last_user_gone();
}

Map::Map(u32 id, const bpf::MapOps& ops, std::unique_ptr<bpf::Map> live, RetireFn retire)
    : Object(ObjectKind::map, id), ops_(ops), live_(std::move(live)), retire_(std::move(retire)) {
  live_->head()->id = id;
}

Map::~Map() { retire(retire_, std::move(live_)); }

u32 Map::value_bytes() const {
  const bpf::MapSpec& s = spec();
  return bpf::load::value_bytes({s.type, s.key_size, s.value_size, s.max_entries}, base::possible_cpu_count());
}

namespace {

bpf::MapFacts facts_of(const bpf::MapSpec& s, const std::shared_ptr<const Btf>& btf, u32 key_type, u32 value_type) {
  bpf::MapFacts facts;
  facts.type = s.type;
  facts.key_size = s.key_size;
  facts.value_size = s.value_size;
  facts.max_entries = s.max_entries;
  facts.map_flags = s.map_flags;
  facts.map_extra = s.map_extra;
  facts.name = s.name;
  facts.has_fields = s.fields != nullptr;
  facts.btf_key_type_id = key_type;
  facts.btf_value_type_id = value_type;
  if (btf) facts.btf.assign(btf->types().blob().begin(), btf->types().blob().end());
  return facts;
}

}  // namespace

std::optional<bpf::MapFacts> Map::inner_facts() const {
  if (!spec().inner) return std::nullopt;
  return facts_of(*spec().inner, inner_btf, inner_btf_key_type_id, inner_btf_value_type_id);
}

bpf::MapFacts Map::facts() {
  const bpf::MapSpec& s = spec();
  bpf::MapFacts facts = facts_of(s, btf, btf_key_type_id, btf_value_type_id);
  facts.id = id();
  facts.frozen = frozen;
  if (holds_constants(s, frozen)) {
    const u32 zero = 0;
    facts.contents.resize(s.value_size);
    if (ops_.lookup(*live_, std::as_bytes(std::span(&zero, 1)), facts.contents, 0) != 0) facts.contents.clear();
  }
  return facts;
}

bool SlotOwner::admits(const ProgramInfo& program) const noexcept {
  if (type == bpf::BPF_PROG_TYPE_UNSPEC) return true;
  return type == program.type && xdp_has_frags == ((program.prog_flags & bpf::BPF_F_XDP_HAS_FRAGS) != 0);
}

void SlotOwner::settle(const ProgramInfo& program) noexcept {
  type = program.type;
  xdp_has_frags = (program.prog_flags & bpf::BPF_F_XDP_HAS_FRAGS) != 0;
}

void Map::on_last_user_gone() {
  if (ops_.holds != bpf::MapHolds::program) return;
  std::vector<std::byte> key(spec().key_size);
  base::ConstBytes at;
  while (ops_.next_key(*live_, at, key) == 0) {
    ops_.erase(*live_, key);
    at = key;
  }
}

Program::Program(u32 id, ProgramInfo info, std::vector<std::shared_ptr<Map>> maps, std::shared_ptr<const Btf> btf,
                 std::shared_ptr<bpf::jit::Code> code, std::shared_ptr<bpf::interp::Image> image, RetireFn retire)
    : Object(ObjectKind::prog, id),
      info_(std::move(info)),
      maps_(std::move(maps)),
      btf_(std::move(btf)),
      live_(std::make_shared<Live>()),
      retire_(std::move(retire)) {
  live_->head = code ? *code->prog() : *image->prog();
  live_->code = std::move(code);
  live_->image = std::move(image);
}

Program::~Program() {
  // Code may still run on a worker, and it holds addresses of its maps: they go together.
  struct Remains {
    std::vector<std::shared_ptr<Map>> maps;
    std::shared_ptr<Live> live;
  };
  if (retire_) retire_(std::make_shared<Remains>(Remains{std::move(maps_), std::move(live_)}));
}

void Program::replace_code(std::shared_ptr<bpf::jit::Code> code, bpf::jit::Tier tier, u64 jit_ns) {
  __atomic_store_n(&live_->head.run, code->prog()->run, __ATOMIC_RELEASE);
  __atomic_store_n(&live_->head.burst, code->prog()->burst, __ATOMIC_RELEASE);
  info_.jited_bytes = u32(code->text().size());
  info_.tier = tier;
  info_.jit_ns = jit_ns;
  live_->code.swap(code);
  retire(retire_, std::move(code));
}

u64 Program::memory_bytes() const noexcept {
  constexpr u64 kPage = 4096;
  const u64 bytes = u64{info_.xlated_bytes} + info_.jited_bytes;
  return (bytes + kPage - 1) / kPage * kPage;
}

bool Program::bind(std::shared_ptr<Map> map) {
  for (const auto& known : maps_)
    if (known == map) return false;
  maps_.push_back(std::move(map));
  return true;
}

}  // namespace control
