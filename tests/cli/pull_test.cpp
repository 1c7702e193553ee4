// Pulling models by name: the program itself against a hub on this machine.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "support/contains.h"
#include "support/fake_hub.h"
#include "support/files.h"
#include "support/process.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using test::FakeHub;
using test::ferrum;
using test::Finished;
using Fault = FakeHub::Fault;
using Place = FakeHub::Place;

const fs::path kDemo = fs::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf";

// The environment of the programs that run in a test.
class PullCommand : public testing::Test {
 protected:
  PullCommand() {
    for (const char* name :
         {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE",
          "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
      unsetenv(name);
    setenv("HF_HOME", folder_.path().c_str(), 1);
  }
  ~PullCommand() override {
    unsetenv("HF_HOME");
    unsetenv("HF_ENDPOINT");
  }
  static void use(const FakeHub& hub) { setenv("HF_ENDPOINT", hub.url().c_str(), 1); }
  fs::path repo() const { return folder_.path() / "hub" / "models--org--model"; }

  test::TemporaryFolder folder_;
};

TEST_F(PullCommand, AModelIsPulledListedShownRunAndRemoved) {
  const FakeHub hub({{"demo-BF16.gguf", test::read_file(kDemo)}});
  use(hub);
  const Finished pulled = ferrum({"pull", "org/model"});
  EXPECT_EQ(pulled.exit_code, 0) << pulled.err;
  EXPECT_CONTAINS(pulled.out, "org/model:BF16: ");
  EXPECT_CONTAINS(pulled.err, "demo-BF16.gguf");
  EXPECT_CONTAINS(pulled.err, "100%");
  EXPECT_EQ(ferrum({"-q", "pull", "org/model"}).err, "");

  const Finished list = ferrum({"list"});
  EXPECT_CONTAINS(list.out, "NAME");
  EXPECT_CONTAINS(list.out, "org/model:BF16");
  EXPECT_EQ(ferrum({"list", "--names"}).out, "org/model:BF16\n");
  const nlohmann::json json = nlohmann::json::parse(ferrum({"list", "--json"}).out);
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["name"], "org/model:BF16");
  EXPECT_EQ(json[0]["type"], "BF16");
  EXPECT_EQ(json[0]["bytes"], fs::file_size(kDemo));
  EXPECT_TRUE(fs::exists(json[0]["path"].get<std::string>()));

  const Finished shown = ferrum({"show", "org/model:bf16"});
  for (const char* part : {"qwen3", "million", "GGUF v3, BF16", "512 tokens", "licence",
                           "of context = weights", "demo-BF16.gguf"})
    EXPECT_CONTAINS(shown.out, part);
  EXPECT_EQ(nlohmann::json::parse(ferrum({"show", kDemo.string(), "--json"}).out)["architecture"], "qwen3");

  const Finished said = ferrum({"-v", "run", "org/model", "Hello", "--max-tokens", "3"});
  EXPECT_EQ(said.exit_code, 0) << said.err;
  EXPECT_CONTAINS(said.err, "org/model: ");
  EXPECT_CONTAINS(said.err, "context 512; ");
  EXPECT_CONTAINS(said.err, "needed = weights");
  for (const std::vector<std::string>& args : {std::vector<std::string>{"tokenize", "org/model", "Hi"},
                                               {"inspect", "org/model:BF16"},
                                               {"template", "org/model", "--context", "/dev/null"}})
    EXPECT_EQ(ferrum(args).err.find("no such file"), std::string::npos) << args[0];

  EXPECT_CONTAINS(ferrum({"rm", "org/model"}).err, "--yes");
  const Finished removed = ferrum({"rm", "--yes", "org/model"});
  EXPECT_EQ(removed.exit_code, 0) << removed.err;
  EXPECT_FALSE(fs::exists(repo()));
  EXPECT_CONTAINS(ferrum({"list"}).err, "No models in");
  EXPECT_CONTAINS(ferrum({"rm", "--yes", "org/model"}).err, "[not_found]");
}

TEST_F(PullCommand, AMissingNameIsReportedWithTheCommandAndTheNearest) {
  const FakeHub hub({{"demo-BF16.gguf", test::read_file(kDemo)}});
  use(hub);
  EXPECT_CONTAINS(ferrum({"run", "org/modle:Q8_0", "x"}).err, "to download it: ferrum pull org/modle:Q8_0");
  EXPECT_EQ(ferrum({"pull", "org/model"}).exit_code, 0);
  for (const char* name : {"org/modle:BF16", "org/Modell", "model:BF16"})
    EXPECT_CONTAINS(ferrum({"inspect", name}).err, "did you mean 'org/model:BF16'?") << name;
  EXPECT_EQ(ferrum({"inspect", "someone/else-entirely"}).err.find("did you mean"), std::string::npos);
  for (const char* path : {"./none.gguf", "/no/such/folder", "none.gguf"}) {
    const Finished none = ferrum({"inspect", path});
    EXPECT_CONTAINS(none.err, "no such file or folder");
    EXPECT_EQ(none.err.find("ferrum pull"), std::string::npos) << none.err;
  }
  const Finished nowhere = ferrum({"serve", "--model", "a=org/none"});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_CONTAINS(nowhere.err, "--model a: ");
  EXPECT_EQ(hub.hub_saw().size(), 3u) << "asked without need";
  EXPECT_CONTAINS(ferrum({"pull", "not a name"}).err, "is not a model name");
}

TEST_F(PullCommand, AtATerminalRunOffersToPull) {
  const FakeHub hub({{"demo-BF16.gguf", test::read_file(kDemo)}});
  use(hub);
  test::Terminal no({"run", "org/model"});
  no.expect("org/model is not in the cache");
  no.expect("Pull it? [Y/n] ");
  no.type("n\n");
  no.expect("ferrum pull org/model");
  EXPECT_EQ(no.wait(), 1);
  EXPECT_TRUE(hub.hub_saw().empty());

  test::Terminal yes({"run", "org/model"});
  yes.expect("Pull it? [Y/n] ");
  yes.type("\n");
  yes.expect("org/model: ");
  yes.expect("needed = weights");
  yes.expect(">>> ");
  yes.type("/bye\n");
  EXPECT_EQ(yes.wait(), 0);

  test::Terminal remove({"rm", "org/model"});
  remove.expect("Remove org/model:BF16");
  remove.expect("[y/N] ");
  remove.type("\n");
  EXPECT_EQ(remove.wait(), 1);
  EXPECT_TRUE(fs::exists(repo()));
}

// Killed at moments that the seed chooses, while the hub cuts and refuses (which it says to try again at
// once): what the journal says is there is there, and the end is always the right file.
TEST_F(PullCommand, B61_KilledTwentyTimesItResumesToTheRightHash) {
  constexpr size_t kSize = 24 << 20;
  constexpr size_t kBlock = 1 << 20;
  constexpr int kKills = 20;
  const FakeHub::File model = {"m-Q8_0.gguf", test::noise(kSize, 7)};
  std::mt19937 random(11);
  std::atomic<int> victim = 0;
  std::atomic<uint64_t> due = 0;  // bytes sent, at which it is killed
  FakeHub hub({model}, [&](const FakeHub::Request& r) {
    if (r.place != Place::kBytes) return Fault::kNone;
    constexpr Fault kFaults[] = {Fault::kNone, Fault::kCut,    Fault::kNone, Fault::kBroken,
                                 Fault::kNone, Fault::kBroken, Fault::kCut};
    return kFaults[r.number % std::size(kFaults)];
  });
  hub.set_piece(64 << 10, [&] {
    if (hub.bytes_sent() >= due && victim > 0) kill(victim, SIGKILL);
  });
  use(hub);
  const fs::path blob = repo() / "blobs" / model.hash();
  int killed = 0;
  int gone_on = 0;  // kills that left something to resume
  while (killed < kKills || !fs::exists(blob)) {
    due = hub.bytes_sent() +
          std::uniform_int_distribution<uint64_t>(0, killed < kKills ? 28 << 20 : 1000 << 20)(random);
    const int pid = fork();
    if (pid == 0) {
      const int null = open("/dev/null", O_RDWR);
      for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, fd);
      execl(FERRUM_BINARY, FERRUM_BINARY, "pull", "org/model", "--connections", "3", nullptr);
      _exit(127);
    }
    victim = pid;
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    victim = 0;
    if (WIFSIGNALED(status)) {
      ++killed;
      if (!fs::exists(blob.string() + ".ferrum.journal")) continue;
      const std::string journal = test::read_file(blob.string() + ".ferrum.journal");
      std::ifstream in(blob.string() + ".ferrum.incomplete", std::ios::binary);
      std::string block(kBlock, '\0');
      bool any = false;
      for (size_t i = 0; i + 128 < journal.size(); ++i)
        if (journal[i + 128] == '#') {
          any = true;
          in.seekg(static_cast<std::streamoff>(i * kBlock));
          in.read(block.data(), kBlock);
          ASSERT_EQ(model.bytes.compare(i * kBlock, kBlock, block), 0) << "block " << i;
        }
      gone_on += any;
      continue;
    }
    ASSERT_EQ(WEXITSTATUS(status), 0);
    ASSERT_EQ(test::sha256(test::read_file(blob)), model.hash());
    EXPECT_FALSE(fs::exists(blob.string() + ".ferrum.journal"));
    if (killed < kKills) fs::remove_all(repo());
  }
  EXPECT_EQ(ferrum({"list"}).exit_code, 0);
  EXPECT_CONTAINS(ferrum({"list"}).out, "org/model:Q8_0");
  EXPECT_GT(gone_on, 0);
}

// In a file system of two megabytes, where the kernel lets us make one.
TEST_F(PullCommand, B62_ASmallDiskIsReportedWithBothNumbers) {
  const FakeHub hub({{"m-Q8_0.gguf", test::noise(4 << 20, 3)}});
  use(hub);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", folder_.path().c_str(), "tmpfs", 0, "size=2m") != 0)
      _exit(77);
    dup2(ends[1], STDERR_FILENO);
    execl(FERRUM_BINARY, FERRUM_BINARY, "pull", "org/model", nullptr);
    _exit(127);
  }
  close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no file systems of one's own here";
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_CONTAINS(said, "org/model needs 4194304 bytes (4.00 MiB)");
  EXPECT_CONTAINS(said, "its disk has");
}

TEST_F(PullCommand, B63_TheHubThatIsNotThereIsNamed) {
  setenv("HF_ENDPOINT", "http://no-such-host.invalid", 1);
  const Finished unknown = ferrum({"pull", "org/model"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_CONTAINS(unknown.err, "no-such-host.invalid");
  setenv("HF_ENDPOINT", "ftp://x", 1);
  EXPECT_CONTAINS(ferrum({"pull", "org/model"}).err, "HF_ENDPOINT");
}

}  // namespace
}  // namespace ferrum
