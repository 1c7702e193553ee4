// Files of the cache and of settings that are none: an error at once, no waiting.
#include "hub/small_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "hub/cache.h"
#include "hub/digest.h"
#include "hub/partial_file.h"
#include "hub/settings.h"
#include "support/errors.h"
#include "support/files.h"

namespace ferrum::hub {
namespace {

namespace fs = std::filesystem;

class PipesInTheirPlace : public testing::Test {
 protected:
  std::string pipe(const std::string& name) {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path.parent_path());
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    return path.string();
  }
  template <class F>
  static void expect_refused(const std::string& path, F work) {
    test::expect_error(ErrorCode::kIo, {path}, work);
  }
  Settings settings(const std::string& name, const std::string& value) const {
    return settings_from([&](const char* asked) -> std::optional<std::string> {
      if (asked == name) return value;
      return std::string(asked) == "HF_HOME" ? std::optional(folder_.path().string()) : std::nullopt;
    });
  }
  test::TemporaryFolder folder_;
};

TEST_F(PipesInTheirPlace, Tokens) {
  const std::string path = pipe("own");
  expect_refused(path, [&] { settings("HF_TOKEN_PATH", path); });
  expect_refused("/dev/zero", [&] { settings("HF_TOKEN_PATH", "/dev/zero"); });
  EXPECT_EQ(settings("HF_TOKEN_PATH", folder_.write("good", " hf_x \nmore").string()).token, "hf_x");
  EXPECT_EQ(settings("HF_TOKEN_PATH", (folder_.path() / "none").string()).token, "");
  const std::string usual = pipe("token");
  expect_refused(usual, [&] { settings("HF_TOKEN", ""); });
  EXPECT_EQ(settings("HF_TOKEN", "hf_y").token, "hf_y") << "not needed";
}

TEST_F(PipesInTheirPlace, FilesOfTheCache) {
  pipe("models--a--b/refs/main");
  folder_.write("models--a--b/snapshots/x", "");
  EXPECT_TRUE(Cache(folder_.path()).models().empty());
  const std::string blob = pipe("blob");
  expect_refused(blob, [&] { hash_of_file(blob, HashKind::kSha256, {}); });
  const fs::path target = folder_.path() / "target";
  folder_.write("target.ferrum.incomplete", "x");
  const std::string journal = pipe("target.ferrum.journal");
  expect_refused(journal, [&] { PartialFile::missing_bytes(target, 1, 1); });
}

}  // namespace
}  // namespace ferrum::hub
