// SPDX-License-Identifier: Apache-2.0
// sluice test-run: BPF_PROG_TEST_RUN on one program of an object.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "base/unique_fd.h"
#include "bpf/abi/context.h"
#include "bpf/runtime/default_host.h"
#include "control/hex.h"
#include "control/load_object.h"
#include "control/offline/verbs.h"

namespace control::offline {
namespace {

using json = nlohmann::ordered_json;
using ByteVector = std::vector<std::byte>;

constexpr std::size_t kInputBytesMax = 64U << 10;  // what a test run takes
constexpr u32 kOutputBytesMax = 128U << 10;        // a packet can grow

base::Result<ByteVector> read_file(const std::string& path) {
  const base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return base::Error(errno, path + ": " + std::strerror(errno));
  ByteVector bytes(kInputBytesMax + 1);
  std::size_t got = 0;
  for (;;) {
    const ssize_t n = read(fd.get(), bytes.data() + got, bytes.size() - got);
    if (n < 0) return base::Error(errno, path + ": " + std::strerror(errno));
    if (n == 0) break;
    got += std::size_t(n);
    if (got > kInputBytesMax) return base::Error(EFBIG, path + ": longer than 64 KiB");
  }
  bytes.resize(got);
  return bytes;
}

base::Status write_file(const std::string& path, base::ConstBytes bytes) {
  const base::UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return base::Error(errno, path + ": " + std::strerror(errno));
  if (write(fd.get(), bytes.data(), bytes.size()) != ssize_t(bytes.size()))
    return base::Error(errno ? errno : ENOSPC, path + ": cannot be written whole");
  return base::success();
}

struct Input {
  ByteVector data;
  ByteVector ctx;
};

base::Result<Input> read_input(const Arguments& arguments) {
  Input in{ByteVector(64), {}};
  if (!arguments.data_in.empty()) {
    SLUICE_TRY(in.data, read_file(arguments.data_in));
  }
  if (!arguments.ctx_in.empty()) {
    SLUICE_TRY(in.ctx, read_file(arguments.ctx_in));
  }
  return in;
}

base::Status pin_to(const Arguments& arguments) {
  if (!arguments.cpu) return base::success();
  if (*arguments.cpu >= CPU_SETSIZE) return base::Error(EINVAL, "--cpu: there is no such CPU");
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(*arguments.cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    return base::Error(errno, "--cpu " + std::to_string(*arguments.cpu) + ": " + std::strerror(errno));
  return base::success();
}

// The whole object, so that tail calls find their targets; if that is refused, the program alone.
base::Result<LoadedObject> load(Door& door, const Arguments& arguments) {
  LoadRequest request;
  request.path = arguments.object;
  auto whole = load_object(door, request);
  if (whole && whole->find_program(arguments.prog)) return whole;
  request.programs = {arguments.prog};
  return load_object(door, request);
}

struct Output {
  u32 retval = 0;
  u32 duration_ns = 0;
  u32 data_size_out = 0;
  ByteVector data;
  ByteVector ctx;
};

base::Result<Output> run(Door& door, const LoadedProgram& program, const Arguments& arguments, const Input& in) {
  LocalClient client;
  Output out{0, 0, 0, ByteVector(kOutputBytesMax), ByteVector(std::max(sizeof(bpf::xdp_md), sizeof(bpf::__sk_buff)))};
  bpf::bpf_attr attr{};
  attr.test.prog_fd = u32(client.install(program.program, {}));
  if (program.type != bpf::BPF_PROG_TYPE_SK_LOOKUP) {  // which has a context alone
    attr.test.data_in = reinterpret_cast<u64>(in.data.data());
    attr.test.data_size_in = u32(in.data.size());
    attr.test.data_out = reinterpret_cast<u64>(out.data.data());
    attr.test.data_size_out = u32(out.data.size());
  }
  attr.test.repeat = arguments.repeat;
  if (!in.ctx.empty()) {
    attr.test.ctx_in = reinterpret_cast<u64>(in.ctx.data());
    attr.test.ctx_size_in = u32(in.ctx.size());
    attr.test.ctx_out = reinterpret_cast<u64>(out.ctx.data());
    attr.test.ctx_size_out = u32(out.ctx.size());
  }
  const long rc = door.bpf_command(client, bpf::BPF_PROG_TEST_RUN, &attr, sizeof attr);
  if (rc < 0) return base::Error(int(-rc), "program '" + program.name + "': " + client.last_error);
  out.retval = attr.test.retval;
  out.duration_ns = attr.test.duration;
  out.data_size_out = attr.test.data_size_out;
  out.data.resize(attr.test.data_size_out);
  out.ctx.resize(in.ctx.empty() ? 0 : attr.test.ctx_size_out);
  return out;
}

json dump_map(Map& map) {
  json rows = json::array();
  ByteVector key(map.spec().key_size);
  ByteVector value(map.value_bytes());
  base::ConstBytes at;
  // Nothing runs while this reads, so no entry moves; the bound is the map's own.
  for (u64 i = 0; i <= map.spec().max_entries && map.ops().next_key(map.live(), at, key) == 0; ++i, at = key)
    if (map.ops().lookup(map.live(), key, value, 0) == 0)
      rows.push_back({{"key", to_hex(key)}, {"value", to_hex(value)}});
  return rows;
}

json to_json(const Arguments& arguments, const LoadedObject& object, const Output& out) {
  json result{{"retval", out.retval},
              {"duration_ns", out.duration_ns},
              {"data_size_out", out.data_size_out},
              {"data_out", to_hex(out.data)},
              {"ctx_out", to_hex(out.ctx)}};
  if (!arguments.dump_maps) return result;
  result["maps"] = json::object();
  for (const LoadedMap& map : object.maps) result["maps"][map.name] = dump_map(*map.map);
  return result;
}

void print_text(const json& result) {
  std::printf("retval %u\nduration %u ns\ndata %u bytes: %s\n", result["retval"].get<u32>(),
              result["duration_ns"].get<u32>(), result["data_size_out"].get<u32>(),
              result["data_out"].get_ref<const std::string&>().c_str());
  const auto& ctx = result["ctx_out"].get_ref<const std::string&>();
  if (!ctx.empty()) std::printf("ctx %s\n", ctx.c_str());
  if (!result.contains("maps")) return;
  for (const auto& [name, rows] : result["maps"].items()) {
    std::printf("map %s: %zu entries\n", name.c_str(), rows.size());
    for (const json& row : rows)
      std::printf("  %s  %s\n", row["key"].get_ref<const std::string&>().c_str(),
                  row["value"].get_ref<const std::string&>().c_str());
  }
}

base::Status store(const Arguments& arguments, const Output& out) {
  if (!arguments.data_out.empty()) SLUICE_CHECK(write_file(arguments.data_out, out.data));
  if (!arguments.ctx_out.empty()) SLUICE_CHECK(write_file(arguments.ctx_out, out.ctx));
  return base::success();
}

bool is_unreadable(int code) {
  return code == ENOEXEC || code == ENOENT || code == EISDIR || code == EFBIG;
}

}  // namespace

int test_run(const Arguments& arguments) {
  bpf::runtime::TraceSink trace;
  DoorConfig config;
  config.engine = arguments.interpret ? Engine::interp : Engine::jit;
  config.host = bpf::runtime::default_host();
  config.host_ctx = &trace;
  Door door(std::move(config));
  auto in = read_input(arguments);
  if (!in) return fail(arguments, in.error(), 2);
  auto object = load(door, arguments);
  if (!object) return fail(arguments, object.error(), is_unreadable(object.error().code()) ? 2 : 1);
  if (auto pinned = pin_to(arguments); !pinned) return fail(arguments, pinned.error(), 1);
  const LoadedProgram* program = object->find_program(arguments.prog);
  if (!program) return fail(arguments, base::Error(ENOENT, "the object has no program '" + arguments.prog + "'"), 2);
  auto out = run(door, *program, arguments, *in);
  if (!out) return fail(arguments, out.error(), 1);
  if (auto stored = store(arguments, *out); !stored) return fail(arguments, stored.error(), 1);
  const json result = to_json(arguments, *object, *out);
  if (arguments.json) print_json(arguments, result);
  else print_text(result);
  if (!trace.text.empty()) std::fprintf(stderr, "%s", trace.text.c_str());
  return 0;
}

}  // namespace control::offline
