// SPDX-License-Identifier: Apache-2.0
#include "bpf/load/client.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "bpf/abi/info.h"

namespace bpf::load {
namespace {

constexpr std::size_t kMapsMax = 4096;  // a cache: forgetting costs one round trip

// This thread's stack, from its lowest address to behind its highest; empty where the system does not say.
std::pair<u64, u64> find_stack() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return {};
  void* lowest = nullptr;
  std::size_t size = 0;
  pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  return {reinterpret_cast<u64>(lowest), reinterpret_cast<u64>(lowest) + size};
}

// What lies between our own frame and the end of the stack that it stands on is there, whatever the caller did.
bool is_on_stack(u64 address, std::size_t bytes) {
  thread_local const std::pair<u64, u64> stack = find_stack();
  const u64 here = reinterpret_cast<u64>(__builtin_frame_address(0));
  return here >= stack.first && address >= here && address < stack.second && bytes <= stack.second - address;
}

// Reads the caller's memory as the kernel would: an address that is not there is EFAULT, not a signal.
bool read_memory(u64 address, std::span<std::byte> out) {
  if (is_on_stack(address, out.size())) {
    std::memcpy(out.data(), reinterpret_cast<const void*>(address), out.size());
    return true;
  }
  std::size_t done = 0;
  while (done < out.size()) {
    iovec local{out.data() + done, out.size() - done};
    iovec remote{reinterpret_cast<void*>(address + done), out.size() - done};
    const ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (n <= 0) return false;
    done += std::size_t(n);
  }
  return true;
}

// The pieces of an answer, stored in one go.
class Stores {
 public:
  void add(u64 address, base::ConstBytes bytes) {
    if (bytes.empty()) return;
    if (is_on_stack(address, bytes.size())) {
      std::memcpy(reinterpret_cast<void*>(address), bytes.data(), bytes.size());
      return;
    }
    local_.push_back({const_cast<std::byte*>(bytes.data()), bytes.size()});
    remote_.push_back({reinterpret_cast<void*>(address), bytes.size()});
  }
  bool write() const {
    std::size_t wanted = 0;
    for (const iovec& piece : local_) wanted += piece.iov_len;
    return wanted == 0 || process_vm_writev(getpid(), local_.data(), local_.size(), remote_.data(), remote_.size(),
                                            0) == ssize_t(wanted);
  }

