#include "cli/thoughts.h"

#include <gtest/gtest.h>

namespace ferrum::cli {
namespace {

struct Told {
  std::string thought, said;
  bool operator==(const Told&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Told& told) {
  return out << '[' << told.thought << "][" << told.said << ']';
}

void add(const std::vector<Thoughts::Piece>& pieces, Told& told) {
  for (const Thoughts::Piece& piece : pieces) {
    EXPECT_FALSE(piece.text.empty());
    EXPECT_TRUE(!piece.thought || told.said.empty()) << "thoughts come first";
    (piece.thought ? told.thought : told.said) += piece.text;
  }
}

// In pieces of this many bytes.
Told split(Thoughts::Start start, const std::string& text, size_t part) {
  Thoughts thoughts(start);
  Told told;
  for (size_t i = 0; i < text.size(); i += part) {
    std::vector<Thoughts::Piece> pieces;
    thoughts.take(text.substr(i, part), pieces);
    add(pieces, told);
  }
  std::vector<Thoughts::Piece> rest;
  thoughts.end(rest);
  add(rest, told);
  return told;
}

TEST(Thoughts, AreSeparatedHoweverTheTextIsSplit) {
  using enum Thoughts::Start;
  const struct {
    Thoughts::Start start;
    std::string text;
    Told told;
  } cases[] = {
      {kPerhaps, "<think>\nHm.\nWell.\n</think>\n\nYes.", {"Hm.\nWell.", "Yes."}},
      {kPerhaps, "\n<think>Hm.</think>Yes.\n", {"Hm.", "Yes.\n"}},
      {kPerhaps, "<think>\n\n</think>\n\nYes.", {"", "Yes."}},
      {kPerhaps, "Yes, <think>no</think>.", {"", "Yes, <think>no</think>."}},
      {kPerhaps, "\n <thin ice", {"", "\n <thin ice"}},
      {kPerhaps, "<thi", {"", "<thi"}},
      {kPerhaps, "", {"", ""}},
      {kPerhaps, "<think>a < b\n\n</thin\n", {"a < b\n\n</thin\n", ""}},
      {kPerhaps, "<think>one</think>two</think>three", {"one", "two</think>three"}},
      {kPerhaps, "<think>cut", {"cut", ""}},
      {kInside, "\nHm.\n</think>\n\nYes.", {"Hm.", "Yes."}},
      {kInside, "</think>Yes.\n\nNo.", {"", "Yes.\n\nNo."}},
      {kNone, "<think>x</think>y", {"", "<think>x</think>y"}},
      {kNone, "\n\ny", {"", "\n\ny"}},
  };
  for (const auto& c : cases)
    for (size_t part : {1, 2, 3, 5, 1000})
      EXPECT_EQ(split(c.start, c.text, part), c.told) << c.text << ' ' << part;
}

TEST(Thoughts, NothingWaitsThatCannotBecomeAMark) {
  Thoughts thoughts(Thoughts::Start::kPerhaps);
  std::vector<Thoughts::Piece> pieces;
  thoughts.take("<think>one two", pieces);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].text, "one two");
  pieces.clear();
  thoughts.take(" three</t", pieces);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].text, " three");
}

}  // namespace
}  // namespace ferrum::cli
