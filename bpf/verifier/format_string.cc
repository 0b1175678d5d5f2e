// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/format_string.h"

#include <cctype>

namespace bpf::verifier {
namespace {

bool is_one_of(char c, std::string_view set) {
  return c != 0 && set.find(c) != std::string_view::npos;
}

// In the kernel's character set, ISO 8859-1.
bool is_control(unsigned char c) {
  return c >= 0x80 ? c < 0xa0 : !std::isprint(c) && !std::isspace(c);
}

// One conversion, behind its percent sign.
class Conversion {
 public:
  explicit Conversion(std::string_view text) : text_(text) {}

  bool read() {
    while (is_one_of(now(), "0+- ")) ++at_;
    while (std::isdigit(static_cast<unsigned char>(now()))) ++at_;
    if (now() == 'p') return read_pointer();
    if (is_one_of(now(), "sc")) return take();
    if (now() == 'l') ++at_;
    if (now() == 'l') ++at_;
    return is_one_of(now(), "iduxX") && take();
  }
  std::size_t length() const { return at_; }

 private:
  char now(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0; }
  bool take(std::size_t n = 1) {
    at_ += n;
    return true;
  }
  bool read_pointer() {
    ++at_;
    if (is_one_of(now(), "ku") && now(1) == 's') return take(2);  // text in the kernel's or user's memory
    const unsigned char next = static_cast<unsigned char>(now());
    if (next == 0 || std::isspace(next) || std::ispunct(next)) return true;
    if (is_one_of(now(), "KxsSB")) return take();
    return is_one_of(now(), "iI") && is_one_of(now(1), "46") && take(2);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_good_format(std::string_view format, base::u32 args) {
  base::u32 used = 0;
  for (std::size_t k = 0; k < format.size(); ++k) {
    const unsigned char c = static_cast<unsigned char>(format[k]);
    if (is_control(c)) return false;
    if (c != '%') continue;
    if (k + 1 < format.size() && format[k + 1] == '%') {
      ++k;
      continue;
    }
    if (used == args) return false;
    Conversion conversion(format.substr(k + 1));
    if (!conversion.read()) return false;
    k += conversion.length();
    ++used;
  }
  return true;
}

}  // namespace bpf::verifier
