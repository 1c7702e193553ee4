// Manual pages: whole, and read by groff without a warning.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "support/files.h"
#include "support/process.h"

namespace ferrum {
namespace {

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Man, ACommandsPageHasItsOptions) {
  const test::Finished page = test::ferrum({"man", "run"});
  EXPECT_EQ(page.exit_code, 0);
  EXPECT_TRUE(page.out.starts_with(".TH FERRUM\\-RUN 1 ")) << page.out;
  EXPECT_TRUE(holds(page.out, "\\fB\\-n\\fR, \\fB\\-\\-max\\-tokens\\fR \\fIN\\fR\n"));
  EXPECT_TRUE(holds(page.out, "\\fBFERRUM_THREADS\\fR\nAs \\-\\-threads.\n"));
  const test::Finished all = test::ferrum({"man"});
  EXPECT_TRUE(holds(all.out, "\\fBferrum\\-bench\\-serve\\fR(1)"));
  EXPECT_TRUE(holds(all.out, "Exit status"));
}

TEST(Man, NoCommandNoPage) {
  const test::Finished done = test::ferrum({"man", "rnu"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_TRUE(holds(done.err, "did you mean run?")) << done.err;
}

TEST(Man, GroffHasNothingToSay) {
  if (std::system("command -v groff >/dev/null") != 0) GTEST_SKIP() << "there is no groff";
  const test::TemporaryFolder folder;
  ASSERT_EQ(test::ferrum({"man", "--to", folder.path() / "man1"}).exit_code, 0);
  int pages = 0;
  for (const auto& page : std::filesystem::directory_iterator(folder.path() / "man1")) {
    const std::string said = folder.path() / "said";
    const std::string command =
        "groff -man -Tutf8 -Kutf8 -ww -rCHECKSTYLE=3 " + page.path().string() + " 2>" + said + " >/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0);
    EXPECT_EQ(test::read_file(said), "") << page.path();
    ++pages;
  }
  EXPECT_GT(pages, 12);
}

TEST(Man, MandocFindsNoFault) {
  if (std::system("command -v mandoc >/dev/null") != 0) GTEST_SKIP() << "there is no mandoc";
  const test::TemporaryFolder folder;
  ASSERT_EQ(test::ferrum({"man", "--to", folder.path() / "man1"}).exit_code, 0);
  EXPECT_EQ(std::system(("mandoc -T lint -W error " + (folder.path() / "man1").string() + "/*.1").c_str()),
            0);
}

}  // namespace
}  // namespace ferrum
