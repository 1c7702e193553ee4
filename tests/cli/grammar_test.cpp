// ferrum grammar: what it prints and how it exits.
#include <gtest/gtest.h>

#include "support/contains.h"
#include "support/files.h"
#include "support/paths.h"
#include "support/process.h"

namespace ferrum {
namespace {

using test::ferrum;

class GrammarCommand : public testing::Test {
 private:
  test::TemporaryFolder folder_;

 protected:
  std::string file(const std::string& name, std::string_view bytes) {
    return folder_.write(name, bytes).string();
  }
  const std::string schema_ = folder_
                                  .write("s.json", R"({"type": "object", "required": ["a"],
      "properties": {"b": {"type": "integer"}, "a": {"type": "string"}}, "additionalProperties": false})")
                                  .string();
};

TEST_F(GrammarCommand, AcceptsAndRejectsWithTheByte) {
  const test::Finished good = ferrum(
      {"grammar", "check", "--schema", schema_, "--instance", file("i", "{\"a\": \"x\", \"b\": 1.0}\n")});
  EXPECT_EQ(good.out, "accept\n");
  EXPECT_EQ(good.exit_code, 0);
  const test::Finished bad =
      ferrum({"grammar", "check", "--schema", schema_, "--instance", file("j", "{\"a\": 1}")});
  EXPECT_EQ(bad.out, "reject: at byte 6\n");
  EXPECT_EQ(bad.exit_code, 1);
  const test::Finished cut =
      ferrum({"grammar", "check", "--schema", schema_, "--instance", file("k", "{\"a\":")});
  EXPECT_CONTAINS(cut.out, "too early");
  EXPECT_EQ(cut.exit_code, 1);
}

TEST_F(GrammarCommand, JudgesLinesAndValues) {
  const std::string lines = file("l", "{\"a\":\"x\"}\n  { \"a\" :\"y\"}\n\n{}\n");
  EXPECT_EQ(ferrum({"grammar", "check", "--schema", schema_, "--jsonl", lines}).out,
            "accept\nreject: at byte 0\nreject: at byte 1\n");
  EXPECT_EQ(ferrum({"grammar", "check", "--schema", schema_, "--jsonl", lines, "--value"}).out,
            "accept\naccept\nreject: at byte 1\n");
  const std::string swapped = file("m", R"({"a": "x", "b": 1})");
  EXPECT_EQ(ferrum({"grammar", "check", "--schema", schema_, "--instance", swapped, "--as-answer"}).exit_code,
            1);
  const std::string two = file("n", "1 2");
  EXPECT_EQ(ferrum({"grammar", "check", "--schema", file("t", "{}"), "--instance", two, "--value"}).exit_code,
            1);
}

TEST_F(GrammarCommand, MeasuresCompilingAndMasks) {
  FERRUM_NEEDS_SHARED("tokenizers/gpt2");
  const std::string tokenizer = test::shared("tokenizers/gpt2").string();
  const std::string lines = file("l", "{\"b\": 12, \"a\": \"x\"}\n{\"a\": 1}\n");
  const test::Finished table =
      ferrum({"grammar", "bench", "--schema", schema_, "--tokenizer", tokenizer, "--jsonl", lines});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_CONTAINS(table.out, "1 of 1 grammars compiled; 2 texts, 1 not followed to the end");
  EXPECT_CONTAINS(table.out, "mask, µs");
  const test::Finished drawn =
      ferrum({"grammar", "bench", "--regex", file("r", "[a-z]{300}"), "--tokenizer", tokenizer, "--json"});
  EXPECT_CONTAINS(drawn.out, "\"texts\":4");
  const test::Finished again = ferrum(
      {"grammar", "bench", "--schema", schema_, "--tokenizer", tokenizer, "--seed", "1", "--slowest", "1"});
  EXPECT_CONTAINS(again.out, "Slowest masks");
}

TEST_F(GrammarCommand, MeasuresAFolderOfSchemas) {
  FERRUM_NEEDS_SHARED("tokenizers/gpt2");
  const std::string tokenizer = test::shared("tokenizers/gpt2").string();
  const std::filesystem::path folder = std::filesystem::path(schema_).parent_path();
  file(
      "case.json",
      R"({"schema": {"type": "integer"}, "tests": [{"data": 12, "valid": true}, {"data": "", "valid": false}]})");
  file("none.json", R"({"pattern": "(a)\\1"})");
  const test::Finished table =
      ferrum({"grammar", "bench", "--schema", folder.string(), "--tokenizer", tokenizer});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_CONTAINS(table.out, "2 of 3 grammars compiled; 5 texts, 0 not followed to the end");
}

TEST_F(GrammarCommand, SaysWhatBenchNeeds) {
  EXPECT_CONTAINS(ferrum({"grammar", "bench", "--schema", schema_}).err, "--tokenizer");
  const std::string broken = file("broken.json", "{");
  const test::Finished bad = ferrum(
      {"grammar", "bench", "--schema", std::filesystem::path(broken).parent_path().string(), "--tokenizer",
       (std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf").string()});
  EXPECT_NE(bad.exit_code, 0);
  EXPECT_CONTAINS(bad.err, "broken.json");
}

TEST_F(GrammarCommand, RefusesByName) {
  const test::Finished refused =
      ferrum({"grammar", "check", "--schema", file("r", R"({"items": {"pattern": "(a)\\1"}})")});
  EXPECT_CONTAINS(refused.out, "refused: pattern at #/items");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(ferrum({"grammar", "check", "--gbnf", file("g", "root ::= root\n")}).exit_code, 2);
  EXPECT_EQ(
      ferrum({"grammar", "check", "--regex", file("x", "a+\n"), "--instance", file("y", "aa\n")}).exit_code,
      0);
  EXPECT_EQ(ferrum({"grammar", "check"}).exit_code, 1);
}

}  // namespace
}  // namespace ferrum
