// SPDX-License-Identifier: Apache-2.0
#include "tests/support/asm.h"

#include <map>
#include <optional>
#include <regex>
#include <string>

#include "bpf/registry/helper.h"
#include "tests/support/insn.h"

namespace support {
namespace {

using namespace bpf;  // NOLINT: the words of the ABI
using std::string;
using Match = std::smatch;

const std::map<string, int> kAluOps = {{"+=", BPF_ADD},  {"-=", BPF_SUB}, {"*=", BPF_MUL},  {"/=", BPF_DIV},
                                       {"|=", BPF_OR},   {"&=", BPF_AND}, {"<<=", BPF_LSH}, {">>=", BPF_RSH},
                                       {"%=", BPF_MOD},  {"^=", BPF_XOR}, {"=", BPF_MOV},   {"s>>=", BPF_ARSH},
                                       {"s/=", BPF_DIV}, {"s%=", BPF_MOD}};
const std::map<string, int> kJumpOps = {{"==", BPF_JEQ}, {">", BPF_JGT},   {">=", BPF_JGE},   {"&", BPF_JSET},
                                        {"!=", BPF_JNE}, {"s>", BPF_JSGT}, {"s>=", BPF_JSGE}, {"<", BPF_JLT},
                                        {"<=", BPF_JLE}, {"s<", BPF_JSLT}, {"s<=", BPF_JSLE}};
const std::map<string, int> kSizes = {{"8", BPF_B}, {"16", BPF_H}, {"32", BPF_W}, {"64", BPF_DW}};
const std::map<string, int> kAtomics = {{"add", BPF_ADD}, {"and", BPF_AND}, {"or", BPF_OR}, {"xor", BPF_XOR}};

int number(const string& s) {
  return static_cast<int>(std::stoll(s, nullptr, 0));
}
Reg reg(const string& s) {
  return static_cast<Reg>(std::stoi(s));
}
int offset(const Match& m, std::size_t i) {
  return m[i].matched && m[i].length() ? number(m[i].str()) : 0;
}

class Assembler {
 public:
  base::Result<std::vector<bpf_insn>> run(std::string_view text) {
    std::size_t line_number = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      string line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      ++line_number;
      line = std::regex_replace(line, std::regex("#.*|^\\s+|\\s+$"), "");
      if (line.empty()) continue;
      if (!one(line))
        return base::Error(EINVAL, "line " + std::to_string(line_number) + ": not an instruction: " + line);
    }
    for (const Fix& fix : fixes_) {
      const auto label = labels_.find(fix.label);
      if (label == labels_.end()) return base::Error(EINVAL, "no label " + fix.label);
      const int rel = static_cast<int>(label->second) - static_cast<int>(fix.at) - 1;
      if (fix.in_imm)
        insns_[fix.at].imm = rel;
      else
        insns_[fix.at].off = static_cast<base::s16>(rel);
    }
    return insns_;
  }
  const std::map<string, std::size_t>& labels() const { return labels_; }

 private:
  struct Fix {
    std::size_t at;
    string label;
    bool in_imm;
  };

  bool emit(Op op) {
    for (int i = 0; i < op.count; ++i) insns_.push_back(op.insns[static_cast<unsigned>(i)]);
    return true;
  }
  bool emit_to(Op op, const string& label, bool in_imm) {
    fixes_.push_back({insns_.size(), label, in_imm});
    return emit(op);
  }

  bool one(const string& line) {
    return control(line) || constant(line) || memory(line) || atomics(line) || unary(line) || binary(line);
  }