 private:
  std::vector<iovec> local_;
  std::vector<iovec> remote_;
};

// A string is read in steps that end at page borders, so that its last page may be the last there is.
bool read_string(u64 address, u32 limit, std::vector<std::byte>& out) {
  constexpr u64 kPage = 4096;
  while (out.size() < limit) {
    const u64 at = address + out.size();
    const std::size_t step = std::min<u64>(kPage - at % kPage, limit - out.size());
    const std::size_t begin = out.size();
    out.resize(begin + step);
    if (!read_memory(at, std::span(out).subspan(begin))) return false;
    const auto nul = std::find(out.begin() + std::ptrdiff_t(begin), out.end(), std::byte{0});
    if (nul != out.end()) {
      out.erase(nul + 1, out.end());
      return true;
    }
  }
  return true;  // unterminated: the command answers for it
}

// A path of the caller's is relative to where the caller stands, not the server.
bool make_absolute(std::vector<std::byte>& path, u32 limit) {
  if (path.empty() || path[0] == std::byte{'/'} || path[0] == std::byte{0}) return true;
  char folder[PATH_MAX];
  if (!getcwd(folder, sizeof folder - 1)) return false;
  std::size_t size = std::strlen(folder);
  folder[size++] = '/';
  const auto* begin = reinterpret_cast<const std::byte*>(folder);
  path.insert(path.begin(), begin, begin + size);
  return path.size() <= limit;
}

u64 pointer_at(const bpf_attr& attr, u16 offset) {
  u64 v;
  std::memcpy(&v, reinterpret_cast<const char*>(&attr) + offset, sizeof v);
  return v;
}

struct Marshalled {
  std::vector<RangeHead> heads;
  std::vector<base::ConstBytes> in;           // bytes of the in ranges, in order
  std::vector<std::vector<std::byte>> blobs;  // those of them that are copies
  std::vector<int> fds;
  u64 known_inode = 0;  // CallHead's
  int known_fd = -1;
  u32 known_mode = 0;
};

// What descriptors are looked for in. The rest goes from the caller's memory straight into the message: an address that
// is not there is the system's EFAULT for the message.
bool must_be_read(u32 cmd, const Range& range, const MapShape* shape) {
  if (range.kind != RangeKind::exact || cmd == BPF_PROG_LOAD) return true;
  return shape && (value_fd_offset(*shape) >= 0 || key_is_fd(*shape));
}

std::span<const bpf_insn> insns_of(const std::vector<std::byte>& blob) {
  return {reinterpret_cast<const bpf_insn*>(blob.data()), blob.size() / sizeof(bpf_insn)};
}

int fd_at(const std::vector<std::byte>& blob, std::size_t at) {
  int fd;
  std::memcpy(&fd, blob.data() + at, sizeof fd);
  return fd;
}

// Instructions come before fd_array in ranges.def, so their blob is there when fd_array asks how far it goes.
int marshal(u32 cmd, const bpf_attr& attr, const RangeList& ranges, const MapShape* shape, Marshalled& out) {
  out.fds = find_attr_fds(cmd, attr);
  std::vector<bpf_insn> insns;
  for (const Range& range : ranges.span()) {
    const u64 address = pointer_at(attr, range.pointer_offset);
    std::vector<std::byte> blob;
    u32 bytes = range.bytes;
    if (range.kind == RangeKind::string) {
      if (!read_string(address, range.bytes, blob)) return -EFAULT;
      if (range.pointer_offset == offsetof(bpf_attr, pathname) && (cmd == BPF_OBJ_PIN || cmd == BPF_OBJ_GET))
        if (!make_absolute(blob, range.bytes)) return -ENAMETOOLONG;
      bytes = u32(blob.size());
    } else {
      if (range.kind == RangeKind::fd_array) bytes = fd_array_entries(insns, attr.fd_array_cnt) * u32(sizeof(u32));
      if (range.in && !must_be_read(cmd, range, shape)) {
        out.heads.push_back({range.pointer_offset, bytes});
        out.in.push_back({reinterpret_cast<const std::byte*>(address), bytes});
        continue;
      }
      if (range.in) {
        blob.resize(bytes);
        // What is written as well is judged when it is: a look-up that finds nothing touches no value.
        if (!read_memory(address, blob) && !range.out) return -EFAULT;
      }
    }
    if (cmd == BPF_PROG_LOAD && range.pointer_offset == offsetof(bpf_attr, insns)) {
      const auto view = insns_of(blob);
      insns.assign(view.begin(), view.end());
      find_insn_fds(insns, out.fds);
    }
    if (range.kind == RangeKind::fd_array)
      for (std::size_t i = 0; i + sizeof(int) <= blob.size(); i += sizeof(int)) out.fds.push_back(fd_at(blob, i));
    const bool values = (cmd == BPF_MAP_UPDATE_ELEM && range.pointer_offset == offsetof(bpf_attr, value)) ||
                        (cmd == BPF_MAP_UPDATE_BATCH && range.pointer_offset == offsetof(bpf_attr, batch.values));
    if (values && shape) {
      const int at = value_fd_offset(*shape);
      for (std::size_t i = std::size_t(at); at >= 0 && i + sizeof(int) <= blob.size(); i += shape->value_size)
        out.fds.push_back(fd_at(blob, i));
    }
    if (shape && key_is_fd(*shape) && range.in && range.pointer_offset == offsetof(bpf_attr, key))
      out.fds.push_back(fd_at(blob, 0));
    out.heads.push_back({range.pointer_offset, bytes});
    if (!range.in) continue;
    out.in.push_back(blob);
    out.blobs.push_back(std::move(blob));  // its bytes stay where they are
  }
  return 0;
}

void sort_out(std::vector<int>& fds) {
  std::ranges::sort(fds);
  fds.erase(std::ranges::unique(fds).begin(), fds.end());
  std::erase_if(fds, [](int fd) { return fd < 0; });
}

base::Status send_call(Channel& channel, u32 cmd, const bpf_attr& attr, u32 size, const Marshalled& call) {
  const CallHead head{cmd,           size,           u32(call.heads.size()), u32(call.fds.size()), call.known_inode,
                      call.known_fd, call.known_mode};
  std::vector<base::ConstBytes> parts{bytes_of(head),
                                      {reinterpret_cast<const std::byte*>(&attr), size},
                                      std::as_bytes(std::span(call.heads)),
                                      std::as_bytes(std::span(call.fds))};
  parts.insert(parts.end(), call.in.begin(), call.in.end());
  return channel.send(MessageKind::call, parts, call.fds);
}

// Stores an answer but for attr's own bytes; 0, or a negative errno.
int store(const Message& reply, bpf_attr& attr, u32 size, ReplyHead& head) {
  BodyReader reader(reply.body);
  base::ConstBytes bytes;
  if (reply.kind != MessageKind::reply || !reader.take(head)) return -EIO;
  if (head.attr_bytes > sizeof attr || !reader.take_bytes(head.attr_bytes, bytes)) return -EIO;
  std::memcpy(&attr, bytes.data(), std::min<std::size_t>(head.attr_bytes, size));
  std::vector<PatchHead> patches;
  for (u32 i = 0; i < head.patch_count; ++i) {
    PatchHead patch;
    if (!reader.take(patch)) return -EIO;
    patches.push_back(patch);
  }
  Stores stores;
  for (const PatchHead& patch : patches) {
    if (!reader.take_bytes(patch.bytes, bytes)) return -EIO;
    stores.add(patch.address, bytes);
  }
  if (!reader.empty()) return -EIO;
  return stores.write() ? 0 : -EFAULT;
}

}  // namespace

