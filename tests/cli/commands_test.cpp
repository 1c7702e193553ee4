// The commands as a user runs them: exit codes, output streams, and error messages.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "checkpoint/safetensors/safetensors.h"
#include "checkpoint/safetensors/safetensors_writer.h"
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

TEST(Commands, EveryCommandHasHelpWithAnExample) {
  const std::string all = ferrum({"--help"}).out;
  for (const char* name : {"run", "logits", "embed", "rerank", "perplexity", "tokenize", "detokenize",
                           "template", "inspect", "synthesize", "convert", "merge", "bench"}) {
    const Finished help = ferrum({name, "--help"});
    EXPECT_EQ(help.exit_code, 0) << name;
    EXPECT_CONTAINS(help.out, std::string("ferrum ") + name + " ");
    EXPECT_CONTAINS(help.out, "Example");
    EXPECT_CONTAINS(all, name);
  }
  EXPECT_CONTAINS(ferrum({"--version"}).out, "ferrum ");
}

TEST(Commands, ShowNamesTheLicenceOfAGgufFile) {
  const test::TemporaryFolder folder;
  test::SmallGguf model;
  model.others.string("general.license", "a-licence-longer-than-a-short-string");
  const Finished shown = ferrum({"show", folder.write("m.gguf", model.build()).string()});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_CONTAINS(shown.out, "a-licence-longer-than-a-short-string");
}

