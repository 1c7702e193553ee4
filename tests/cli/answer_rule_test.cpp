// ferrum run --schema, --regex, --grammar and --json.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/contains.h"
#include "support/files.h"
#include "support/process.h"

namespace ferrum {
namespace {

const std::string kModel = std::string(FERRUM_SOURCE_DIR) + "/models/demo-dense.gguf";

class RunWithARule : public testing::Test {
 protected:
  std::string file(const std::string& name, std::string_view bytes) {
    return folder_.write(name, bytes).string();
  }
  static test::Finished run(std::vector<std::string> options) {
    options.insert(options.begin(),
                   {"run", kModel, "Tell me a story.", "--raw", "--threads", "1", "--seed", "1"});
    return test::ferrum(options);
  }

 private:
  test::TemporaryFolder folder_;
};

TEST_F(RunWithARule, TheAnswerKeepsIt) {
  const std::string schema = file("s.json", R"({"type": "object", "properties": {"a": {"type": "integer"},
      "b": {"enum": ["x", "y"]}}, "required": ["a", "b"], "additionalProperties": false})");
  const test::Finished of_schema = run({"--schema", schema, "--compact"});
  EXPECT_EQ(of_schema.exit_code, 0) << of_schema.err;
  const nlohmann::json value = nlohmann::json::parse(of_schema.out);
  EXPECT_TRUE(value.at("a").is_number_integer()) << value;
  EXPECT_TRUE(value.at("b") == "x" || value.at("b") == "y") << value;
  EXPECT_EQ(of_schema.out, value.dump() + "\n");

  const test::Finished of_regex = run({"--regex", "(red|blue) [0-9]{3}"});
  EXPECT_TRUE(of_regex.out.starts_with("red ") || of_regex.out.starts_with("blue ")) << of_regex.out;
  const test::Finished of_grammar = run({"--grammar", file("g.gbnf", "root ::= (\"ab\" | \"b\") \"c\"\n")});
  EXPECT_TRUE(of_grammar.out == "abc\n" || of_grammar.out == "bc\n") << of_grammar.out;
}

TEST_F(RunWithARule, ACutAnswerIsAnError) {
  const test::Finished cut = run({"--json", "--max-tokens", "1"});
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_CONTAINS(cut.err, "the answer was cut");
  EXPECT_EQ(cut.out.front(), '{');
}

TEST_F(RunWithARule, ARefusalComesFirstAndNamesKeywordAndPath) {
  const test::Finished refused = test::ferrum(
      {"run", "no-such.gguf", "x", "--schema", file("s.json", R"({"items": {"pattern": "(a)\\1"}})")});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_CONTAINS(refused.err, "--schema: pattern at #/items");
  EXPECT_CONTAINS(test::ferrum({"run", "no-such.gguf", "x", "--regex", "("}).err, "--regex: ");
  EXPECT_CONTAINS(test::ferrum({"run", "no-such.gguf", "x", "--schema", "no-such.json"}).err, "no-such.json");
}

TEST_F(RunWithARule, OneRuleOnly) {
  EXPECT_CONTAINS(run({"--json", "--regex", "a"}).err, "excludes");
  EXPECT_CONTAINS(run({"--grammar", "g", "--compact"}).err, "excludes");
  EXPECT_CONTAINS(run({"--compact"}).err, "--compact needs --schema or --json");
}

// What stands before the answer is not printed; what breaks the rule is, as it was recorded.
TEST_F(RunWithARule, OnlyTheAnswerIsPrinted) {
  const std::string answers = file("a.jsonl", "\"<think>\\nHm.\\n</think>\\n\\n{\\\"a\\\": 1}\"\n\"No.\"\n");
  const test::Finished thinking = test::ferrum({"run", "--replay", answers, "--prompt", "?", "--json"});
  EXPECT_EQ(thinking.out, "{\"a\": 1}\n") << thinking.err;
}

TEST_F(RunWithARule, ARecordedAnswerThatBreaksItIsReported) {
  const test::Finished broken =
      test::ferrum({"run", "--replay", file("a.jsonl", "\"No.\""), "--prompt", "?", "--json"});
  EXPECT_EQ(broken.out, "No.\n");
  EXPECT_CONTAINS(broken.err, "a recorded answer breaks what its request demands of it: 'No.");
  const test::Finished kept =
      test::ferrum({"run", "--replay", file("b.jsonl", R"("{}")"), "--prompt", "?", "--json"});
  EXPECT_EQ(kept.err, "");
}

}  // namespace
}  // namespace ferrum