long DoorClient::call(u32 cmd, void* user_attr, u32 size) {
  bpf_attr attr{};
  if (size > 4096) return -E2BIG;  // as Linux: an attr is at most a page
  const u32 known = std::min<u32>(size, sizeof attr);
  if (!read_memory(reinterpret_cast<u64>(user_attr), {reinterpret_cast<std::byte*>(&attr), known})) return -EFAULT;
  std::vector<std::byte> tail(size - known);
  if (!read_memory(reinterpret_cast<u64>(user_attr) + known, tail)) return -EFAULT;
  if (std::ranges::any_of(tail, [](std::byte b) { return b != std::byte{0}; })) return -E2BIG;

  CallMap map;
  if (needs_map_shape(cmd)) {
    const long rc = find_map(shaping_fd(cmd, attr), map);
    if (rc < 0) return rc;
  }
  const bpf_attr given = attr;
  const long result = exchange(cmd, attr, known, map, true);
  // An attr that the command leaves alone may be constant.
  if (std::memcmp(&given, &attr, known) == 0) return result;
  Stores stores;
  stores.add(reinterpret_cast<u64>(user_attr), {reinterpret_cast<const std::byte*>(&attr), known});
  return stores.write() ? result : -EFAULT;
}

long DoorClient::exchange(u32 cmd, bpf_attr& attr, u32 size, const CallMap& map, bool may_name) {
  const MapShape* shape = map.known ? &map.known->shape : nullptr;
  RangeList ranges;
  if (const int rc = find_ranges(cmd, attr, shape, possible_cpus_, ranges); rc < 0) return rc;
  Marshalled call;
  if (const int rc = marshal(cmd, attr, ranges, shape, call); rc < 0) return rc;
  sort_out(call.fds);
  const bool named = may_name && map.known && map.known->modes_sent >> map.mode & 1U;
  if (named) {
    std::erase(call.fds, map.fd);
    call.known_inode = map.inode;
    call.known_fd = map.fd;
    call.known_mode = map.mode;
  }
  auto sent = send_call(channel_, cmd, attr, size, call);
  if (!sent && sent.error().code() == EBADF) {
    // Descriptors that are not open are left out: the server then answers EBADF for them.
    std::erase_if(call.fds, [](int fd) { return fcntl(fd, F_GETFD) < 0; });
    sent = send_call(channel_, cmd, attr, size, call);
  }
  if (!sent) {
    const int code = sent.error().code();
    return code == E2BIG || code == EFAULT ? -code : -EPIPE;
  }
  auto reply = channel_.receive();
  if (!reply) return -EIO;
  ReplyHead answer{};
  if (const int rc = store(*reply, attr, size, answer); rc < 0) return rc;
  if (answer.unknown_handle && named) return exchange(cmd, attr, size, map, false);
  if (map.known) map.known->modes_sent |= 1U << map.mode;
  if (!answer.has_handle) return long(answer.result);
  if (answer.result < 0 || reply->fds.size() != 1) return -EIO;
  return reply->fds.front().release();
}