TEST(Commands, AMistypedCommandLineExitsWith2) {
  EXPECT_EQ(ferrum({}).exit_code, 2);
  const Finished unknown = ferrum({"rum"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_CONTAINS(unknown.err, "no command 'rum'");
  EXPECT_EQ(ferrum({"run", "--no-such-option"}).exit_code, 2);
  const Finished bad = ferrum({"run", kSmall, "x", "--threads", "many"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_CONTAINS(bad.err, "many");
}

// What is missing may be what the unknown option was meant to be.
TEST(Commands, AnUnknownOptionIsNamedBeforeWhatIsMissing) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{"logits", "--foo"},
                                               {"tokenize", "--foo"},
                                               {"logits", "--foo", "x"},
                                               {"--foo"}}) {
    const Finished done = ferrum(args);
    EXPECT_EQ(done.exit_code, 2);
    EXPECT_CONTAINS(done.err, "there is no option --foo\n");
  }
  EXPECT_CONTAINS(ferrum({"logits"}).err, "MODEL is required");
}

TEST(Commands, NamesThatAreEmptyAreNotTaken) {
  const std::vector<std::vector<std::string>> cases = {{"run", "", "hi"},
                                                       {"bench", ""},
                                                       {"inspect", ""},
                                                       {"tokenize", "", "hi"},
                                                       {"detokenize", "", "1"},
                                                       {"logits", ""},
                                                       {"perplexity", "", "x"},
                                                       {"template", ""},
                                                       {"convert", "", "x"},
                                                       {"convert", "x", ""},
                                                       {"merge", "", "--lora", "x", "--output", "y"},
                                                       {"merge", "x", "--lora", "", "--output", "y"},
                                                       {"merge", "x", "--lora", "y", "--output", ""},
                                                       {"synthesize", "", "x"},
                                                       {"synthesize", "x", ""},
                                                       {"bench", kSmall, "--plot", ""},
                                                       {"logits", kSmall, "--out", ""}};
  for (const auto& args : cases) {
    const Finished done = ferrum(args);
    EXPECT_EQ(done.exit_code, 2) << args[0];
    EXPECT_CONTAINS(done.err, "a file's or folder's name is missing");
  }
}

TEST(Commands, AMistakeOfTheFileSystemIsSaid) {
  const test::TemporaryFolder folder;
  const std::string loop = (folder.path() / "loop").string();
  std::filesystem::create_symlink(loop, loop);
  const Finished done = ferrum({"tokenize", loop, "x"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_CONTAINS(done.err, "loop");
  EXPECT_CONTAINS(done.err, "[io]");
}

TEST(Commands, NumbersThatDoNotFitAreNamed) {
  const struct {
    std::vector<std::string> args;
    const char* said;
  } cases[] = {
      {{"run", kSmall, "x", "--threads", "9999"},
       "--threads: must be a whole number from 0 to 1024, not '9999'"},
      {{"run", kSmall, "x", "--max-context", "-1"}, "must be a whole number of 0 or more, not '-1'"},
      {{"run", kSmall, "x", "--max-tokens", "-2"}, "must be a whole number from -1 to 1073741824, not '-2'"},
      {{"run", kSmall, "x", "--seed", "-1"}, "must be a whole number of 0 or more, not '-1'"},
      {{"run", kSmall, "x", "--seed", "99999999999999999999"}, "not '99999999999999999999'"},
      {{"run", kSmall, "x", "--temperature", ""}, "--temperature: a number is missing"},
      {{"run", kSmall, "x", "--temperature", "hot"}, "--temperature: 'hot' is not a number"},
      {{"run", kSmall, "x", "--top-k", "1.5"}, "--top-k: '1.5' is not a whole number"},
      {{"run", kSmall, "x", "--presence-penalty", "-3"}, "presence_penalty must be from -2 to 2, not -3"},
      {{"run", kSmall, "x", "--mirostat-ent", "nan"}, "mirostat_tau must be from 0 to 100, not nan"},
      {{"run", kSmall, "x", "--logit-bias", "15043"}, "'15043' is not a logit bias"},
      {{"run", kSmall, "x", "--logit-bias", "15043+500"},
       "logit_bias of token 15043 must be from -100 to 100"},
      {{"perplexity", kSmall, "x", "--windows", "1.5"}, "not '1.5'"},
      {{"logits", kSmall, "--chunk", ""}, "not ''"}};
  for (const auto& c : cases) {
    const Finished done = ferrum(c.args);
    EXPECT_EQ(done.exit_code, 2) << c.said;
    EXPECT_CONTAINS(done.err, c.said);
  }
}

TEST(Commands, OptionsThatWouldDoNothingAreNotTaken) {
  const struct {
    const char* command;
    const char* option;
  } cases[] = {{"inspect", "--threads"}, {"logits", "--max-context"}, {"perplexity", "--max-context"}};
  for (const auto& c : cases)
    EXPECT_EQ(ferrum({c.command, "--help"}).out.find(c.option), std::string::npos) << c.command;
}

TEST(Commands, WhatDoesNotFitInMemoryIsRefusedWithTheNumbers) {
  test::SmallGguf wide;  // whose keys and values take 256 KiB for each token in f16
  constexpr uint32_t kHeads = 32, kHeadDim = 1024;
  wide.set("attention.head_count", kHeads);
  wide.set("attention.head_count_kv", kHeads);
  wide.set("attention.key_length", kHeadDim);
  wide.set("attention.value_length", kHeadDim);
  wide.set("context_length", 1 << 28);
  for (const char* layer : {"blk.0.", "blk.1."}) {
    for (const char* name : {"attn_q.weight", "attn_k.weight", "attn_v.weight"})
      wide.tensors[std::string(layer) + name] = {uint64_t{kHeads} * kHeadDim, 8};
    wide.tensors[std::string(layer) + "attn_output.weight"] = {8, uint64_t{kHeads} * kHeadDim};
  }
  const test::TemporaryFolder folder;
  const std::string model = folder.write("wide.gguf", wide.build()).string();
  constexpr int kTokens = 1 << 22;
  const std::string ids = (folder.path() / "ids.safetensors").string();
  {
    SafetensorsWriter writer(ids, {{"input_ids", "I64", {1, kTokens}}});
    const std::vector<int64_t> ones(kTokens, 1);
    writer.append(std::as_bytes(std::span(ones)));
    writer.finish();
  }
  const struct {
    std::vector<std::string> args;
    const char* remedy;
  } cases[] = {
      {{"run", model, "--raw", "x", "--max-context", std::to_string(kTokens)}, "what fits: --max-context "},
      {{"bench", model, "-p", "0", "-n", "1", "-d", std::to_string(kTokens - 1)}, "smaller -p, -b or -d"},
      {{"logits", model, "--tokens", ids, "--out", (folder.path() / "out").string()}, "fewer tokens"}};
  for (const auto& c : cases) {
    const Finished done = ferrum(c.args);
    EXPECT_EQ(done.exit_code, 1) << c.remedy;
    EXPECT_CONTAINS(done.err, "no_memory");
    EXPECT_CONTAINS(done.err, "TiB = weights 8.00 MiB + KV cache ");
    EXPECT_CONTAINS(done.err, "for 4194304 tokens");
    EXPECT_CONTAINS(done.err, "are free: ");
    EXPECT_CONTAINS(done.err, c.remedy);
  }
}

TEST(Tokenize, ThereAndBackAgain) {
  const std::string text = "Once upon a time, é 漢 😀!";
  const Finished ids = ferrum({"tokenize", kSmall, text});
  EXPECT_EQ(ids.exit_code, 0) << ids.err;
  EXPECT_EQ(ferrum({"detokenize", kSmall}, ids.out).out, text + "\n");
  const auto json = nlohmann::json::parse(ferrum({"tokenize", kSmall, text, "--json"}).out);
  EXPECT_EQ(json["ids"].size(), json["tokens"].size());
  EXPECT_EQ(ferrum({"detokenize", kSmall, "99999999"}).exit_code, 1);
}

TEST(Tokenize, ControlTokensOnlyOnRequest) {
  const auto count = [](std::vector<std::string> args) {
    args.push_back("--json");
    return nlohmann::json::parse(ferrum(args).out)["ids"].size();
  };
  EXPECT_EQ(count({"tokenize", kSmall, "<|im_start|>", "--control-tokens"}), 1u);
  EXPECT_GT(count({"tokenize", kSmall, "<|im_start|>"}), 3u);
}

TEST(Tokenize, OtherFilesAreRefusedWithTheFormatsThatWork) {
  const test::TemporaryFolder folder;
  const Finished text = ferrum({"tokenize", folder.write("text.txt", "Some text here\n").string(), "x"});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_CONTAINS(text.err, "text.txt: is no GGUF file, no model's folder and no tokenizer that is known");
  EXPECT_CONTAINS(text.err, "'Some text here");
  EXPECT_CONTAINS(ferrum({"tokenize", folder.write("none.txt", "").string(), "x"}).err,
                  "none.txt: is no GGUF file");
}

TEST(Tokenize, AGgufFileIsKnownByItsBytes) {
  const test::TemporaryFolder folder;
  const std::string model = folder.write("model", test::read_file(kSmall)).string();
  EXPECT_EQ(ferrum({"tokenize", model, "Hello"}).out, ferrum({"tokenize", kSmall, "Hello"}).out);
}

TEST(Template, AFileAndAModelsOwn) {
  const test::TemporaryFolder folder;
  const auto file =
      folder.write("t.jinja", "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}");
  const auto context = folder.write(
      "c.json", R"({"messages": [{"role": "user", "content": "Hi"}], "add_generation_prompt": true})");
  EXPECT_EQ(ferrum({"template", "--file", file.string(), "--context", context.string()}).out, "[user] Hi\n");
  EXPECT_CONTAINS(ferrum({"template", kSmall, "--context", context.string()}).out,
                  "<|im_start|>user\nHi<|im_end|>\n");
  const auto broken = folder.write("b.jinja", "{% for %}");
  const Finished done = ferrum({"template", "--file", broken.string(), "--context", context.string()});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_CONTAINS(done.err, "[bad_template]");
}

TEST(Logits, MatchTheGoldenWhateverTheChunk) {
  const test::TemporaryFolder folder;
  const auto golden = test::data("goldens/qwen3_moe");
  const std::string out = (folder.path() / "out.safetensors").string();
  std::string first;
  for (const char* chunk : {"0", "1", "9"}) {
    const Finished done =
        ferrum({"logits", golden.string(), "--tokens", (golden / "golden.safetensors").string(), "--out", out,
                "--chunk", chunk, "--threads", "2"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    const auto got = SafetensorsFile::open(out)->tensor("logits");
    const auto expected_file = SafetensorsFile::open(golden / "golden.safetensors");
    const HostTensor expected = expected_file->tensor("logits");
    EXPECT_EQ(got.shape, expected.shape);
    const std::string bytes = test::read_file(out);
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first) << "chunk " << chunk;
  }
}

TEST(Logits, OfTheHeadThatPredictsFurtherTokens) {
  const auto golden = test::shared("goldens2/mtp_glm4_moe");
  FERRUM_NEEDS_SHARED(golden);
  const test::TemporaryFolder folder;
  const std::string out = (folder.path() / "out.safetensors").string();
  const std::string ids = (golden / "golden.safetensors").string();
  std::string first;
  for (const char* chunk : {"0", "7"}) {
    const Finished done = ferrum({"logits", golden.string(), "--tokens", ids, "--out", out, "--mtp",
                                  "--chunk", chunk, "--activations", "f32"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    const auto got_file = SafetensorsFile::open(out);
    const auto expected_file = SafetensorsFile::open(ids);
    const HostTensor expected = expected_file->tensor("mtp_logits");
    EXPECT_EQ(got_file->tensor("mtp_logits").shape, expected.shape);
    const std::vector<float> got = decoded(got_file->tensor("mtp_logits")), wanted = decoded(expected);
    for (size_t i = 0; i < wanted.size(); i += 97) EXPECT_NEAR(got[i], wanted[i], 1e-2);
    const std::string bytes = test::read_file(out);
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first) << "chunk " << chunk;
  }
  const std::string without = test::data("goldens/qwen3_moe").string();
  EXPECT_CONTAINS(ferrum({"logits", without, "--tokens", ids, "--out", out, "--mtp"}).err,
                  "no head that predicts further tokens");
}

TEST(Logits, TokensPastTheVocabularyAreRefused) {
  const Finished done =
      ferrum({"logits", kSmall, "--tokens", test::data("goldens/llama/config.json").string(), "--out",
              "out.safetensors"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_CONTAINS(done.err, "config.json");
}

TEST(Inspect, SaysWhatThereIs) {
  const auto json = nlohmann::json::parse(ferrum({"inspect", kSmall, "--json", "--tensors", "--check"}).out);
  EXPECT_EQ(json["architecture"], "qwen3");
  EXPECT_EQ(json["layers"], 3);
  EXPECT_EQ(json["finite"], true);
  EXPECT_GT(json["tensors"].size(), 30u);
  EXPECT_CONTAINS(ferrum({"inspect", kSmall}).out, "memory for 512 tokens");
  const Finished longer = ferrum({"inspect", kSmall, "--max-context", "513"});
  EXPECT_EQ(longer.exit_code, 1);
  EXPECT_CONTAINS(longer.err, "allows 1 to 512");
}

TEST(Inspect, B23_WeightsThatAreNotFinite) {
  const test::TemporaryFolder folder;
  std::string bytes = test::read_file(kSmall);
  bytes[bytes.size() - 2] = '\x80';  // the last weight, a BF16: infinity
  bytes[bytes.size() - 1] = '\x7F';
  const std::string file = folder.write("m.gguf", bytes).string();
  EXPECT_EQ(ferrum({"inspect", file}).exit_code, 0);
  const Finished done = ferrum({"inspect", file, "--check"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_CONTAINS(done.err, "m.gguf: tensor '");
  EXPECT_CONTAINS(done.err, "has inf at [");
  EXPECT_CONTAINS(ferrum({"inspect", kSmall, "--check"}).out, "all weights are finite");
}

TEST(Commands, CheckedOperationsAgreeWithTheReference) {
  const std::vector<std::string> args = {"run",          kSmall, "--prompt",      "Once",
                                         "--max-tokens", "3",    "--temperature", "0"};
  std::vector<std::string> checked = args;
  checked.push_back("--check");
  const Finished plain = ferrum(args);
  const Finished done = ferrum(checked);
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, plain.out);
  EXPECT_EQ((done.out + done.err).find("check:"), std::string::npos) << done.err;
}

// models/MODEL_CARD.md; of the larger model fewer windows, as the reference backend scores them.
TEST(Perplexity, OfTheDemonstrationModelsIsThatOfTheirCards) {
  const auto perplexity = [](const char* model, const char* windows) {
    return nlohmann::json::parse(ferrum({"perplexity", demo(model), test::data("heldout.txt").string(),
                                         "--control-tokens", "--windows", windows, "--json"})
                                     .out)["perplexity"]
        .get<double>();
  };
  EXPECT_NEAR(perplexity("demo-dense", "40"), 3.344, 3.344e-3);
  EXPECT_NEAR(perplexity("demo-moe", "2"), 1.6622, 1.6622e-3);
}

// Of each window the tokens after the first of its second half.
TEST(Perplexity, ScoresWhatLlamaPerplexityScores) {
  const test::TemporaryFolder folder;
  std::string text = "a";  // a token for each letter, and this vocabulary puts no BOS before them
  for (int i = 1; i < 15; ++i) text += " b";
  const std::string file = folder.write("text.txt", text).string();
  const auto scored = [&](int window) {
    const Finished done = ferrum({"perplexity", kSmall, file, "--window", std::to_string(window), "--json"});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    const auto json = nlohmann::json::parse(done.out);
    return std::pair(json["windows"].get<int>(), json["tokens_scored"].get<int>());
  };
  EXPECT_EQ(scored(15), std::pair(1, 7));
  EXPECT_EQ(scored(7), std::pair(2, 6));
  EXPECT_EQ(scored(4), std::pair(3, 3)) << "the rest fills no window";
}

TEST(Perplexity, OfTextTheModelKnowsIsLow) {
  const test::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 60; ++i) text += "Once upon a time there was a little cat. The cat was happy. ";
  const auto file = folder.write("text.txt", text);
  const auto json =
      nlohmann::json::parse(ferrum({"perplexity", kSmall, file.string(), "--window", "128", "--json"}).out);
  EXPECT_LT(json["perplexity"], 40) << "of 4096 tokens";
  EXPECT_GT(json["perplexity"], 1);
  EXPECT_EQ(ferrum({"perplexity", kSmall, file.string(), "--window", "100000"}).exit_code, 1);
  const Finished piped =
      ferrum({"perplexity", kSmall, "/dev/stdin", "--window", "128", "--windows", "2", "--json"}, text);
  EXPECT_EQ(piped.exit_code, 0) << piped.err;
}

}  // namespace
}  // namespace ferrum
