// `ferrum bench` as a user runs it. Speeds depend on the machine, so the tests check that figures exist, are
// consistent and appear in the right place.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "base/isa_choice.h"
#include "support/contains.h"
#include "support/file_bytes.h"
#include "support/files.h"
#include "support/paths.h"
#include "support/process.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::ferrum;
using test::Finished;

const std::string kDense = test::data("goldens/qwen3").string();
const std::string kMixture = test::data("goldens/qwen3_moe").string();

// Every element that opens closes, in order; attributes are quoted; no bare signs.
void expect_well_formed(const std::string& xml) {
  std::vector<std::string> open;
  size_t at = xml.find("?>") + 2;
  int elements = 0;
  while ((at = xml.find('<', at)) != std::string::npos) {
    const size_t end = xml.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = xml.substr(at + 1, end - at - 1);
    EXPECT_EQ(tag.find('<'), std::string::npos) << tag;
    EXPECT_EQ(std::count(tag.begin(), tag.end(), '"') % 2, 0) << tag;
    if (tag[0] == '/') {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), tag.substr(1));
      open.pop_back();
    } else {
      ++elements;
      if (tag.back() != '/') open.push_back(tag.substr(0, tag.find(' ')));
    }
    at = end;
  }
  EXPECT_TRUE(open.empty());
  EXPECT_GT(elements, 10);
  for (size_t i = xml.find('&'); i != std::string::npos; i = xml.find('&', i + 1))
    EXPECT_NE(xml.find(';', i), std::string::npos);
}

TEST(BenchCommand, JsonHasARowForEachPromptAndEachDecoding) {
  const Finished done = ferrum({"bench", kMixture, "-p", "16", "-n", "4", "-b", "1,3", "-d", "0,20", "-r",
                                "3", "--json", "--threads", "1"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.err, "");
  const json rows = json::parse(done.out);
  ASSERT_TRUE(rows.is_array());
  std::set<std::array<int, 4>> found;
  for (const json& row : rows) {
    found.insert({row["prompt_tokens"].get<int>(), row["generated_tokens"].get<int>(),
                  row["batch"].get<int>(), row["depth"].get<int>()});
    const auto samples = row["samples"].get<std::vector<double>>();
    ASSERT_EQ(samples.size(), 3U);
    const double mean = std::accumulate(samples.begin(), samples.end(), 0.0) / 3;
    EXPECT_NEAR(row["tokens_per_second"], mean, 1e-6 * mean);
    EXPECT_GT(mean, 0);
    EXPECT_GE(row["stddev"], 0);
    EXPECT_GT(row["limit_share"], 0);
    EXPECT_NEAR(row["limit_share"].get<double>() * row["limit_tokens_per_second"].get<double>(), mean,
                1e-6 * mean);
    EXPECT_GT(row["gbps"], 0);
    EXPECT_GT(row["gops"], 0);
    const double reading = row["gbps"].get<double>() / row["limits"]["read_gbps"].get<double>();
    const std::string peak = row["limits"]["bf16_gops"] > 0 ? "bf16" : "f32";  // as the CPU has it
    const double arithmetic = row["gops"].get<double>() / row["limits"][peak + "_gops"].get<double>();
    EXPECT_NEAR(row["limit_share"], std::max(reading, arithmetic), 1e-6);
    EXPECT_EQ(row["limits"]["peak"], peak);
    EXPECT_EQ(row["limited_by"], reading > arithmetic ? "reading" : "arithmetic");
    EXPECT_GT(row["limits"]["read_gbps"], 0);
    EXPECT_GT(row["limits"]["int8_gops"], 0);
    EXPECT_EQ(row["threads"], 1);
    EXPECT_EQ(row["isa"], name_of(selected_isa()));
    EXPECT_EQ(row["products"], products_of(selected_isa()));
    EXPECT_FALSE(row.contains("operations"));
    ASSERT_EQ(row.contains("engine"), row["kind"] == "decode");
    if (!row.contains("engine")) continue;
    const json& engine = row["engine"];
    for (const char* time : {"first_token_ms", "between_tokens_ms"}) {
      EXPECT_GT(engine[time]["median"], 0);
      EXPECT_GE(engine[time]["p99"], engine[time]["median"]);
    }
    EXPECT_GT(engine["prompt_tokens_per_second"], 0);
    EXPECT_GT(engine["total_tokens_per_second"], 0);
    EXPECT_GE(engine["mean_batch"], 1);
    EXPECT_LE(engine["mean_batch"], row["batch"]);
    EXPECT_GT(engine["outside_model_share"], 0);
    EXPECT_LT(engine["outside_model_share"], 1);
    // A token of each sequence in the time between two of one.
    const double between = engine["between_tokens_ms"]["median"].get<double>() * 1e-3;
    EXPECT_GT(row["batch"].get<double>() / between, mean / 5);
  }
  const std::set<std::array<int, 4>> expected = {{16, 0, 1, 0},  {0, 4, 1, 0},  {0, 4, 3, 0},
                                                 {16, 0, 1, 20}, {0, 4, 1, 20}, {0, 4, 3, 20}};
  EXPECT_EQ(rows.size(), expected.size());
  EXPECT_EQ(found, expected);
}

TEST(BenchCommand, TheModelAloneOnRequestOrWithoutABatch) {
  for (const std::vector<std::string>& more : {std::vector<std::string>{"-b", "2", "--through", "model"},
                                               {"-b", "2"},
                                               {"--through", "engine"},
                                               {}}) {
    std::vector<std::string> args = {"bench", kDense, "-p", "0", "-n", "4", "-r", "1", "--json"};
    args.insert(args.end(), more.begin(), more.end());
    const json rows = json::parse(ferrum(args).out);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0]["batch"], more.empty() || more[0] == "--through" ? 1 : 2);
    EXPECT_EQ(rows[0].contains("engine"), more.size() == 2);
  }
}

