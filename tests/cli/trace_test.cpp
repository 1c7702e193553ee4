// The option --trace. The contents of a trace: engine/trace_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/contains.h"
#include "support/files.h"
#include "support/paths.h"
#include "support/process.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::ferrum;
using test::Finished;

const std::string kDemo = (fs::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf").string();

class Trace : public testing::Test {
 protected:
  std::string path() const { return (folder_.path() / "t.json").string(); }
  json events() const { return json::parse(test::read_file(path()))["traceEvents"]; }
  int count(const std::string& name) const {
    const json all = events();
    return static_cast<int>(std::count_if(
        all.begin(), all.end(), [&](const json& e) { return e["name"] == name && e["ph"] == "X"; }));
  }

  test::TemporaryFolder folder_;
};

TEST_F(Trace, OfAnAnswerAndTheAnswerIsTheSame) {
  const std::vector<std::string> args = {"run", kDemo, "Hello", "--temperature", "0", "-n", "8"};
  std::vector<std::string> traced = args;
  traced.insert(traced.end(), {"--trace", path()});
  const Finished done = ferrum(traced);
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, ferrum(args).out);
  EXPECT_GE(count("step"), 2);
  EXPECT_EQ(count("step"), count("forward"));
  EXPECT_EQ(count("decode"), 1);
}

TEST_F(Trace, MistakesAreReportedBeforeLoading) {
  const std::string precious = folder_.write("precious.gguf", std::string(1000, 'x')).string();
  const std::pair<std::string, std::string> cases[] = {{"/no/such/folder/t.json", "cannot be written"},
                                                       {folder_.path().string(), "cannot be written"},
                                                       {precious, "is not a trace"}};
  for (const auto& [target, words] : cases)
    for (const std::string command : {"run", "bench"}) {
      std::vector<std::string> args = {command, kDemo, "--trace", target};
      if (command == "run") args.insert(args.end(), {"--prompt", "Hello"});
      const Finished done = ferrum(args);
      EXPECT_EQ(done.exit_code, 1);
      EXPECT_EQ(done.out, "");
      EXPECT_CONTAINS(done.err, words);
      EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
    }
  EXPECT_EQ(test::read_file(precious), std::string(1000, 'x'));
  EXPECT_EQ(ferrum({"run", kDemo, "--trace", ""}).exit_code, 2);
  EXPECT_EQ(ferrum({"run", "/no/such.gguf", "--trace", path()}).exit_code, 1);
  EXPECT_FALSE(fs::exists(path())) << "nothing was to be traced";
}

TEST_F(Trace, IsWholeWhereASignalEndedTheProcess) {
  test::Terminal terminal(
      {"run", kDemo, "--raw", "--ignore-eos", "--max-tokens", "400", "--trace", path(), "-p", "Once"});
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while ((!fs::exists(path()) || fs::file_size(path()) < 100'000) &&
         std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  terminal.send(SIGTERM);
  EXPECT_EQ(terminal.wait(), 143);
  EXPECT_GT(count("forward"), 3);
}

TEST_F(Trace, OfABenchKnowsTheLimits) {
  const Finished done = ferrum(
      {"bench", kDemo, "-p", "32", "-n", "4", "-r", "1", "--trace", path(), "--profile", "layers", "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(count("prompt 32"), 1);
  EXPECT_EQ(count("decode 4"), 1);
  EXPECT_EQ(count("forward"), 1 + 4) << "one repetition of each";
  std::map<std::string, int> with_share;
  for (const json& e : events()) {
    if (!e.contains("args") || !e["args"].contains("share of limit")) continue;
    EXPECT_GT(e["args"]["share of limit"], 0);
    const std::string name = e["name"];
    ++with_share[name.substr(0, name.find(' '))];
  }
  EXPECT_GT(with_share["linear"], 0);
  EXPECT_GT(with_share["expand"], 0);
  EXPECT_GT(with_share["attend"], 0);
  EXPECT_EQ(with_share.count("add_norm"), 0u) << "it reads what the caches have";

  const json rows = json::parse(done.out);
  int layers = 0;
  for (const json& operation : rows[0]["operations"])
    if (operation["operation"].get<std::string>().starts_with("layer ")) ++layers;
  EXPECT_EQ(layers, 3);
  EXPECT_EQ(rows[0]["operations"].size(), static_cast<size_t>(layers) + 1);
}

}  // namespace
}  // namespace ferrum
