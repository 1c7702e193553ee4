// Standard streams that are closed, full or without a reader.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "support/contains.h"
#include "support/files.h"
#include "support/paths.h"
#include "support/process.h"

namespace ferrum {
namespace {

using test::Finished;

const std::string kSmall = FERRUM_SOURCE_DIR "/models/demo-dense.gguf";

// `ferrum ARGS` behind a shell's redirections; what it writes to standard error unless they say otherwise.
Finished in_shell(const std::string& args, const std::string& redirections) {
  const test::TemporaryFolder folder;
  const std::string log = (folder.path() / "log").string();
  const std::string command = std::string(FERRUM_BINARY) + " " + args + " 2> " + log + " " + redirections;
  Finished done;
  done.exit_code = WEXITSTATUS(std::system(command.c_str()));
  done.err = test::read_file(log);
  return done;
}

TEST(Streams, OutputThatCannotBeWrittenIsAnError) {
  for (const std::string& args :
       {"run " + kSmall + " Hello", "inspect " + kSmall, "inspect --json " + kSmall,
        "tokenize " + kSmall + " Hello", std::string("--help"), std::string("--version"), std::string("man"),
        std::string("completions bash")}) {
    for (const char* output : {"> /dev/full", ">&-"}) {
      const Finished done = in_shell(args, output);
      EXPECT_EQ(done.exit_code, 1) << args << " " << output;
      EXPECT_CONTAINS(done.err, "cannot write to standard output");
    }
  }
}

TEST(Streams, AReaderThatHadEnoughIsNoError) {
  for (const std::string& args : {"run " + kSmall + " --raw Once", "inspect --json --tensors " + kSmall})
    EXPECT_EQ(in_shell(args, "| true").err, "") << args;
}

// Messages are lost, and nothing else changes.
TEST(Streams, MessagesThatCannotBeWrittenChangeNoExitCode) {
  const test::TemporaryFolder folder;
  const std::string question = " < " + folder.write("question", "Hello!").string();
  const struct {
    std::string args;
    std::string more;
    int exit_code;
  } cases[] = {
      {"run -v " + kSmall + " Hello", "> /dev/null", 0},
      {"run -n 2 " + kSmall, "> /dev/null" + question, 0},
      {"inspect " + kSmall, "> /dev/null", 0},
      {"list", "> /dev/null", 0},
      {"", "> /dev/null", 2},
      {"run --no-such-option", "> /dev/null", 2},
      {"inspect /nowhere.gguf", "> /dev/null", 1},
      {"rm no/model", "> /dev/null < /dev/null", 1},
      {"inspect " + kSmall, "> /dev/full", 1},
      {"inspect " + kSmall, ">&-", 1},
  };
  for (const auto& c : cases)
    for (const char* messages : {"2> /dev/full", "2>&-"})
      EXPECT_EQ(in_shell(c.args, c.more + " " + messages).exit_code, c.exit_code)
          << c.args << " " << c.more << " " << messages;
}

// A file that is opened must not get the number of a closed stream, or messages would be written into it.
TEST(Streams, FilesNeverTakeTheNumberOfAClosedStream) {
  const test::TemporaryFolder folder;
  const std::string plain = (folder.path() / "plain.gguf").string();
  const std::string closed = (folder.path() / "closed.gguf").string();
  const std::string convert = "convert -v " + test::data("goldens/qwen3").string() + " ";
  EXPECT_EQ(in_shell(convert + plain, "> /dev/null").exit_code, 0);
  EXPECT_EQ(in_shell(convert + closed, "<&- >&- 2>&-").exit_code, 1) << "the summary is output";
  EXPECT_EQ(test::read_file(closed), test::read_file(plain));
}

}  // namespace
}  // namespace ferrum