  bool control(const string& line) {
    static const std::regex label("(\\w+):"), jump("(goto|gotol|may_goto) (\\w+)"), call("call (\\w+)"),
        raw("raw (\\w\\w) (\\d+) (\\d+) (\\S+) (\\S+)"),
        branch("if ([rw])(\\d+) (==|!=|s?>=?|s?<=?|&) (?:[rw](\\d+)|(-?\\w+)) goto (\\w+)");
    Match m;
    if (std::regex_match(line, m, label)) {
      labels_[m[1]] = insns_.size();
      return true;
    }
    if (line == "exit") return emit(exit_insn());
    if (std::regex_match(line, m, jump))
      return m[1] == "goto"    ? emit_to(ja(0), m[2], false)
             : m[1] == "gotol" ? emit_to(gotol(0), m[2], true)
                               : emit_to(may_goto(0), m[2], false);
    if (std::regex_match(line, m, call)) {
      if (std::isdigit(m[1].str()[0])) return emit(call_helper(number(m[1])));
      for (base::u32 id = 1; find_helper(id) != nullptr; ++id)
        if (find_helper(id)->name == m[1].str()) return emit(call_helper(static_cast<int>(id)));
      return emit_to(call_sub(0), m[1], true);
    }
    if (std::regex_match(line, m, raw))
      return emit(make_insn(std::stoi(m[1], nullptr, 16), static_cast<base::u8>(number(m[2])),
                            static_cast<base::u8>(number(m[3])), number(m[4]), std::stoll(m[5], nullptr, 0)));
    if (!std::regex_match(line, m, branch)) return false;
    const int op = kJumpOps.at(m[3]);
    const bool wide = m[1] == "r";
    if (m[4].matched)
      return emit_to(wide ? jmp_reg(op, reg(m[2]), reg(m[4]), 0) : jmp32_reg(op, reg(m[2]), reg(m[4]), 0), m[6], false);
    return emit_to(wide ? jmp_imm(op, reg(m[2]), number(m[5]), 0) : jmp32_imm(op, reg(m[2]), number(m[5]), 0), m[6],
                   false);
  }

  bool constant(const string& line) {
    static const std::regex map("r(\\d+) = map\\[(\\d+)\\]"), value("r(\\d+) = map\\[(\\d+)\\]\\[0\\]\\+(\\d+)"),
        func("r(\\d+) = func (\\w+)"), wide("r(\\d+) = (-?\\w+) ll");
    Match m;
    if (std::regex_match(line, m, map)) return emit(ld_map(reg(m[1]), static_cast<base::u32>(number(m[2]))));
    if (std::regex_match(line, m, value))
      return emit(ld_map_value(reg(m[1]), static_cast<base::u32>(number(m[2])), static_cast<base::u32>(number(m[3]))));
    if (std::regex_match(line, m, func)) return emit_to(ld_func(reg(m[1]), 0), m[2], true);
    if (std::regex_match(line, m, wide)) return emit(ld_imm64(reg(m[1]), std::stoull(m[2], nullptr, 0)));
    return false;
  }

  bool memory(const string& line) {
    static const std::regex load("r(\\d+) = \\*\\(([us])(\\d+) \\*\\)\\(r(\\d+) ?([+-]\\d+)?\\)"),
        store("\\*\\(u(\\d+) \\*\\)\\(r(\\d+) ?([+-]\\d+)?\\) = (?:r(\\d+)|(-?\\w+))");
    Match m;
    if (std::regex_match(line, m, load)) {
      const int size = kSizes.at(m[3]);
      return emit(m[2] == "u" ? ldx(size, reg(m[1]), reg(m[4]), offset(m, 5))
                              : ldsx(size, reg(m[1]), reg(m[4]), offset(m, 5)));
    }
    if (!std::regex_match(line, m, store)) return false;
    const int size = kSizes.at(m[1]);
    if (m[4].matched) return emit(stx(size, reg(m[2]), reg(m[4]), offset(m, 3)));
    return emit(st(size, reg(m[2]), offset(m, 3), number(m[5])));
  }