TEST(BenchCommand, ATableAProfileAndAPicture) {
  const test::TemporaryFolder folder;
  const auto picture = folder.path() / "speed.svg";
  const Finished done = ferrum({"bench", kDense, "-p", "16", "-n", "4", "-b", "2", "-r", "2", "--profile",
                                "ops", "--plot", picture.string()});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.err, "");
  EXPECT_CONTAINS(done.out, "prompt 16 ");
  EXPECT_CONTAINS(done.out, "decode 4 × 2 ");
  EXPECT_CONTAINS(done.out, "\nthrough the engine ");
  EXPECT_CONTAINS(done.out, "this machine: reading ");
  EXPECT_CONTAINS(done.out, "prompt 16, one repetition");
  const size_t decode = done.out.find("decode 4 × 2, one repetition");
  ASSERT_NE(decode, std::string::npos);
  for (const char* operation : {" attend [2, ", " expand [2, ", " linear [2, ", " rope_and_store [2, "})
    EXPECT_NE(done.out.find(operation, decode), std::string::npos) << operation;

  const std::string svg = test::read_file(picture);
  EXPECT_TRUE(svg.starts_with("<?xml"));
  expect_well_formed(svg);
  EXPECT_CONTAINS(svg, "Prompts");
  EXPECT_CONTAINS(svg, "decoding together");
}

TEST(BenchCommand, AProfileInJson) {
  const json rows = json::parse(
      ferrum({"bench", kMixture, "-p", "0", "-n", "4", "-r", "1", "--profile", "ops", "--json"}).out);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["generated_tokens"], 4);
  EXPECT_EQ(rows[0]["stddev"], 0);
  double shares = 0;
  int64_t expert_calls = 0;
  for (const json& operation : rows[0]["operations"]) {
    shares += operation["share"].get<double>();
    if (operation["operation"].get<std::string>().starts_with("experts"))
      expert_calls += operation["calls"].get<int64_t>();
  }
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_EQ(expert_calls, 4 * 3) << "a call for each step and layer";
}

TEST(BenchCommand, MistakesAreNamed) {
  const struct {
    std::vector<std::string> args;
    const char* code;
    const char* word;
  } cases[] = {
      {{"-p", "0", "-n", "0"}, "bad_argument", "nothing to measure"},
      {{"-p", "16,0"}, "bad_argument", "-p 0"},
      {{"-n", "-4"}, "bad_argument", "-n -4"},
      {{"-b", "0"}, "bad_argument", "-b 0"},
      {{"-b", "4,5000"}, "bad_argument", "-b 5000"},
      {{"--depth", "-1"}, "bad_argument", "-d -1"},
      {{"-r", "0"}, "bad_argument", "-r 0"},
      {{"-p", "2048"}, "bad_argument", "a prompt of 2048 tokens is too much"},
      {{"-p", "500", "-d", "100"}, "bad_argument", "500 tokens after 100 others"},
      {{"-n", "513"}, "bad_argument", "generating 513 tokens is too much"},
      {{"-n", "512", "-b", "2"}, "bad_argument", "generating 512 tokens after a prompt of 1 is too much"},
      {{"--plot", "/no/such/folder/x.svg", "-p", "1", "-n", "0", "-r", "1"}, "io", "/no/such/folder"}};
  for (const auto& c : cases) {
    std::vector<std::string> args = {"bench", kDense};
    args.insert(args.end(), c.args.begin(), c.args.end());
    const Finished done = ferrum(args);
    EXPECT_EQ(done.exit_code, 1) << c.word;
    EXPECT_CONTAINS(done.err, c.word);
    EXPECT_CONTAINS(done.err, c.code);
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
  }
  EXPECT_EQ(ferrum({"bench", kDense, "-p", "many"}).exit_code, 2);
  EXPECT_EQ(ferrum({"bench", kDense, "-p", ""}).exit_code, 2);
  EXPECT_EQ(ferrum({"bench", kDense, "-p", "99999999999"}).exit_code, 2);
  EXPECT_EQ(ferrum({"bench", kDense, "--profile", "everything"}).exit_code, 2);
  EXPECT_EQ(ferrum({"bench", kDense, "--through", "the-looking-glass"}).exit_code, 2);
  EXPECT_EQ(ferrum({"bench"}).exit_code, 2);
  EXPECT_EQ(ferrum({"bench", "/no/such.gguf"}).exit_code, 1);
}

}  // namespace
}  // namespace ferrum
