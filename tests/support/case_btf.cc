// SPDX-License-Identifier: Apache-2.0
#include "tests/support/case_btf.h"

#include <algorithm>
#include <cstring>
#include <regex>

#include "bpf/btf/btf.h"

namespace support {
namespace {

using namespace bpf;  // NOLINT: the words of the ABI
using base::u32;
using std::string;

struct Number {
  const char* name;
  u32 bytes;
  u32 encoding;  // BTF_INT_SIGNED is 1
};
constexpr Number kNumbers[] = {{"char", 1, 1}, {"s8", 1, 1},   {"u8", 1, 0},  {"short", 2, 1},
                               {"s16", 2, 1},  {"u16", 2, 0},  {"int", 4, 1}, {"s32", 4, 1},
                               {"u32", 4, 0},  {"long", 8, 1}, {"s64", 8, 1}, {"u64", 8, 0}};

class Blob {
 public:
  u32 type(const string& name, u32 kind, u32 vlen, u32 size_or_type) {
    words({string_at(name), kind << 24 | vlen, size_or_type});
    return ++count_;
  }
  void words(std::initializer_list<u32> list) { types_.insert(types_.end(), list); }
  u32 string_at(const string& s) {
    if (s.empty()) return 0;
    const u32 at = static_cast<u32>(strings_.size());
    strings_ += s;
    strings_ += '\0';
    return at;
  }
  std::vector<std::byte> bytes() const {
    btf_header h{.magic = BTF_MAGIC,
                 .version = BTF_VERSION,
                 .flags = 0,
                 .hdr_len = sizeof(btf_header),
                 .type_off = 0,
                 .type_len = static_cast<u32>(types_.size() * 4),
                 .str_off = static_cast<u32>(types_.size() * 4),
                 .str_len = static_cast<u32>(strings_.size())};
    std::vector<std::byte> out(sizeof h + h.type_len + h.str_len);
    std::memcpy(out.data(), &h, sizeof h);
    std::memcpy(out.data() + sizeof h, types_.data(), h.type_len);
    std::memcpy(out.data() + sizeof h + h.type_len, strings_.data(), h.str_len);
    return out;
  }

 private:
  std::vector<u32> types_;
  string strings_ = string(1, '\0');
  u32 count_ = 0;
};

class Writer {
 public:
  // Id of a type named in C, pointers behind it; 0 is void.
  base::Result<u32> type_of(const string& text) {
    const std::size_t star = text.rfind('*');
    if (star != string::npos) {
      SLUICE_TRY(const u32 target, type_of(text.substr(0, star)));
      return named("*" + std::to_string(target), [&] { return blob_.type("", BTF_KIND_PTR, 0, target); });
    }
    const string word = std::regex_replace(text, std::regex("^\\s+|\\s+$"), "");
    if (word == "void") return 0U;
    std::smatch m;
    if (std::regex_match(word, m, std::regex("(struct|enum) (\\w+)"))) return aggregate(word, m[1], m[2]);
    for (const Number& n : kNumbers)
      if (word == n.name)
        return named(word, [&] {
          const u32 id = blob_.type(word, BTF_KIND_INT, 0, n.bytes);
          blob_.words({n.encoding << 24 | n.bytes * 8});
          return id;
        });
    return base::Error(EINVAL, "no type '" + word + "'");
  }

  base::Result<u32> function(const string& line, string* label) {
    static const std::regex whole("(static|global) ([^()]*[ *])(\\w+)\\((.*)\\)");
    std::smatch m;
    if (!std::regex_match(line, m, whole)) return base::Error(EINVAL, "no function: " + line);
    *label = m[3];
    SLUICE_TRY(const u32 result, type_of(m[2]));
    std::vector<u32> types;
    std::vector<string> names;
    std::vector<std::vector<string>> tags;
    SLUICE_CHECK(parameters(m[4], types, names, tags));
    const u32 proto = blob_.type("", BTF_KIND_FUNC_PROTO, static_cast<u32>(types.size()), result);
    for (std::size_t p = 0; p < types.size(); ++p) blob_.words({blob_.string_at(names[p]), types[p]});
    const u32 func = blob_.type(*label, BTF_KIND_FUNC, m[1] == "global" ? BTF_FUNC_GLOBAL : BTF_FUNC_STATIC, proto);
    for (std::size_t p = 0; p < tags.size(); ++p)
      for (const string& tag : tags[p]) {
        blob_.type("arg:" + tag, BTF_KIND_DECL_TAG, 0, func);
        blob_.words({static_cast<u32>(p)});
      }
    return func;
  }

