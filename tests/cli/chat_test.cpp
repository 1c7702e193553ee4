// The chat, on a terminal.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/file_bytes.h"
#include "support/paths.h"
#include "support/process.h"

namespace ferrum {
namespace {

using test::Terminal;

class ChatTest : public ::testing::Test {
 protected:
  ChatTest() { setenv("XDG_STATE_HOME", folder_.path().c_str(), 1); }
  ~ChatTest() override { unsetenv("XDG_STATE_HOME"); }

  std::vector<std::string> args(std::vector<std::string> more = {}) const {
    const auto model = std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf";
    std::vector<std::string> all = {"run", model.string(), "--temperature", "0"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  test::TemporaryFolder folder_;
};

TEST_F(ChatTest, AnswersAndLeaves) {
  Terminal t(args());
  t.expect("needed = weights");
  t.expect(">>> ");
  t.type("What is the capital of France?\n");
  t.expect("The capital of France is Paris.");
  t.expect("tokens/s");
  t.expect(">>> ");
  t.type("/bye\n");
  EXPECT_EQ(t.wait(), 0);
}

TEST_F(ChatTest, CommandsDoWhatTheySay) {
  Terminal t(args());
  const auto say = [&](const char* line, const char* answer) {
    t.expect(">>> ");
    t.type(line);
    t.expect(answer);
  };
  say("/help\n", "/system");
  say("/set temperature 0.5\n", "temperature is now 0.5");
  say("/set temperature hot\n", "'hot' is no number");
  say("/set temperature -3\n", "temperature must be");
  say("/set top_k\n", "to which value?");
  say("/set\n", "temperature 0.5");
  say("/set logit_bias 40-1.5 41+2\n", "logit_bias is now 40-1.5 41+2");
  say("/set logit_bias 40\n", "'40' is no logit bias");
  say("/set dry_breakers\n", "dry_breakers is now off");
  say("/set\n", "dry_breakers none, logit_bias 40-1.5 41+2, seed random");
  say("/set logit_bias\n", "logit_bias is now off");
  say("/set min_tokens 5\n", "min_tokens is now 5");
  say("/set colour red\n", "There is no setting 'colour'");
  say("/system You are a cat.\n", "System prompt set");
  say("/nonsense\n", "There is no '/nonsense'");
  say("/clear\n", "starts over");
  say("/stats\n", "0 answers");
  t.expect(">>> ");
  t.type("/bye\n");
  EXPECT_EQ(t.wait(), 0);
}

TEST_F(ChatTest, AFullContextForgetsTheOldestIfAsked) {
  Terminal t(args({"--context-shift", "--max-context", "64", "--max-tokens", "12"}));
  for (int i = 0; i < 2; ++i) {
    t.expect(">>> ");
    t.type("What is the capital of France?\n");
    t.expect("tokens/s");
  }
  t.expect(">>> ");
  t.type("Write a short story about a fox and a drum and a little boat, and what they did on the sea.\n");
  t.expect("the oldest question and answer are forgotten");
  t.expect("tokens/s");
  t.expect(">>> ");
  t.type("/bye\n");
  EXPECT_EQ(t.wait(), 0);
}

TEST_F(ChatTest, StatsCountTheAnswers) {
  Terminal t(args({"--max-tokens", "3"}));
  for (const char* stats : {"1 answer: ", "2 answers: "}) {
    t.expect(">>> ");
    t.type("What is the capital of France?\n");
    t.expect(">>> ");
    t.type("/stats\n");
    t.expect(stats);
    t.expect("memory: weights ");
  }
}

TEST_F(ChatTest, TheSecondTurnFindsTheFirstInThePrefixCache) {
  const auto second_turn = [&](const std::vector<std::string>& options) {
    Terminal t(args(options));
    const auto ask = [&](const char* question) {
      t.expect(">>> ");
      t.type(question);
      return t.expect("first token after");
    };
    ask("What is the capital of France?\n");
    return ask("What is 7 + 5?\n");
  };
  EXPECT_NE(second_turn({}).find(" cached)"), std::string::npos);
  EXPECT_EQ(second_turn({"--prefix-cache", "off"}).find(" cached)"), std::string::npos);
  setenv("FERRUM_PREFIX_CACHE", "0", 1);
  EXPECT_EQ(second_turn({}).find(" cached)"), std::string::npos);
  EXPECT_NE(second_turn({"--prefix-cache", "on"}).find(" cached)"), std::string::npos);
  unsetenv("FERRUM_PREFIX_CACHE");
}

TEST_F(ChatTest, CtrlCStopsTheAnswerAndNotTheChat) {
  // An answer that would go on for the whole context.
  Terminal t(args({"--max-context", "512"}));
  t.expect(">>> ");
  t.type("Write a short story about a cat.\n");
  t.expect("Once");
  t.type("\x03");
  t.expect(">>> ");
  t.type("What is the capital of France?\n");
  t.expect("Paris");
  t.expect(">>> ");
  t.type("half a line\x03/bye\n");  // while typing it wipes the line
  EXPECT_EQ(t.wait(), 0);
}

TEST_F(ChatTest, KeysTypedDuringAnAnswerAreReadAfterIt) {
  Terminal t(args({"--max-tokens", "60"}));
  t.expect(">>> ");
  t.type("Write a short story about a cat.\n");
  t.expect("Once");
  t.type("What is the capital of France?\n\x04");
  t.expect("tokens/s");
  t.expect("The capital of France is Paris.");
  EXPECT_EQ(t.wait(), 0) << "Ctrl-D leaves";
}

TEST_F(ChatTest, HistoryOutlivesTheProcess) {
  {
    Terminal t(args());
    t.expect(">>> ");
    t.type("What is the capital of France?\n");
    t.expect("Paris");
    t.expect(">>> ");
    t.type("/bye\n");
    EXPECT_EQ(t.wait(), 0);
  }
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "ferrum" / "history"));
  Terminal t(args());
  t.expect(">>> ");
  t.type("\x1b[A\x1b[A\n");  // up, over /bye
  t.expect("The capital of France is Paris.");
}

TEST_F(ChatTest, SeveralLinesBetweenFences) {
  Terminal t(args());
  t.expect(">>> ");
  t.type("\"\"\"What is the capital\n");
  t.expect("... ");
  t.type("of France?\"\"\"\n");
  t.expect("tokens/s");
  t.expect(">>> ");
}

// What was computed of a saved conversation is not computed again: the speed line tells.
TEST_F(ChatTest, SaveAndLoad) {
  const std::string file = (folder_.path() / "talk.session").string();
  std::string expected;
  {
    Terminal t(args({"--system", "You are a storyteller who likes foxes, drums and long evenings."}));
    t.expect(">>> ");
    t.type("/save " + file + "\n");
    t.expect("/save: nothing was said yet");
    t.expect(">>> ");
    t.type("What is the capital of France?\n");
    t.expect("The capital of France is Paris.");
    t.expect(">>> ");
    t.type("/save\n");
    t.expect("/save: which file?");
    t.expect(">>> ");
    t.type("/save " + file + "\n");
    t.expect("2 messages, of which ");
    t.expect(">>> ");
    t.type("And of Spain?\n");
    expected = t.expect("tokens/s; prompt ");
    t.expect(">>> ");
    t.type("/bye\n");
    EXPECT_EQ(t.wait(), 0);
  }
  Terminal t(args());
  t.expect(">>> ");
  t.type("/load " + file + ".missing\n");
  t.expect("/load: cannot open");
  t.expect(">>> ");
  t.type("/load " + file + "\n");
  t.expect("2 messages, of which ");
  t.expect(">>> ");
  t.type("And of Spain?\n");
  const std::string told = t.expect("tokens/s; prompt ");
  EXPECT_EQ(told.substr(0, told.find('[')), expected.substr(0, expected.find('[')))
      << "system prompt and all";
  const std::string cached = t.expect(" cached)");
  EXPECT_GE(std::stoi(cached.substr(cached.find('(') + 1)), 32);
}

TEST_F(ChatTest, B25_ARefusedSessionLeavesTheChatAsItWas) {
  const std::string file = folder_.write("talk.session", "no session").string();
  Terminal t(args());
  t.expect(">>> ");
  t.type("What is the capital of France?\n");
  t.expect("Paris");
  t.expect(">>> ");
  t.type("/load " + file + "\n");
  t.expect("not a saved session");
  t.expect(">>> ");
  t.type("What is the capital of France?\n");
  t.expect("Paris");
  t.expect(" cached)");
}

TEST_F(ChatTest, ASessionIsKeptFromOneProcessToTheNext) {
  const std::string file = (folder_.path() / "talk.session").string();
  const auto size = [&] { return std::filesystem::file_size(file); };
  const test::Finished first = test::ferrum(args({"--session", file, "What is the capital of France?"}));
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_NE(first.out.find("Paris"), std::string::npos);
  const auto after_first = size();
  const test::Finished second = test::ferrum(args({"--session", file, "And of Spain?"}));
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_GT(size(), after_first);
  {
    Terminal t(args({"--session", file}));
    t.expect("4 messages, of which ");
    t.expect(">>> ");
    t.type("/bye\n");
    t.expect("4 messages, of which ");
    EXPECT_EQ(t.wait(), 0);
  }

  folder_.write("talk.session", "no session");
  const test::Finished refused = test::ferrum(args({"--session", file, "And of Spain?"}));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("not a saved session"), std::string::npos) << refused.err;
  EXPECT_EQ(test::read_file(file), "no session") << "what is not ours is not overwritten";
}

}  // namespace
}  // namespace ferrum