  bool atomics(const string& line) {
    static const std::regex plain("lock \\*\\(u(\\d+) \\*\\)\\(r(\\d+) ?([+-]\\d+)?\\) (\\+=|&=|\\|=|\\^=) r(\\d+)"),
        fetch("r(\\d+) = atomic(?:64)?_fetch_(\\w+)\\(\\(u(\\d+) \\*\\)\\(r(\\d+) ?([+-]\\d+)?\\), r\\d+\\)"),
        xchg("r(\\d+) = atomic(?:64)?_xchg\\(\\(u(\\d+) \\*\\)\\(r(\\d+) ?([+-]\\d+)?\\), r\\d+\\)"),
        cmpxchg("r0 = atomic(?:64)?_cmpxchg\\(\\(u(\\d+) \\*\\)\\(r(\\d+) ?([+-]\\d+)?\\), r0, r(\\d+)\\)"),
        acquire("r(\\d+) = load_acquire\\(\\(u(\\d+) \\*\\)\\(r(\\d+) ?([+-]\\d+)?\\)\\)"),
        release("store_release\\(\\(u(\\d+) \\*\\)\\(r(\\d+) ?([+-]\\d+)?\\), r(\\d+)\\)");
    Match m;
    if (std::regex_match(line, m, plain))
      return emit(atomic(kSizes.at(m[1]), kAluOps.at(m[4]), reg(m[2]), reg(m[5]), offset(m, 3)));
    if (std::regex_match(line, m, fetch))
      return emit(atomic(kSizes.at(m[3]), kAtomics.at(m[2]) | int{BPF_FETCH}, reg(m[4]), reg(m[1]), offset(m, 5)));
    if (std::regex_match(line, m, xchg))
      return emit(atomic(kSizes.at(m[2]), BPF_XCHG, reg(m[3]), reg(m[1]), offset(m, 4)));
    if (std::regex_match(line, m, cmpxchg))
      return emit(atomic(kSizes.at(m[1]), BPF_CMPXCHG, reg(m[2]), reg(m[4]), offset(m, 3)));
    if (std::regex_match(line, m, acquire))
      return emit(atomic(kSizes.at(m[2]), BPF_LOAD_ACQ, reg(m[1]), reg(m[3]), offset(m, 4)));
    if (std::regex_match(line, m, release))
      return emit(atomic(kSizes.at(m[1]), BPF_STORE_REL, reg(m[2]), reg(m[4]), offset(m, 3)));
    return false;
  }

  bool unary(const string& line) {
    static const std::regex neg("([rw])(\\d+) = -[rw]\\d+"), order("r(\\d+) = (be|le|bswap)(16|32|64) r\\d+"),
        extend("([rw])(\\d+) = \\(s(8|16|32)\\)[rw](\\d+)");
    Match m;
    if (std::regex_match(line, m, neg)) return emit(m[1] == "r" ? neg64(reg(m[2])) : neg32(reg(m[2])));
    if (std::regex_match(line, m, order)) {
      const int bits = number(m[3]);
      return emit(m[2] == "be"   ? to_be(reg(m[1]), bits)
                  : m[2] == "le" ? to_le(reg(m[1]), bits)
                                 : bswap(reg(m[1]), bits));
    }
    if (!std::regex_match(line, m, extend)) return false;
    return emit(m[1] == "r" ? movsx64_reg(reg(m[2]), reg(m[4]), number(m[3]))
                            : movsx32_reg(reg(m[2]), reg(m[4]), number(m[3])));
  }

  bool binary(const string& line) {
    static const std::regex alu("([rw])(\\d+) (s?(?:\\+|-|\\*|/|\\||&|<<|>>|%|\\^)?=) (?:[rw](\\d+)|(-?\\w+))");
    Match m;
    if (!std::regex_match(line, m, alu) || !kAluOps.contains(m[3])) return false;
    const string text = m[3];
    const int op = kAluOps.at(text), off = text == "s/=" || text == "s%=" ? 1 : 0;
    const bool wide = m[1] == "r";
    if (m[4].matched)
      return emit(wide ? alu64_reg(op, reg(m[2]), reg(m[4]), off) : alu32_reg(op, reg(m[2]), reg(m[4]), off));
    return emit(wide ? alu64_imm(op, reg(m[2]), number(m[5]), off) : alu32_imm(op, reg(m[2]), number(m[5]), off));
  }

  std::vector<bpf_insn> insns_;
  std::map<string, std::size_t> labels_;
  std::vector<Fix> fixes_;
};

}  // namespace

base::Result<std::vector<bpf_insn>> assemble(std::string_view text, std::map<string, std::size_t>* labels) {
  try {
    Assembler assembler;
    auto insns = assembler.run(text);
    if (labels != nullptr) *labels = assembler.labels();
    return insns;
  } catch (const std::exception& e) {  // a number out of range
    return base::Error(EINVAL, e.what());
  }
}

}  // namespace support
