#include "engine/stop_strings.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "support/errors.h"

namespace ferrum {
namespace {

// Everything that comes out of `text` cut into pieces at random, and what was met.
std::pair<std::string, std::string> run(const std::vector<std::string>& strings, const std::string& text,
                                        uint64_t seed) {
  StopStrings stops(strings);
  std::string out;
  for (size_t at = 0, i = 0; at < text.size(); ++i) {
    const size_t n = 1 + random_bits(seed, i) % 4;
    out += stops.push(std::string_view(text).substr(at, n));
    at += n;
  }
  if (!stops.met()) out += stops.finish();
  return {out, stops.met() ? stops.met_string() : ""};
}

TEST(StopStrings, EndTheTextBeforeTheFirstOfThem) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    EXPECT_EQ(run({"STOP", "END"}, "go on END and STOP", seed),
              std::make_pair(std::string("go on "), std::string("END")));
    EXPECT_EQ(run({"STOP"}, "STO STO", seed), std::make_pair(std::string("STO STO"), std::string()));
    EXPECT_EQ(run({"aab"}, "aaaab", seed).first, "aa");
    EXPECT_EQ(run({"\xF0\x9F\x98\x80"}, "x\xF0\x9F\x98\x80y", seed).first, "x");
  }
}

TEST(StopStrings, NothingOfAStopStringIsEverLetOut) {
  StopStrings stops({"</answer>"});
  EXPECT_EQ(stops.push("yes</ans"), "yes");
  EXPECT_EQ(stops.push("w"), "");
  EXPECT_EQ(stops.push("er"), "");
  EXPECT_EQ(stops.push(">more"), "");
  EXPECT_TRUE(stops.met());
  EXPECT_EQ(stops.push("and more"), "");
}

TEST(StopStrings, HoldBackNoLongerThanNeeded) {
  StopStrings stops({"</answer>"});
  EXPECT_EQ(stops.push("a < b"), "a < b");
  EXPECT_EQ(stops.push("</"), "");
  EXPECT_EQ(stops.push("b>"), "</b>");
}

TEST(StopStrings, DoNotCountWithinTextThatIsPassed) {
  StopStrings stops({"STOP"});
  EXPECT_EQ(stops.pass("a STOP b ST"), "a STOP b ");
  EXPECT_FALSE(stops.met());
  EXPECT_EQ(stops.push("OP c"), "") << "complete behind what was passed";
  EXPECT_TRUE(stops.met());

  StopStrings doubled({"aa"});
  std::string shown = doubled.pass("aa");
  shown += doubled.push("b");
  EXPECT_EQ(shown, "aab");
  EXPECT_FALSE(doubled.met());
  EXPECT_EQ(doubled.push("xaa"), "x");
  EXPECT_TRUE(doubled.met());
}

TEST(StopStrings, B44_TooManyEmptyOrHuge) {
  test::expect_error(ErrorCode::kBadArgument, {"empty"}, [] { StopStrings({""}); });
  test::expect_error(ErrorCode::kBadArgument, {"1000 strings", "128"},
                     [] { StopStrings(std::vector<std::string>(1000, "x")); });
  test::expect_error(ErrorCode::kBadArgument, {"bytes"}, [] { StopStrings({std::string(1 << 20, 'x')}); });
}

}  // namespace
}  // namespace ferrum
