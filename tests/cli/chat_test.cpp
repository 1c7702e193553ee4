// The chat, on a terminal.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "cli/chat.h"
#include "cli/chat_commands.h"
#include "cli/message.h"
#include "server/fake_engine.h"
#include "support/file_bytes.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/screen.h"

namespace ferrum {
namespace {

using namespace cli;  // NOLINT(google-build-using-namespace)
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
  say("/set temperature hot\n", "'hot' is not a number");
  say("/set temperature -3\n", "temperature must be");
  say("/set top_k\n", "top_k: the value is missing");
  say("/set\n", "temperature 0.5");
  say("/set logit_bias 40-1.5 41+2\n", "logit_bias is now 40-1.5 41+2");
  say("/set logit_bias 40\n", "'40' is not a logit bias");
  say("/set dry_breakers\n", "dry_breakers is now off");
  say("/set\n", "dry_breakers none, logit_bias 40-1.5 41+2, seed random");
  say("/set logit_bias\n", "logit_bias is now off");
  say("/set min_tokens 5\n", "min_tokens is now 5");
  say("/set colour red\n", "there is no setting 'colour'");
  say("/set think sometimes\n", "think: must be on, off or default, not 'sometimes'");
  say("/set think off\n", "does not use it");
  say("/system\n", "There is no system prompt.");
  say("/system You are a cat.\n", "System prompt set");
  say("/system\n", "The system prompt is: You are a cat.");
  say("/system none\n", "System prompt removed");
  say("/show\n", "conversation: 0 messages, ");
  say("/undo\n", "/undo: there is no answer yet");
  say("/regen\n", "/regen: there is no answer yet");
  say("/nonsense\n", "There is no command '/nonsense'");
  say("/undu\n", "did you mean /undo?");
  say("/clear\n", "starts over");
  say("/stats\n", "0 answers");
  t.expect(">>> ");
  t.type("/bye\n");
  EXPECT_EQ(t.wait(), 0);
}

TEST_F(ChatTest, AFullContextDropsTheOldestOnRequest) {
  Terminal t(args({"--context-shift", "--max-context", "64", "--max-tokens", "12"}));
  for (int i = 0; i < 2; ++i) {
    t.expect(">>> ");
    t.type("What is the capital of France?\n");
    t.expect("tokens/s");
  }
  t.expect(">>> ");
  t.type("Write a short story about a fox and a drum and a little boat, and what they did on the sea.\n");
  t.expect("the oldest question and answer were dropped");
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
  // An answer that would fill the whole context.
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

TEST_F(ChatTest, APromptMayBeginWithADash) {
  const test::Finished done = test::ferrum(args({"--max-tokens", "3", "--", "-7 + 5?"}));
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_FALSE(done.out.empty());
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

TEST_F(ChatTest, APasteOfSeveralLinesIsOneMessage) {
  Terminal t(args());
  t.expect("\x1b[?2004h");
  t.expect(">>> ");
  t.type("\x1b[200~What is the capital\rof France?\r\x1b[201~\x7f");
  t.expect("... ");
  t.type("\r");
  t.expect("tokens/s");
  t.expect(">>> ");
  t.type("/undo\r");
  t.expect("Removed: What is the capital of France?");
  t.expect(">>> ");
  t.type("\x1b[A\x1b[A");  // one entry in the history, too
  t.expect("of France?");
  t.type("\x03\x04");
  EXPECT_EQ(t.wait(), 0);
  EXPECT_NE(t.output().rfind("\x1b[?2004l"), std::string::npos) << "the terminal is given back";
}

TEST_F(ChatTest, RegenAndUndoTakeTheLastAnswerBack) {
  Terminal t(args());
  t.expect(">>> ");
  t.type("What is the capital of France?\r");
  t.expect("tokens/s");
  t.expect(">>> ");
  t.type("/regen\r");
  t.expect("The capital of France is Paris.");
  t.expect("tokens/s");
  t.expect(">>> ");
  t.type("/show\r");
  t.expect("conversation: 2 messages, ");
  t.expect(">>> ");
  t.type("/undo\r");
  t.expect("Removed: What is the capital of France?");
  t.expect(">>> ");
  t.type("/show\r");
  t.expect("conversation: 0 messages, ");
}

TEST_F(ChatTest, AFileIsReadIntoTheNextMessage) {
  const std::string file = folder_.write("question.txt", "What is the capital of France?\n").string();
  folder_.write("binary", std::string_view("a\0b", 3));
  Terminal t(args({"--max-tokens", "4"}));
  const auto say = [&](const std::string& line, const char* answer) {
    t.expect(">>> ");
    t.type(line);
    t.expect(answer);
  };
  say("/read " + file + ".missing\r", "/read: ");
  say("/read " + folder_.path().string() + "\r", "is not a file");
  say("/read " + (folder_.path() / "binary").string() + "\r", "is not text in UTF-8");
  say("/read " + folder_.path().string() + "/que\t\r", "1 lines. Your next message will begin with it.");
  say("Answer it.\r", "tokens/s");
  say("/undo\r", "Removed: question.txt: ``` What is the capital of France?");
}

TEST_F(ChatTest, AResizeDrawsTheEntryAnew) {
  Terminal t(args());
  t.expect(">>> ");
  t.type("abcdefghijklmnopqrstuvwxyz");
  t.expect("z");
  t.resize(20, 10);
  t.expect("\x1b[J");
  t.expect("abcdefghijklmnop");
  t.expect("\n");
  t.expect("qrstuvwxyz");
  t.type("\x03\x04");
  EXPECT_EQ(t.wait(), 0);
}

TEST_F(ChatTest, ASignalGivesTheTerminalBack) {
  Terminal t(args());
  t.expect(">>> ");
  t.send(SIGTERM);
  EXPECT_EQ(t.wait(), 128 + SIGTERM);
  EXPECT_NE(t.output().rfind("\x1b[?2004l"), std::string::npos);
}

// An engine whose answer is Markdown, with thoughts before it.
std::string shown_answer(AnswerFormat format, int columns) {
  const auto program = [format] {
    test::FakeEngine engine([](const Request&) -> std::vector<Event> {
      return {TextEvent{0, "<think>\nLet me "}, TextEvent{0, "see.\n</think>\n\n| a | **b"},
              TextEvent{0, "** |\n|---|---|\n| 1 | `2` |\n\nDone."}, test::finish()};
    });
    engine.reasons();
    Interrupts interrupts;
    ChatSettings settings;
    settings.format = answer_format_of_output(format);
    Chat chat(engine, interrupts, settings);
    const Chat::Outcome outcome = chat.answer("Show me a table.");
    return outcome == Chat::Outcome::kAnswered ? 0 : 1;
  };
  Terminal t(program, columns, 24);
  EXPECT_EQ(t.wait(), 0);
  test::Screen screen(columns, 24);
  screen.write(t.output());
  return screen.text(true);
}

TEST(Chat, MarkdownAndThoughtsAreShownOnATerminal) {
  EXPECT_EQ(shown_answer(AnswerFormat::kMarkdown, 40),
            "<2>Let me see.<0>\n\n<1>a<2> │ <1>b<0>\n<2>──┼──<0>\n1<2> │ <36>2<0>\n\nDone.\n");
  EXPECT_EQ(shown_answer(AnswerFormat::kPlain, 40),
            "<think>\nLet me see.\n</think>\n\n| a | **b** |\n|---|---|\n| 1 | `2` |\n\nDone.\n");
}

TEST(Chat, MessagesKeepWordsWholeAtTheMargin) {
  Terminal t(
      [] {
        print_message("[11 tokens, 63.6 tokens/s; first token after 0.23 s]\nshort");
        return 0;
      },
      30, 24);
  EXPECT_EQ(t.wait(), 0);
  test::Screen screen(30, 24);
  screen.write(t.output());
  EXPECT_EQ(screen.text(), "[11 tokens, 63.6 tokens/s;\nfirst token after 0.23 s]\nshort\n");
}

TEST(Chat, PathsAreNoCommands) {
  EXPECT_TRUE(is_chat_command("/help"));
  EXPECT_TRUE(is_chat_command("/system You are\nterse/brief."));
  EXPECT_FALSE(is_chat_command("/usr/bin/env: what is it?"));
  EXPECT_FALSE(is_chat_command("help"));
}

TEST(Chat, TabKnowsCommandsSettingsAndFiles) {
  const auto candidates = [](std::string_view text) { return complete_chat_entry(text).candidates; };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(candidates("/s"), (Texts{"/save", "/set", "/show", "/stats", "/system"}));
  EXPECT_EQ(candidates("/set temp"), (Texts{"temperature"}));
  EXPECT_EQ(candidates("/set think o"), (Texts{"off", "on"}));
  EXPECT_EQ(candidates("hello /s"), Texts());
  const test::TemporaryFolder folder;
  folder.write("one two.txt", "");
  folder.write(".hidden", "");
  std::filesystem::create_directory(folder.path() / "onward");
  const std::string at = folder.path().string() + "/";
  EXPECT_EQ(candidates("/read " + at), (Texts{at + "one two.txt", at + "onward/"}));
  EXPECT_EQ(candidates("/load " + at + ".h"), (Texts{at + ".hidden"}));
  EXPECT_EQ(complete_chat_entry("/read " + at).begin, 6u);
}

// Keys and values of a saved conversation are not computed again, as the speed line shows.
TEST_F(ChatTest, SaveAndLoad) {
  const std::string file = (folder_.path() / "talk.session").string();
  std::string expected;
  {
    Terminal t(args({"--system", "You are a storyteller who likes foxes, drums and long evenings."}));
    t.expect(">>> ");
    t.type("/save " + file + "\n");
    t.expect("/save: the conversation is empty");
    t.expect(">>> ");
    t.type("What is the capital of France?\n");
    t.expect("The capital of France is Paris.");
    t.expect(">>> ");
    t.type("/save\n");
    t.expect("/save: the name of a file is missing");
    t.expect(">>> ");
    t.type("/save " + file + "\n");
    t.expect("2 messages, ");
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
  t.expect("2 messages, ");
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
    t.expect("4 messages, ");
    t.expect(">>> ");
    t.type("/bye\n");
    t.expect("4 messages, ");
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
