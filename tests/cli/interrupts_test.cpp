// The state after a signal ended a command.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "support/files.h"
#include "support/paths.h"
#include "support/process.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using test::Terminal;

class InterruptsTest : public testing::Test {
 protected:
  std::string target() const { return (folder_.path() / "out").string(); }

  // Of a model of 1.7 GB, of which a few megabytes will be written.
  std::string config() const {
    return folder_
        .write("config.json",
               R"({"model_type": "llama", "vocab_size": 1000, "hidden_size": 2048, "intermediate_size": 8192,
                   "num_hidden_layers": 24, "num_attention_heads": 16, "max_position_embeddings": 512})")
        .string();
  }

  // Ends `ferrum ARGS` by `signal` when it has begun to write its target.
  int interrupt(const std::vector<std::string>& args, int signal) const {
    Terminal terminal(args);
    const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!fs::exists(target() + ".partial") && std::chrono::steady_clock::now() < patience)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(fs::exists(target() + ".partial"));
    if (signal == SIGINT)
      terminal.type("\x03");
    else
      terminal.send(signal);
    return terminal.wait();
  }

  bool nothing_is_left() const { return !fs::exists(target()) && !fs::exists(target() + ".partial"); }

  test::TemporaryFolder folder_;
};

TEST_F(InterruptsTest, WhatWasBeingSynthesizedIsGone) {
  const std::vector<std::string> args = {"synthesize", config(), target(), "--type", "Q8_0"};
  EXPECT_EQ(interrupt(args, SIGINT), 130);
  EXPECT_TRUE(nothing_is_left());
  EXPECT_EQ(interrupt(args, SIGTERM), 143);
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(InterruptsTest, ThePictureOfABenchIsGone) {
  const std::vector<std::string> args = {
      "bench", test::data("goldens/qwen3").string(), "-r", "1000", "--plot", target()};
  EXPECT_EQ(interrupt(args, SIGINT), 130);
  EXPECT_TRUE(nothing_is_left());
}

// As nohup has it.
TEST_F(InterruptsTest, WhatIsIgnoredStaysIgnored) {
  const std::string command = "trap '' HUP; " FERRUM_BINARY " synthesize " + config() + " " + target() +
                              " --type Q8_0 & while [ ! -e " + target() +
                              ".partial ]; do :; done; kill -HUP $!; kill -TERM $!; wait $!";
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 128 + SIGTERM);
  EXPECT_TRUE(nothing_is_left());
}

}  // namespace
}  // namespace ferrum
