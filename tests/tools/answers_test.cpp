// Answers of every family: what they mean, and that no split changes it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/answers.h"

namespace ferrum::tools::testing {
namespace {

const std::shared_ptr<const ToolList>& tool_list() {
  static const auto kList = std::make_shared<const ToolList>(tools_json());
  return kList;
}

ParsedAnswer parse(const Format& format, Phase phase, const std::vector<std::string_view>& pieces) {
  Parser parser(format, tool_list(), {.phase = phase});
  ParsedAnswer answer;
  for (const std::string_view piece : pieces) answer.add(parser.feed(piece));
  answer.add(parser.finish());
  return answer;
}

std::vector<std::string_view> bytes_of(std::string_view text) {
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  return bytes;
}

class Answers : public ::testing::TestWithParam<Answer> {};

TEST_P(Answers, MeanWhatTheyShould) {
  const Answer& expected = GetParam();
  const ParsedAnswer got = parse(format_named(expected.family), expected.phase, {expected.text});
  EXPECT_EQ(got.content, expected.content);
  EXPECT_EQ(got.reasoning, expected.reasoning);
  ASSERT_EQ(got.calls.size(), expected.calls.size());
  for (size_t i = 0; i < got.calls.size(); ++i) {
    EXPECT_EQ(got.calls[i].name, expected.calls[i].name);
    EXPECT_EQ(got.calls[i].complete, expected.calls[i].complete);
    if (!expected.calls[i].id.empty()) {
      EXPECT_EQ(got.calls[i].id, expected.calls[i].id);
    }
    EXPECT_FALSE(got.calls[i].id.empty());
    if (expected.calls[i].complete) {
      EXPECT_EQ(Json::parse(got.calls[i].arguments, nullptr, false), Json::parse(expected.calls[i].arguments))
          << got.calls[i].arguments;
    } else {
      EXPECT_EQ(got.calls[i].arguments, expected.calls[i].arguments);
    }
  }
}

TEST_P(Answers, AreTheSameAtEverySplit) {
  const Answer& expected = GetParam();
  const Format format = format_named(expected.family);
  const std::string_view text = expected.text;
  const ParsedAnswer whole = parse(format, expected.phase, {text});
  EXPECT_EQ(parse(format, expected.phase, bytes_of(text)), whole);
  for (size_t at = 1; at < text.size(); ++at)
    ASSERT_EQ(parse(format, expected.phase, {text.substr(0, at), text.substr(at)}), whole)
        << "split at " << at;
}

TEST_P(Answers, MayBreakOffAnywhere) {
  const Answer& expected = GetParam();
  const Format format = format_named(expected.family);
  for (size_t size = 0; size < expected.text.size(); ++size) {
    const std::string_view text = std::string_view(expected.text).substr(0, size);
    const ParsedAnswer whole = parse(format, expected.phase, {text});
    ASSERT_EQ(parse(format, expected.phase, bytes_of(text)), whole) << "cut at " << size;
    ASSERT_LE(whole.calls.size(), expected.calls.size());
  }
}

// Of an answer that a limit cuts, nothing is shown that would not be content or thought in the whole one.
TEST_P(Answers, LeakNothingOfACallThatALimitCuts) {
  const Answer& expected = GetParam();
  const Format format = format_named(expected.family);
  const ParsedAnswer whole = parse(format, expected.phase, {expected.text});
  for (size_t size = 0; size < expected.text.size(); ++size) {
    const std::string_view text = std::string_view(expected.text).substr(0, size);
    Parser parser(format, tool_list(), {.phase = expected.phase});
    ParsedAnswer cut;
    for (const std::string_view byte : bytes_of(text)) cut.add(parser.feed(byte));
    cut.add(parser.finish(Parser::End::kCut));
    const auto begins = [](std::string text, std::string_view beginning) {
      while (!beginning.empty() && std::isspace(static_cast<unsigned char>(beginning.back())) != 0)
        beginning.remove_suffix(1);
      return text.starts_with(beginning);
    };
    ASSERT_TRUE(begins(whole.content, cut.content)) << "cut at " << size << ": " << cut.content;
    ASSERT_TRUE(begins(whole.reasoning, cut.reasoning)) << "cut at " << size << ": " << cut.reasoning;
    ASSERT_LE(cut.calls.size(), whole.calls.size()) << "cut at " << size;
  }
}

TEST_P(Answers, WithoutCallsAllButThoughtsIsContent) {
  const Answer& expected = GetParam();
  const Format format = format_named(expected.family);
  Parser parser(format, tool_list(), {.phase = expected.phase, .calls = false});
  ParsedAnswer answer;
  answer.add(parser.feed(expected.text));
  answer.add(parser.finish());
  EXPECT_TRUE(answer.calls.empty());
}

std::string test_name(const ::testing::TestParamInfo<Answer>& info) {
  std::string name = info.param.family + "_" + info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Formats, Answers, ::testing::ValuesIn(answers()), test_name);

TEST(AnswersTable, HasEveryFamily) {
  for (const std::string& family : family_names())
    EXPECT_TRUE(std::any_of(answers().begin(), answers().end(), [&](const Answer& a) {
      return a.family == family;
    })) << family;
}

}  // namespace
}  // namespace ferrum::tools::testing
