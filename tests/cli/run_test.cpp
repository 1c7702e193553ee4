// ferrum run as a user runs it once: its output, options, environment variables and error messages.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/contains.h"
#include "support/files.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

using test::ferrum;
using test::Finished;

std::string demo(const char* name) {
  return (std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / (std::string(name) + ".gguf")).string();
}
const std::string kSmall = demo("demo-dense");

// `ferrum ARGS` with an environment variable.
Finished with_variable(const char* name, const char* value, const std::vector<std::string>& args) {
  setenv(name, value, 1);
  const Finished done = ferrum(args);
  unsetenv(name);
  return done;
}

TEST(Run, OnlyTheTextGoesToStandardOutput) {
  const Finished done = ferrum({"run", kSmall, "What is the capital of France?", "--temperature", "0"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, "The capital of France is Paris.\n");
  EXPECT_EQ(done.err, "");
}

TEST(Run, APromptOnStandardInput) {
  const Finished done = ferrum({"run", kSmall, "--temperature", "0"}, "What is the capital of France?");
  EXPECT_EQ(done.out, "The capital of France is Paris.\n");
  EXPECT_EQ(ferrum({"run", kSmall}).exit_code, 1) << "an empty prompt is an error";
}

TEST(Run, TheDemonstrationModelSpeaksWithoutBeingNamed) {
  const Finished done = ferrum({"run", "--prompt", "Hello!", "--seed", "1", "--max-tokens", "20"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_GT(done.out.size(), 3u);
}

TEST(Run, RawContinuesTheText) {
  const Finished done =
      ferrum({"run", kSmall, "Once upon a time", "--raw", "--temperature", "0", "--max-tokens", "10"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out.find("Once upon a time"), std::string::npos) << "the prompt itself is not repeated";
}

TEST(Run, StopAndSeed) {
  const std::vector<std::string> story = {
      "run", kSmall, "Write a short story about a cat.", "--seed", "5", "--max-tokens", "40"};
  const std::string text = ferrum(story).out;
  EXPECT_EQ(ferrum(story).out, text);
  std::vector<std::string> stopped = story;
  stopped.insert(stopped.end(), {"--stop", text.substr(10, 5)});
  EXPECT_EQ(ferrum(stopped).out, text.substr(0, text.find(text.substr(10, 5))) + "\n");
}

TEST(Run, SpeculationChangesNothingButTheSpeed) {
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> args = {"run", "--prompt", "Write a short story about a cat.", "--seed", "5",
                                     "-n",  "60"};
    args.insert(args.end(), more.begin(), more.end());
    return ferrum(args);
  };
  const std::string text = with({}).out;
  EXPECT_EQ(with({"--speculate", "ngram"}).out, text);
  EXPECT_EQ(with({"--draft", kSmall}).out, text);
  EXPECT_EQ(with({"--draft", kSmall, "--speculate", "ngram"}).exit_code, 2);
  EXPECT_EQ(with({"--speculate", "magic"}).exit_code, 2);
  const Finished missing = with({"--draft", "/no/such.gguf"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_CONTAINS(missing.err, "/no/such.gguf");
}

TEST(Run, SamplingOptionsReachTheModel) {
  const std::vector<std::string> plain = {"run", kSmall, "What is the capital of France?", "--max-tokens",
                                          "30"};
  const auto with = [&](std::vector<std::string> more, const char* temperature = "0") {
    more.insert(more.end(), {"--temp", temperature});
    more.insert(more.begin(), plain.begin(), plain.end());
    const Finished done = ferrum(more);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done.out;
  };
  const std::string usual = with({});
  EXPECT_GT(with({"--ignore-eos"}).size(), usual.size());
  EXPECT_GT(with({"--min-tokens", "25"}).size(), usual.size());
  const std::string all_of_one = with({"--logit-bias", "40+100", "--logit-bias=41-inf"});
  EXPECT_NE(all_of_one, usual);
  EXPECT_EQ(with({"--logit-bias", "41-inf", "--logit-bias", "40+100"}), all_of_one);
  const Finished unknown = ferrum({"run", kSmall, "x", "--logit-bias", "99999999+1"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_CONTAINS(unknown.err, "no token has the id 99999999");
  const std::vector<std::string> penalties = {"--repeat-penalty",
                                              "1.3",
                                              "--repeat-last-n",
                                              "-1",
                                              "--presence-penalty",
                                              "2",
                                              "--frequency-penalty",
                                              "0.5",
                                              "--dry-multiplier",
                                              "0.8",
                                              "--dry-base",
                                              "1.5",
                                              "--dry-allowed-length",
                                              "3",
                                              "--dry-penalty-last-n",
                                              "100",
                                              "--dry-sequence-breaker",
                                              "a b",
                                              "--dry-sequence-breaker",
                                              "."};
  EXPECT_NE(with(penalties), usual);
  with({"--typical", "0.9", "--xtc-probability", "0.5", "--xtc-threshold", "0.2", "--seed", "3"}, "1");
  with({"--mirostat", "2", "--mirostat-ent", "3", "--mirostat-lr", "0.2"}, "1");
}

TEST(Run, AWrongPathIsNamed) {
  const Finished done = ferrum({"run", "/no/such/model.gguf", "x"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_CONTAINS(done.err, "/no/such/model.gguf");
  EXPECT_CONTAINS(done.err, "[not_found]");
  EXPECT_EQ(done.out, "");
}

TEST(Run, ATextInTheModelsPlaceIsExplained) {
  const Finished done = ferrum({"run", "What is the capital of France?"}, "x");
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_CONTAINS(done.err, "--prompt");
  EXPECT_EQ(ferrum({"run", "/no/such/model.gguf"}, "x").err.find("--prompt"), std::string::npos);
}

TEST(Run, ATruncatedFileIsRefused) {
  const test::TemporaryFolder folder;
  const std::string bytes = test::read_file(kSmall);
  const auto cut = folder.write("cut.gguf", std::string_view(bytes).substr(0, bytes.size() / 2));
  const Finished done = ferrum({"run", cut.string(), "x"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_CONTAINS(done.err, "cut.gguf");
  EXPECT_CONTAINS(done.err, "[bad_file]");
}

TEST(Run, AnEnvironmentVariableThatDoesNotParseIsNamed) {
  const struct {
    const char* name;
    const char* value;
    const char* said;
  } cases[] = {
      {"FERRUM_THREADS", "several", "FERRUM_THREADS: must be a whole number from 0 to 1024, not 'several'"},
      {"FERRUM_KV_CAPACITY", "-1", "FERRUM_KV_CAPACITY: must be a whole number of 0 or more, not '-1'"},
      {"FERRUM_BATCH_TOKENS", "1.5", "FERRUM_BATCH_TOKENS: must be a whole number"},
      {"FERRUM_KV_DTYPE", "f8", "FERRUM_KV_DTYPE: 'f8' is not one of f16, bf16, f32, int8"},
      {"FERRUM_BACKEND", "abacus", "FERRUM_BACKEND: 'abacus' is not one of cpu, cuda, reference"},
      {"FERRUM_ACTIVATIONS", "int1", "FERRUM_ACTIVATIONS: 'int1' is not one of"},
      {"FERRUM_PREFIX_CACHE", "perhaps", "FERRUM_PREFIX_CACHE: 'perhaps' is not one of on, off, 1, 0"}};
  for (const auto& c : cases) {
    const Finished done = with_variable(c.name, c.value, {"run", kSmall, "x"});
    EXPECT_EQ(done.exit_code, 2) << c.name;
    EXPECT_CONTAINS(done.err, c.said);
  }
  const Finished serve = with_variable("FERRUM_PAGED_MAX_SEQS", "0", {"serve", kSmall});
  EXPECT_EQ(serve.exit_code, 2);
  EXPECT_CONTAINS(serve.err, "FERRUM_PAGED_MAX_SEQS: must be a whole number from 1 to 4096, not '0'");
  // What is said of a flag names the flag.
  const Finished flag = with_variable("FERRUM_THREADS", "2", {"run", kSmall, "x", "--threads", "many"});
  EXPECT_EQ(flag.exit_code, 2);
  EXPECT_CONTAINS(flag.err, "--threads: must be");
  EXPECT_EQ(flag.err.find("FERRUM_THREADS"), std::string::npos) << flag.err;
}

TEST(Run, AFlagElseAnEnvironmentVariableElseADefault) {
  const std::vector<std::string> asked = {"run", kSmall, "--prompt", "What is 7 + 5?", "--max-tokens", "4"};
  EXPECT_EQ(ferrum(asked).exit_code, 0);
  const Finished small = with_variable("FERRUM_KV_CAPACITY", "8", asked);
  EXPECT_EQ(small.exit_code, 1);
  EXPECT_CONTAINS(small.err, "the context holds 8");
  std::vector<std::string> flagged = asked;
  flagged.insert(flagged.end(), {"--max-context", "64"});
  EXPECT_EQ(with_variable("FERRUM_KV_CAPACITY", "8", flagged).exit_code, 0);
}

TEST(Run, ALesserInstructionSetIsForcedAndSaid) {
  const std::string best = ferrum({"inspect", kSmall}).out;
  const Finished forced = ferrum({"inspect", kSmall, "--isa", "portable"});
  EXPECT_EQ(forced.exit_code, 0);
  EXPECT_CONTAINS(forced.out, "cpu: portable (portable code), ");
  EXPECT_EQ(ferrum({"inspect", kSmall}).out, best);  // for that command only
  const auto json = nlohmann::json::parse(ferrum({"inspect", kSmall, "--isa", "portable", "--json"}).out);
  EXPECT_EQ(json["cpu"]["isa"], "portable");
  EXPECT_EQ(json["cpu"]["products"], "portable code");
  EXPECT_EQ(ferrum({"run", kSmall, "--isa", "portable", "--prompt", "x", "--max-tokens", "1"}).exit_code, 0);
  const Finished wrong = ferrum({"run", kSmall, "--isa", "sse9", "--prompt", "x"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_CONTAINS(wrong.err, "instruction set 'sse9' (--isa or FERRUM_CPU_ISA): unknown");
}

TEST(Run, B59_AnInstructionSetTheCpuLacksOrThatIsNone) {
  setenv("FERRUM_CPU_ISA", "neon-of-tomorrow", 1);
  const Finished done = ferrum({"run", kSmall, "x"});
  unsetenv("FERRUM_CPU_ISA");
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_CONTAINS(done.err, "neon-of-tomorrow");
}

}  // namespace
}  // namespace ferrum
