// SPDX-License-Identifier: Apache-2.0
#include "config/text.h"

#include <gtest/gtest.h>

#include <random>

namespace config {
namespace {

// The recursive definition of the distance, too slow for anything but a check.
std::size_t slow_distance(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  std::size_t best = std::min(slow_distance(a.substr(1), b), slow_distance(a, b.substr(1))) + 1;
  best = std::min(best, slow_distance(a.substr(1), b.substr(1)) + (a[0] == b[0] ? 0 : 1));
  if (a.size() > 1 && b.size() > 1 && a[0] == b[1] && a[1] == b[0]) {
    best = std::min(best, slow_distance(a.substr(2), b.substr(2)) + 1);
  }
  return best;
}

TEST(Text, DistanceCountsInsertDeleteReplaceAndSwap) {
  EXPECT_EQ(edit_distance("ring", "ring"), 0u);
  EXPECT_EQ(edit_distance("rnig", "ring"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Text, DistanceEqualsItsDefinitionOnShortWords) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  const auto word = [&] {
    std::string text;
    for (unsigned length = random() % 6; text.size() < length;) text += static_cast<char>('a' + random() % 3);
    return text;
  };
  for (int i = 0; i < 500; ++i) {
    const std::string a = word(), b = word();
    EXPECT_EQ(edit_distance(a, b), slow_distance(a, b)) << a << " " << b << " seed " << kSeed;
  }
}

TEST(Text, SuggestsTheNearestWordOnly) {
  const std::vector<std::string> words = {"rx-queues", "tx-queues", "rxd", "mtu", "kind"};
  EXPECT_EQ(suggest("rx-queus", words), "rx-queues");
  EXPECT_EQ(suggest("RX_QUEUES", words), "rx-queues");
  EXPECT_EQ(suggest("knid", words), "kind");
  EXPECT_EQ(suggest("queues", words), std::nullopt) << "two are equally near";
  EXPECT_EQ(suggest("colour", words), std::nullopt);
  EXPECT_EQ(suggest("", words), std::nullopt);
  EXPECT_EQ(suggest(std::string(10'000, 'a'), words), std::nullopt);
}

TEST(Text, NamesOfTwoLettersAreNotMisspellingsOfEachOther) {
  EXPECT_EQ(suggest("w3", {"w0", "w1"}), std::nullopt);
}

TEST(Text, ColumnsCountCharactersNotBytes) {
  const std::string line = "aé日x";
  EXPECT_EQ(column_of_offset(line, 0), 1);
  EXPECT_EQ(column_of_offset(line, 6), 4);
  EXPECT_EQ(offset_of_column(line, 4), 6u);
  EXPECT_EQ(offset_of_column(line, 99), line.size());
  EXPECT_TRUE(is_wide(line, 3));
  EXPECT_FALSE(is_wide(line, 1));
}

TEST(Text, BrokenUtf8IsFoundWhereItBegins) {
  EXPECT_EQ(find_non_text("plain, é, 日, 😀\t\r\n"), std::nullopt);
  EXPECT_EQ(find_non_text("ab\xff"), 2u);
  EXPECT_EQ(find_non_text("ab\xc3"), 2u) << "ends inside a character";
  EXPECT_EQ(find_non_text("a\xc0\x80"), 1u) << "longer than need be";
  EXPECT_EQ(find_non_text("a\xed\xa0\x80"), 1u) << "half of a surrogate pair";
  EXPECT_EQ(find_non_text("a\xf4\x90\x80\x80"), 1u) << "beyond the last character";
  EXPECT_EQ(find_non_text(std::string_view("a\0b", 3)), 1u);
  EXPECT_EQ(find_non_text("a\x1b[2J"), 1u) << "what steers a terminal";
  EXPECT_EQ(find_non_text("a\xe2\x80\xae"), 1u) << "what turns the direction of writing";
}

TEST(Text, PrintableTextCannotSteerATerminal) {
  EXPECT_EQ(printable("a\x1b[2Jé\xff\n"), "a\\x1b[2Jé\\xff\\x0a");
}

TEST(Text, LongListsOfWordsEndWithACount) {
  EXPECT_EQ(join_words({}), "none");
  EXPECT_EQ(join_words({"a", "b"}), "a, b");
  EXPECT_EQ(join_words({"a", "b", "c"}, 2), "a, b, … (1 more)");
}

}  // namespace
}  // namespace config
