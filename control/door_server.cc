// SPDX-License-Identifier: Apache-2.0
#include "control/door_server.h"

#include <algorithm>
#include <cstring>

#include "base/percpu.h"
#include "bpf/abi/info.h"

namespace control {
namespace {

using base::u16;
using bpf::bpf_attr;
namespace load = bpf::load;

base::Error bad(const char* what) { return {EPROTO, std::string("malformed call: ") + what}; }

u64 get_pointer(const void* base, std::size_t offset) {
  u64 v;
  std::memcpy(&v, static_cast<const char*>(base) + offset, sizeof v);
  return v;
}
void set_pointer(void* base, std::size_t offset, u64 v) {
  std::memcpy(static_cast<char*>(base) + offset, &v, sizeof v);
}
u32 get_count(const void* base, std::size_t offset) {
  u32 v;
  std::memcpy(&v, static_cast<const char*>(base) + offset, sizeof v);
  return v;
}

// Memory of this process that stands in for a range of the client's.
struct Buffer {
  load::Range range;
  u64 client_address = 0;
  u32 client_bytes = 0;
  std::unique_ptr<std::byte[]> bytes;   // range.bytes and one zero behind: a string ends here at the latest

  u64 address() const { return reinterpret_cast<u64>(bytes.get()); }
};

// Arrays that an info struct points to: pointer, capacity and size of an entry.
struct Nested {
  u16 pointer;
  u16 count;
  u16 unit;
};

#define SLUICE_NESTED(type, pointer, count, unit) {offsetof(bpf::type, pointer), offsetof(bpf::type, count), unit}
constexpr Nested kProgInfo[] = {
    SLUICE_NESTED(bpf_prog_info, jited_prog_insns, jited_prog_len, 1),
    SLUICE_NESTED(bpf_prog_info, xlated_prog_insns, xlated_prog_len, 1),
    SLUICE_NESTED(bpf_prog_info, map_ids, nr_map_ids, 4),
    SLUICE_NESTED(bpf_prog_info, jited_ksyms, nr_jited_ksyms, 8),
    SLUICE_NESTED(bpf_prog_info, jited_func_lens, nr_jited_func_lens, 4),
    SLUICE_NESTED(bpf_prog_info, func_info, nr_func_info, 8),
    SLUICE_NESTED(bpf_prog_info, line_info, nr_line_info, 16),
    SLUICE_NESTED(bpf_prog_info, jited_line_info, nr_jited_line_info, 8),
    SLUICE_NESTED(bpf_prog_info, prog_tags, nr_prog_tags, 8),
};
constexpr Nested kBtfInfo[] = {
    SLUICE_NESTED(bpf_btf_info, btf, btf_size, 1),
    SLUICE_NESTED(bpf_btf_info, name, name_len, 1),
};
#undef SLUICE_NESTED

std::span<const Nested> nested_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::prog: return kProgInfo;
    case ObjectKind::btf: return kBtfInfo;
    case ObjectKind::map:
    case ObjectKind::link:
    case ObjectKind::stats: return {};
  }
  return {};
}

struct NestedBuffer {
  Nested row{};
  u64 client_address = 0;
  u32 capacity = 0;
  std::unique_ptr<std::byte[]> bytes;
};

// One call being served.
class Call {
 public:
  Call(Door& door, WireClient& client) : door_(door), client_(client) {}

  base::Status parse(const load::Message& message) {
    load::BodyReader reader(message.body);
    base::ConstBytes bytes;
    if (!reader.take(head_)) return bad("no head");
    if (head_.attr_bytes > sizeof attr_ || !reader.take_bytes(head_.attr_bytes, bytes)) return bad("attr is cut off");
    std::memcpy(&attr_, bytes.data(), bytes.size());
    if (head_.range_count > load::kRangesMax) return bad("too many ranges");
    std::vector<load::RangeHead> ranges(head_.range_count);
    for (auto& range : ranges)
      if (!reader.take(range)) return bad("ranges are cut off");
    if (head_.fd_count != message.fds.size()) return bad("descriptors are missing or too many");
    std::vector<int> numbers(head_.fd_count);
    for (int& number : numbers)
      if (!reader.take(number)) return bad("descriptor numbers are cut off");
    client_.begin(numbers, message.fds);
    unknown_ = head_.known_inode != 0 && !client_.begin_named(head_.known_fd, head_.known_inode, head_.known_mode);
    if (unknown_) return base::success();
    SLUICE_CHECK(take_ranges(ranges, reader));
    if (!reader.empty()) return bad("bytes behind the last range");
    return base::success();
  }

