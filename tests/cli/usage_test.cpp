// Help, and the messages for a command line that does not parse.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "support/process.h"

namespace ferrum {
namespace {

using test::ferrum;
using test::Finished;
using test::Terminal;

constexpr char kEscape = '\x1b';

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Usage, HelpOfACommandInEitherOrder) {
  const Finished help = ferrum({"help", "run"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_EQ(help.out, ferrum({"run", "--help"}).out);
  EXPECT_EQ(ferrum({"help"}).out, ferrum({"--help"}).out);
  EXPECT_TRUE(holds(help.out, "Usage: ferrum run [OPTIONS] [MODEL] [PROMPT]\n")) << help.out;
  EXPECT_TRUE(holds(help.out, "environment: FERRUM_THREADS")) << help.out;
  EXPECT_TRUE(holds(help.out, "--backend cpu|cuda|reference")) << help.out;
  const Finished unknown = ferrum({"help", "rum"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_TRUE(holds(unknown.err, "there is no command 'rum'; did you mean run?")) << unknown.err;
}

TEST(Usage, NoArgumentsShowTheHelp) {
  const Finished done = ferrum({});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_EQ(done.out, "");
  EXPECT_EQ(done.err, ferrum({"--help"}).out);
}

TEST(Usage, NoLineOfHelpIsTooLong) {
  for (const char* command : {"run", "serve", "bench", "bench-serve", "perplexity"}) {
    const std::string text = ferrum({"help", command}).out;
    for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
      EXPECT_LE(end - begin, 120u) << command << ": " << text.substr(begin, end - begin);
  }
}

TEST(Usage, MistakesAreReportedWithASuggestion) {
  const struct {
    std::vector<std::string> args;
    const char* said;
    const char* next;
  } cases[] = {
      {{"serv"}, "there is no command 'serv'; did you mean serve?\n", "See ferrum --help."},
      {{"-v", "serv"}, "there is no command 'serv'; did you mean serve?\n", "See ferrum --help."},
      {{"bench-server"}, "did you mean bench-serve?\n", "See ferrum --help."},
      {{"abracadabra"}, "there is no command 'abracadabra'\n", "See ferrum --help."},
      {{"chat"}, "there is no command 'chat'; did you mean run?\n", "See ferrum --help."},
      {{"quantize", "m"}, "there is no command 'quantize'; did you mean convert?\n", ""},
      {{"run", "-m", "m.gguf"},
       "there is no option -m; MODEL is an argument: ferrum run [OPTIONS] [MODEL] [PROMPT]\n",
       ""},
      {{"bench", "--model", "m.gguf"},
       "there is no option --model; MODEL is an argument: ferrum bench [OPTIONS] MODEL\n",
       ""},
      {{"run", "m", "--temprature", "0"},
       "there is no option --temprature; did you mean --temperature?\n",
       "See ferrum run --help."},
      {{"run", "m", "--max-token=5"}, "there is no option --max-token; did you mean --max-tokens?\n", ""},
      {{"run", "m", "--verbos"}, "did you mean --verbose?\n", ""},
      {{"run", "m", "--port", "80"}, "there is no option --port; ferrum serve has it\n", ""},
      {{"--port", "80", "serve"}, "there is no option --port; ferrum serve has it\n", "ferrum serve --help"},
      {{"run", "m", "--backend", "cpi"},
       "--backend: 'cpi' is not one of cpu, cuda, reference; did you mean cpu?\n",
       ""},
      {{"run", "m", "--device", "1"}, "--device: is the number of a GPU, and needs --backend cuda\n", ""},
      {{"run", "m", "--kv-dtype", "fp16"}, "did you mean f16?\n", ""},
      {{"run", "a", "b", "c"},
       "'c' is one argument too many: ferrum run [OPTIONS] [MODEL] [PROMPT]\n",
       "See ferrum run --help."},
      {{"inspect"}, "MODEL is required: ferrum inspect [OPTIONS] MODEL\n", "See ferrum inspect --help."},
      {{"run", "m", "--threads"}, "--threads: a value is missing\n", ""},
      {{"bench", "m", "-r", "many"}, "--repetitions: 'many' is not a valid number\n", ""},
  };
  for (const auto& c : cases) {
    const Finished done = ferrum(c.args);
    EXPECT_EQ(done.exit_code, 2) << c.said;
    EXPECT_EQ(done.out, "");
    EXPECT_TRUE(done.err.starts_with("ferrum: error: ")) << done.err;
    EXPECT_TRUE(holds(done.err, c.said)) << done.err;
    EXPECT_TRUE(holds(done.err, c.next)) << done.err;
  }
}

TEST(Usage, ColoursAreForTerminals) {
  EXPECT_EQ(ferrum({"help", "run"}).out.find(kEscape), std::string::npos);
  EXPECT_EQ(ferrum({"serv"}).err.find(kEscape), std::string::npos);
  Terminal help({"help", "run"});
  EXPECT_TRUE(holds(help.expect("Usage:"), "\x1b[1mUsage:"));
  Terminal mistake({"serv"});
  EXPECT_TRUE(holds(mistake.expect("there is no command"), "\x1b[1;31mferrum: error:\x1b[0m"));
}

TEST(Usage, NoColorHoldsOnTerminals) {
  setenv("NO_COLOR", "1", 1);
  Terminal help({"help", "run"});
  Terminal mistake({"serv"});
  unsetenv("NO_COLOR");
  EXPECT_EQ(help.expect("FERRUM_THREADS").find(kEscape), std::string::npos);
  EXPECT_EQ(mistake.expect("did you mean").find(kEscape), std::string::npos);
}

// Which is as if it were not there: no-color.org.
TEST(Usage, AnEmptyNoColorMeansNothing) {
  setenv("NO_COLOR", "", 1);
  Terminal help({"help", "run"});
  unsetenv("NO_COLOR");
  EXPECT_NE(help.expect("Usage:").find(kEscape), std::string::npos);
}

TEST(Usage, HelpIsAsWideAsTheTerminal) {
  Terminal help({"help", "run"});  // of 200 columns: more than is easy to read
  const std::string text = help.expect("Examples:");
  for (size_t begin = 0, end; (end = text.find("\r\n", begin)) != std::string::npos; begin = end + 2)
    EXPECT_LE(end - begin, 140u) << text.substr(begin, end - begin);  // with its colours
}

}  // namespace
}  // namespace ferrum
