#include "loadgen/workload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/errors.h"
#include "support/files.h"

namespace ferrum::loadgen {
namespace {

using test::expect_error;

int words_of(const std::string& text) { return 1 + static_cast<int>(std::ranges::count(text, ' ')); }

TEST(Workload, LengthsAreNumbersOrRanges) {
  EXPECT_EQ(parse_length("128", "-p"), (Length{128, 128}));
  EXPECT_EQ(parse_length("64-512", "-p"), (Length{64, 512}));
  EXPECT_EQ(to_string(Length{64, 512}), "64-512");
  EXPECT_EQ(to_string(Length{3, 3}), "3");
  for (const char* text : {"", "0", "-5", "5-", "7-3", "a", "1-2-3", "1000001", "99999999999", "4 "})
    expect_error(ErrorCode::kBadArgument, {"-p", "64-512"}, [&] { parse_length(text, "-p"); });
}

TEST(Workload, TheSeedAndTheNumberDecide) {
  const WorkloadOptions options = {.prompt = {10, 20}, .answer = {5, 9}, .seed = 3};
  const Workload one(options);
  const Workload same(options);
  WorkloadOptions other_options = options;
  other_options.seed = 4;
  const Workload other(other_options);
  std::set<std::string> texts;
  std::set<int> lengths;
  std::set<int> answers;
  for (uint64_t i = 0; i < 300; ++i) {
    const Prompt prompt = one.prompt(i);
    EXPECT_EQ(prompt.text, same.prompt(i).text);
    EXPECT_NE(prompt.text, other.prompt(i).text);
    texts.insert(prompt.text);
    lengths.insert(words_of(prompt.text));
    answers.insert(prompt.max_tokens);
  }
  EXPECT_EQ(texts.size(), 300U) << "no two alike";
  EXPECT_EQ(lengths.size(), 11U);
  EXPECT_EQ(*lengths.begin(), 10);
  EXPECT_EQ(answers, (std::set<int>{5, 6, 7, 8, 9}));
}

TEST(Workload, ASharedPrefixComesFirstAndBesideTheirOwnWords) {
  const Workload with({.prompt = {5, 5}, .shared_prefix = 30, .seed = 1});
  const Workload without({.prompt = {5, 5}, .seed = 1});
  const std::string first = with.prompt(0).text;
  EXPECT_EQ(words_of(first), 35);
  const std::string own = without.prompt(0).text;
  ASSERT_TRUE(first.ends_with(" " + own));
  const std::string prefix = first.substr(0, first.size() - own.size());
  EXPECT_EQ(with.prompt(1).text, prefix + without.prompt(1).text);
}

TEST(Workload, PromptsOfAFileComeInTurns) {
  const test::TemporaryFolder folder;
  const Workload text({.answer = {7, 7}, .prompts = read_prompts(folder.write("a.txt", "one\r\n\n \ntwo"))});
  EXPECT_EQ(text.prompt(0).text, "one");
  EXPECT_EQ(text.prompt(1).text, "two");
  EXPECT_EQ(text.prompt(4).text, "one");
  EXPECT_EQ(text.prompt(4).max_tokens, 7);

  const std::vector<Prompt> json = read_prompts(folder.write(
      "b.jsonl",
      "\"a \\\"b\\\"\"\n{\"prompt\": \"c\", \"max_tokens\": 3, \"id\": 1}\n\n{\"messages\": [{\"role\": "
      "\"user\"}]}\n"));
  ASSERT_EQ(json.size(), 3U);
  EXPECT_EQ(json[0].text, "a \"b\"");
  EXPECT_EQ(json[1].text, "c");
  EXPECT_EQ(json[1].max_tokens, 3);
  EXPECT_EQ(json[2].messages, R"([{"role":"user"}])");
  EXPECT_EQ(Workload({.prompts = json}).prompt(1).max_tokens, 3);
}

TEST(Workload, MistakesInAFileAreNamedWithTheirLine) {
  const test::TemporaryFolder folder;
  const auto read = [&](const char* text) { read_prompts(folder.write("x.jsonl", text)); };
  expect_error(ErrorCode::kNotFound, {"no/such"}, [] { read_prompts("/no/such/file.txt"); });
  expect_error(ErrorCode::kBadArgument, {"no prompt"}, [&] { read("\n \n"); });
  expect_error(ErrorCode::kBadFile, {"x.jsonl:2", "JSON"}, [&] { read("\"a\"\nb\n"); });
  expect_error(ErrorCode::kBadFile, {"x.jsonl:1", "a string or an object"}, [&] { read("7"); });
  expect_error(ErrorCode::kBadFile, {"x.jsonl:1", "either prompt or messages"}, [&] { read("{}"); });
  expect_error(ErrorCode::kBadFile, {"either prompt or messages"},
               [&] { read(R"({"prompt":"a","messages":[]})"); });
  expect_error(ErrorCode::kBadFile, {"prompt must be"}, [&] { read(R"({"prompt":1})"); });
  expect_error(ErrorCode::kBadFile, {"messages must be"}, [&] { read(R"({"messages":1})"); });
  expect_error(ErrorCode::kBadFile, {"max_tokens"}, [&] { read(R"({"prompt":"a","max_tokens":0})"); });
  expect_error(ErrorCode::kBadFile, {"UTF-8"}, [&] { read_prompts(folder.write("y.txt", "\xff\n")); });
}

}  // namespace
}  // namespace ferrum::loadgen