  void run() {
    if (unknown_) return;
    // A client's pointer that the table does not know is not the door's business: nobody may follow it.
    bpf_attr served = attr_;
    room_ = attr_.batch.count;
    for (const Buffer& buffer : buffers_) set_pointer(&served, buffer.range.pointer_offset, buffer.address());
    if (head_.cmd == bpf::BPF_OBJ_GET_INFO_BY_FD && !buffers_.empty()) swap_nested_in();
    if (sees_closed()) client_.sweep();
    // The whole attr, whatever the client's size: one that ends within a pointer would cut ours in two.
    result_ = door_.bpf_command(client_, head_.cmd, &served, sizeof served);
    for (const Buffer& buffer : buffers_) set_pointer(&served, buffer.range.pointer_offset, buffer.client_address);
    attr_ = served;
  }

  base::Status answer(load::Channel& channel) {
    base::UniqueFd handle = client_.take_pending();
    std::vector<load::PatchHead> patches;
    std::vector<base::ConstBytes> runs;
    // Nested arrays first: restoring the pointers changes the info struct that the ranges below carry.
    swap_nested_out(patches, runs);
    for (const Buffer& buffer : buffers_) add_patch(buffer, patches, runs);
    const load::ReplyHead head{result_, handle ? 1U : 0U, head_.attr_bytes, u32(patches.size()), unknown_ ? 1U : 0U};
    std::vector<base::ConstBytes> parts{load::bytes_of(head), {reinterpret_cast<std::byte*>(&attr_), head_.attr_bytes},
                                        std::as_bytes(std::span(patches))};
    parts.insert(parts.end(), runs.begin(), runs.end());
    const int fd = handle.get();
    return channel.send(load::MessageKind::reply, parts, {&fd, handle ? 1U : 0U});
  }

 private:
  // Commands whose answer depends on what has been closed without a word.
  bool sees_closed() const {
    return head_.cmd == bpf::BPF_MAP_GET_NEXT_ID || head_.cmd == bpf::BPF_PROG_GET_NEXT_ID ||
           head_.cmd == bpf::BPF_BTF_GET_NEXT_ID || head_.cmd == bpf::BPF_MAP_GET_FD_BY_ID ||
           head_.cmd == bpf::BPF_PROG_GET_FD_BY_ID || head_.cmd == bpf::BPF_BTF_GET_FD_BY_ID ||
           head_.cmd == bpf::BPF_LINK_GET_NEXT_ID || head_.cmd == bpf::BPF_LINK_GET_FD_BY_ID ||
           head_.cmd == bpf::BPF_LINK_CREATE || head_.cmd == bpf::BPF_LINK_UPDATE ||
           head_.cmd == bpf::BPF_PROG_ATTACH || head_.cmd == bpf::BPF_PROG_DETACH || head_.cmd == bpf::BPF_PROG_QUERY;
  }

  // What the ranges must be is computed here from attr and the map's own sizes; the client's word counts for nothing.
  base::Status take_ranges(std::span<const load::RangeHead> given, load::BodyReader& reader) {
    load::MapShape shape;
    if (load::needs_map_shape(head_.cmd))
      if (auto target = get_map_shape(); target) shape = *target;
    load::RangeList expected;
    if (load::find_ranges(head_.cmd, attr_, &shape, base::possible_cpu_count(), expected) < 0)
      return bad("a range is too long");
    if (expected.count != given.size()) return bad("not the ranges of this command");
    for (std::size_t i = 0; i < given.size(); ++i) {
      const load::Range& range = expected.items[i];
      const bool exact = range.kind == load::RangeKind::exact;
      if (given[i].pointer_offset != range.pointer_offset || given[i].bytes > range.bytes ||
          (exact && given[i].bytes != range.bytes))
        return bad("a range differs from what the command implies");
      Buffer buffer{range, get_pointer(&attr_, range.pointer_offset), given[i].bytes,
                    std::make_unique<std::byte[]>(std::size_t(range.bytes) + 1)};
      base::ConstBytes bytes;
      if (range.in) {
        if (!reader.take_bytes(given[i].bytes, bytes)) return bad("a range is cut off");
        if (!bytes.empty()) std::memcpy(buffer.bytes.get(), bytes.data(), bytes.size());
      }
      buffers_.push_back(std::move(buffer));
    }
    return base::success();
  }

  base::Result<load::MapShape> get_map_shape() {
    SLUICE_TRY(Target target, client_.find(load::shaping_fd(head_.cmd, attr_)));
    if (target.object->kind() != ObjectKind::map) return base::Error(EINVAL, "not a map");
    const bpf::MapSpec& spec = static_cast<Map&>(*target.object).spec();
    return load::MapShape{spec.type, spec.key_size, spec.value_size, spec.max_entries};
  }