long DoorClient::find_map(int map_fd, CallMap& map) {
  struct stat st{};
  const int flags = fcntl(map_fd, F_GETFL);
  if (flags < 0 || fstat(map_fd, &st) != 0) return -EBADF;
  map = {nullptr, map_fd, st.st_ino, u32(flags & O_ACCMODE)};
  if (const auto hit = maps_.find(st.st_ino); hit != maps_.end() && hit->second.device == st.st_dev) {
    map.known = &hit->second;
    return 0;
  }
  MapShape shape;
  const long rc = ask_shape(map_fd, shape);
  if (rc < 0) return rc;
  if (maps_.size() >= kMapsMax) maps_.clear();
  map.known = &maps_.insert_or_assign(st.st_ino, KnownMap{st.st_dev, shape}).first->second;
  return 0;
}

long DoorClient::ask_shape(int map_fd, MapShape& shape) {
  // The server answers with the info of whatever the descriptor is; only a map's is read, so another kind of handle
  // must not pass for one: its first fields are a program or link type and an id.
  bpf_map_info info{};
  bpf_attr attr{};
  attr.info.bpf_fd = u32(map_fd);
  attr.info.info = reinterpret_cast<u64>(&info);
  attr.info.info_len = sizeof info;
  char path[64];
  char name[64] = {};
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", map_fd);
  if (readlink(path, name, sizeof name - 1) < 0) return -EBADF;
  if (!std::strstr(name, "bpf-map")) return -EINVAL;
  const long rc = exchange(BPF_OBJ_GET_INFO_BY_FD, attr, sizeof attr, {}, false);
  if (rc < 0) return rc;
  shape = {info.type, info.key_size, info.value_size, info.max_entries};
  return 0;
}

base::Result<std::string> ask(Channel& channel, Question question, int fd) {
  SLUICE_TRY(const Message reply, ask(channel, question, {&fd, fd < 0 ? 0U : 1U}, {}));
  return std::string(reinterpret_cast<const char*>(reply.body.data()), reply.body.size());
}

base::Result<Message> ask(Channel& channel, Question question, std::span<const int> fds, base::ConstBytes bytes) {
  const AskHead head{question, u32(fds.size())};
  const base::ConstBytes parts[] = {bytes_of(head), std::as_bytes(fds), bytes};
  SLUICE_CHECK(channel.send(MessageKind::ask, parts, fds));
  SLUICE_TRY(Message reply, channel.receive());
  if (reply.kind != MessageKind::text) return base::Error(EPROTO, "malformed message: not an answer");
  return reply;
}

}  // namespace bpf::load
