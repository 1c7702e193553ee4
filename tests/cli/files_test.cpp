// Files that cannot be read or written as usual: each is an error at once, with one message.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/contains.h"
#include "support/files.h"
#include "support/paths.h"
#include "support/process.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using test::ferrum;

class FilesTest : public testing::Test {
 protected:
  std::string fifo() const {
    const auto path = folder_.path() / "fifo";
    if (!fs::exists(path)) mkfifo(path.c_str(), 0600);
    return path.string();
  }
  const std::string model_ = (fs::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf").string();
  test::TemporaryFolder folder_;
};

TEST_F(FilesTest, PipesAndDevicesAreNoModels) {
  for (const std::string& path : {fifo(), std::string("/dev/zero"), std::string("/dev/null")})
    for (const std::vector<std::string>& args : {std::vector<std::string>{"inspect", path},
                                                 {"run", path, "--prompt", "x"},
                                                 {"tokenize", path, "x"},
                                                 {"run", model_, "--draft", path, "--prompt", "x"}}) {
      const test::Finished finished = ferrum(args);
      EXPECT_EQ(finished.exit_code, 1) << args[0] << " " << path;
      EXPECT_CONTAINS(finished.err, path);
    }
}

TEST_F(FilesTest, APipeThatNoProcessWritesToIsNoInput) {
  const std::string context = folder_.write("context.json", R"({"messages": []})").string();
  for (const std::vector<std::string>& args : {std::vector<std::string>{"perplexity", model_, fifo()},
                                               {"template", "--file", fifo(), "--context", context},
                                               {"serve", model_, "--api-key-file", fifo()}}) {
    const test::Finished finished = ferrum(args);
    EXPECT_EQ(finished.exit_code, 1) << args[0];
    EXPECT_CONTAINS(finished.err, fifo());
  }
}

TEST_F(FilesTest, APipeThatIsWrittenToIsRead) {
  const auto out = folder_.path() / "out";
  const std::string command = "printf '{\"messages\": []}' | " FERRUM_BINARY " template --file " +
                              folder_.write("t.jinja", "rendered").string() + " --context /dev/stdin > " +
                              out.string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(test::read_file(out).substr(0, 8), "rendered");
}

// Under a limit that each of their files exceeds.
TEST_F(FilesTest, ALimitOnTheSizesOfFilesLeavesNothing) {
  const auto golden = test::data("goldens/llama");
  for (const std::string& args :
       {"convert " + golden.string() + " OUT", "synthesize " + golden.string() + " OUT",
        "logits " + golden.string() + " --tokens " + (golden / "golden.safetensors").string() +
            " --out OUT"}) {
    const test::TemporaryFolder folder;
    std::string command =
        "ulimit -f 64; exec " FERRUM_BINARY " " + args + " 2> " + (folder_.path() / "err").string();
    command.replace(command.find(" OUT") + 1, 3, (folder.path() / "out").string());
    const int status = std::system(command.c_str());
    const std::string error = test::read_file(folder_.path() / "err");
    ASSERT_TRUE(WIFEXITED(status)) << args;
    EXPECT_EQ(WEXITSTATUS(status), 1) << args;
    EXPECT_CONTAINS(error, "File too large");
    EXPECT_TRUE(fs::is_empty(folder.path())) << args;
  }
}

TEST_F(FilesTest, InspectListsTheWarningsOfALoad) {
  folder_.write("generation_config.json", R"({"top_p": 7, "eos_token_id": [2, 9999]})");
  for (const auto& entry : fs::directory_iterator(fs::absolute(test::data("goldens/llama"))))
    fs::create_symlink(entry.path(), folder_.path() / entry.path().filename());
  const auto described = nlohmann::json::parse(ferrum({"inspect", folder_.path().string(), "--json"}).out);
  ASSERT_EQ(described["warnings"].size(), 2u);
  EXPECT_CONTAINS(described["warnings"][0].get<std::string>(),
                  "generation_config.json: eos_token_id[1] is '9999'");
  EXPECT_CONTAINS(described["warnings"][1].get<std::string>(), "the recommended top_p must be from 0 to 1");
  const test::Finished shown = ferrum({"inspect", folder_.path().string()});
  EXPECT_CONTAINS(shown.err, "eos_token_id[1]");
}

}  // namespace
}  // namespace ferrum