  void swap_nested_in() {
    auto target = client_.find(int(attr_.info.bpf_fd));
    if (!target) return;
    std::byte* info = buffers_.front().bytes.get();
    const u32 len = buffers_.front().client_bytes;
    for (const Nested& row : nested_of(target->object->kind())) {
      if (u32(row.pointer) + 8 > len || u32(row.count) + 4 > len) {
        // Cut through by info_len: half a pointer is not an address. The door sees none.
        if (row.pointer < len) std::memset(info + row.pointer, 0, std::min<u32>(8, len - row.pointer));
        continue;
      }
      NestedBuffer nested{row, get_pointer(info, row.pointer), get_count(info, row.count), nullptr};
      if (nested.client_address == 0) continue;
      // No array of an info struct is longer than this; a larger capacity is as good as this one.
      nested.capacity = std::min<u32>(nested.capacity, load::kRangeBytesMax / row.unit / 4);
      nested.bytes = std::make_unique<std::byte[]>(std::size_t(nested.capacity) * row.unit + 1);
      set_pointer(info, row.pointer, reinterpret_cast<u64>(nested.bytes.get()));
      std::memcpy(info + row.count, &nested.capacity, sizeof nested.capacity);
      nested_.push_back(std::move(nested));
    }
  }

  void swap_nested_out(std::vector<load::PatchHead>& patches, std::vector<base::ConstBytes>& runs) {
    for (const NestedBuffer& nested : nested_) {
      std::byte* info = buffers_.front().bytes.get();
      set_pointer(info, nested.row.pointer, nested.client_address);
      const u32 bytes = std::min(nested.capacity, get_count(info, nested.row.count)) * nested.row.unit;
      if (result_ < 0 || bytes == 0) continue;
      patches.push_back({nested.client_address, bytes, 0});
      runs.push_back({nested.bytes.get(), bytes});
    }
  }

  // Bytes of an out range that the command wrote.
  u32 written_bytes(const Buffer& buffer) const {
    const bool done = result_ >= 0 || result_ == -ENOSPC;
    switch (buffer.range.pointer_offset) {
      case offsetof(bpf_attr, log_buf):
        if (head_.cmd != bpf::BPF_PROG_LOAD) break;
        return u32(strnlen(reinterpret_cast<const char*>(buffer.bytes.get()), buffer.client_bytes - 1)) + 1;
      case offsetof(bpf_attr, btf_log_buf):
        if (head_.cmd != bpf::BPF_BTF_LOAD) break;
        return u32(strnlen(reinterpret_cast<const char*>(buffer.bytes.get()), buffer.client_bytes - 1)) + 1;
      default: break;
    }
    if (head_.cmd == bpf::BPF_PROG_TEST_RUN && done)
      return std::min(buffer.client_bytes, buffer.range.pointer_offset == offsetof(bpf_attr, test.data_out)
                                               ? attr_.test.data_size_out
                                               : attr_.test.ctx_size_out);
    if (head_.cmd == bpf::BPF_PROG_QUERY)
      return done && attr_.query.prog_ids ? std::min(buffer.client_bytes, attr_.query.count * u32(sizeof(u32))) : 0;
    if (is_batch_look_up() && !buffer.range.in) return batch_bytes(buffer);
    return done ? buffer.client_bytes : 0;
  }

  bool is_batch_look_up() const {
    return head_.cmd == bpf::BPF_MAP_LOOKUP_BATCH || head_.cmd == bpf::BPF_MAP_LOOKUP_AND_DELETE_BATCH;
  }
  // `count` elements were stored, of the room that the client gave; behind the last one of all the answer is ENOENT.
  u32 batch_bytes(const Buffer& buffer) const {
    if ((result_ < 0 && result_ != -ENOENT) || room_ == 0 || attr_.batch.count == 0) return 0;
    const bool token = buffer.range.pointer_offset == offsetof(bpf_attr, batch.out_batch);
    return token ? buffer.client_bytes : u32(u64{buffer.client_bytes} / room_ * std::min(attr_.batch.count, room_));
  }

  void add_patch(const Buffer& buffer, std::vector<load::PatchHead>& patches, std::vector<base::ConstBytes>& runs) {
    if (!buffer.range.out || buffer.client_bytes == 0) return;
    const u32 bytes = written_bytes(buffer);
    if (bytes == 0) return;
    patches.push_back({buffer.client_address, bytes, 0});
    runs.push_back({buffer.bytes.get(), bytes});
  }

  Door& door_;
  WireClient& client_;
  load::CallHead head_{};
  bpf_attr attr_{};
  std::vector<Buffer> buffers_;
  std::vector<NestedBuffer> nested_;
  bool unknown_ = false;
  long result_ = 0;
  u32 room_ = 0;  // batch.count as the client gave it
};

}  // namespace

base::Status DoorServer::serve(load::Channel& channel, const load::Message& message) {
  if (message.kind == load::MessageKind::ask) return answer_question(channel, message);
  if (message.kind != load::MessageKind::call) return bad("neither a call nor a question");
  Call call(door_, client_);
  SLUICE_CHECK(call.parse(message));
  call.run();
  return call.answer(channel);
}

}  // namespace control