  // A declaration tag of a whole function.
  void tag(u32 func, const string& text) {
    blob_.type(text, BTF_KIND_DECL_TAG, 0, func);
    blob_.words({~0U});
  }

  std::vector<std::byte> bytes() const { return blob_.bytes(); }

 private:
  template <class F>
  u32 named(const string& key, F make) {
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    const u32 id = make();
    known_[key] = id;
    return id;
  }

  u32 aggregate(const string& word, const string& kind, const string& name) {
    if (kind == "enum")
      return named(word, [&] {
        const u32 id = blob_.type(name, BTF_KIND_ENUM, 1, 4);
        blob_.words({blob_.string_at(name + "_zero"), 0});
        return id;
      });
    return named(word, [&] {
      static const std::regex sized("\\w+_(\\d+)");
      std::smatch m;
      const u32 bytes = std::regex_match(name, m, sized) ? static_cast<u32>(std::stoul(m[1])) : 16;
      const u32 whole = bytes / 8;
      const u32 u64_id = *type_of("u64"), u8_id = *type_of("u8");
      const u32 id = blob_.type(name, BTF_KIND_STRUCT, whole + bytes % 8, bytes);
      for (u32 k = 0; k < whole; ++k) blob_.words({blob_.string_at("w" + std::to_string(k)), u64_id, k * 64});
      for (u32 k = 0; k < bytes % 8; ++k)
        blob_.words({blob_.string_at("b" + std::to_string(k)), u8_id, (whole * 8 + k) * 8});
      return id;
    });
  }

  base::Status parameters(const string& text, std::vector<u32>& types, std::vector<string>& names,
                          std::vector<std::vector<string>>& tags) {
    static const std::regex one("\\s*([^,]*?)(\\w+)((?:\\s+__arg_\\w+)*)\\s*(?:,|$)"), tag("__arg_(\\w+)");
    if (text.empty() || text == "void") return base::success();
    for (std::sregex_iterator it(text.begin(), text.end(), one), end; it != end; ++it) {
      if ((*it)[0].length() == 0) continue;
      SLUICE_TRY(const u32 type, type_of((*it)[1]));
      types.push_back(type);
      names.push_back((*it)[2]);
      const string tail = (*it)[3];
      std::vector<string> found;
      for (std::sregex_iterator t(tail.begin(), tail.end(), tag); t != end; ++t) found.push_back((*t)[1]);
      tags.push_back(found);
    }
    return base::success();
  }

  Blob blob_;
  std::map<string, u32> known_;
};

}  // namespace

base::Status add_functions(ProgSource& source, const std::vector<string>& lines,
                           const std::map<string, std::size_t>& labels) {
  if (lines.empty()) return base::success();
  Writer writer;
  u32 entry = 0;
  std::vector<string> callbacks;
  for (string line : lines) {
    string label;
    static const string kException = " __exception";
    const bool exception = line.ends_with(kException);
    if (exception) line.resize(line.size() - kException.size());
    SLUICE_TRY(const u32 func, writer.function(line, &label));
    if (exception) callbacks.push_back(label);
    if (label == "main") entry = func;
    const auto place = labels.find(label);
    if (place == labels.end() && label != "main") return base::Error(EINVAL, "no label " + label);
    source.func_info.push_back({label == "main" ? 0 : static_cast<u32>(place->second), func});
  }
  for (const string& callback : callbacks) writer.tag(entry, "exception_callback:" + callback);
  std::sort(source.func_info.begin(), source.func_info.end(),
            [](const bpf_func_info& a, const bpf_func_info& b) { return a.insn_off < b.insn_off; });
  source.btf = writer.bytes();
  return base::success();
}

base::Status use_object_types(ProgSource& source, const std::vector<std::byte>& blob,
                              const std::map<string, std::size_t>& labels) {
  SLUICE_TRY(const btf::Btf types, btf::Btf::parse(blob));
  const auto entry = types.find("entry", BTF_KIND_FUNC);
  if (!entry) return base::Error(EINVAL, "the types have no function 'entry'");
  source.func_info.push_back({0, *entry});
  for (const auto& [label, place] : labels)
    if (const auto func = types.find(label, BTF_KIND_FUNC); func && place != 0)
      source.func_info.push_back({static_cast<u32>(place), *func});
  std::ranges::sort(source.func_info, {}, &bpf_func_info::insn_off);
  source.btf = blob;
  return base::success();
}

}  // namespace support
