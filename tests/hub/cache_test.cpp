#include "hub/cache.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "hub/file_lock.h"
#include "support/errors.h"
#include "support/files.h"

namespace ferrum::hub {
namespace {

namespace fs = std::filesystem;

const std::string kOld(40, 'a');
const std::string kNew(40, 'b');

// A cache as other tools leave it.
class CacheTest : public testing::Test {
 protected:
  void put(const std::string& repo, const std::string& commit, const std::string& file,
           const std::string& hash, const std::string& bytes = "bytes") {
    const std::string folder = "models--" + repo;
    temporary_.write(folder + "/blobs/" + hash, bytes);
    const fs::path link = temporary_.path() / folder / "snapshots" / commit / file;
    fs::create_directories(link.parent_path());
    fs::path up = "../..";
    for (const char c : file)
      if (c == '/') up /= "..";
    fs::create_symlink(up / "blobs" / hash, link);
  }
  void set_ref(const std::string& repo, const std::string& ref, const std::string& commit) {
    temporary_.write("models--" + repo + "/refs/" + ref, commit);
  }
  std::string names() const {
    std::string names;
    for (const CachedModel& m : cache_.models()) names += m.name + "\n";
    return names;
  }
  std::string found(const char* name) const {
    const auto model = cache_.find(parse_model_name(name));
    return model ? model->path.lexically_relative(temporary_.path()).string() : "";
  }

  test::TemporaryFolder temporary_;
  Cache cache_{temporary_.path()};
};

TEST_F(CacheTest, WhatOtherToolsPulledIsListedAndFound) {
  put("org--m", kNew, "m-Q8_0.gguf", "1", "12345678");
  put("org--m", kNew, "sub/m-Q4_0.gguf", "2");
  put("org--m", kNew, "mmproj.gguf", "3");
  put("org--st", kNew, "config.json", "4", "{}");
  put("org--st", kNew, "model.safetensors", "5");
  put("org--both", kNew, "config.json", "9");
  put("org--both", kNew, "model.safetensors", "a");
  put("org--both", kNew, "m-Q8_0.gguf", "b");
  put("org--half", kNew, "config.json", "6");
  put("gpt2", kNew, "config.json", "7");
  put("gpt2", kNew, "model.safetensors", "8");
  set_ref("org--m", "main", kNew);
  temporary_.write("datasets--org--d/snapshots/x/a.gguf", "no model");
  temporary_.write("models--org--m/.no_exist/" + kNew + "/config.json", "");
  fs::create_symlink("../../blobs/gone",
                     temporary_.path() / "models--org--m/snapshots" / kNew / "m-Q2_K.gguf");
  EXPECT_EQ(names(), "gpt2\norg/both:Q8_0\norg/both:safetensors\norg/m:Q4_0\norg/m:Q8_0\norg/st\n");
  EXPECT_EQ(found("org/m:q8_0"), "models--org--m/snapshots/" + kNew + "/m-Q8_0.gguf");
  EXPECT_EQ(found("org/m"), "models--org--m/snapshots/" + kNew + "/sub/m-Q4_0.gguf");
  EXPECT_EQ(found("org/m:sub/m-Q4_0.gguf"), found("org/m:Q4_0"));
  EXPECT_EQ(found("org/st"), "models--org--st/snapshots/" + kNew);
  EXPECT_EQ(found("org/m:Q2_K"), "");
  EXPECT_EQ(found("org/none"), "");
  EXPECT_EQ(found("org/half"), "");
  EXPECT_EQ(cache_.find(parse_model_name("org/m:Q8_0"))->offer.bytes, 8u);
}

TEST_F(CacheTest, RevisionsAreTheirOwnAndTheDefaultIsWhateverIsHere) {
  put("org--m", kOld, "m-Q8_0.gguf", "1");
  put("org--m", kOld, "m-Q4_0.gguf", "2");
  put("org--m", kNew, "m-Q8_0.gguf", "3");
  set_ref("org--m", "main", kNew);
  set_ref("org--m", "v1", kOld);
  EXPECT_EQ(found("org/m:Q8_0"), "models--org--m/snapshots/" + kNew + "/m-Q8_0.gguf");
  EXPECT_EQ(found("org/m@v1:Q8_0"), "models--org--m/snapshots/" + kOld + "/m-Q8_0.gguf");
  EXPECT_EQ(found(("org/m@" + kOld + ":Q8_0").c_str()), "models--org--m/snapshots/" + kOld + "/m-Q8_0.gguf");
  EXPECT_EQ(found("org/m:Q4_0"), "models--org--m/snapshots/" + kOld + "/m-Q4_0.gguf") << "not in the newest";
  EXPECT_EQ(found("org/m@v2"), "");
  EXPECT_EQ(names(), "org/m:Q4_0\norg/m:Q8_0\norg/m@" + kOld + ":Q8_0\n");
}

TEST_F(CacheTest, OneThatTwoRevisionsHaveIsOne) {
  put("org--m", kOld, "m.gguf", "1");
  put("org--m", kNew, "m.gguf", "1");
  EXPECT_EQ(names(), "org/m:m.gguf\n");
}

TEST_F(CacheTest, RemovingLeavesWhatOthersNeed) {
  put("org--m", kOld, "README.md", "r");
  put("org--m", kOld, "m-Q8_0.gguf", "1", "12345678");
  put("org--m", kNew, "m-Q8_0.gguf", "1", "12345678");
  put("org--m", kNew, "m-Q4_0.gguf", "2", "1234");
  put("org--m", kNew, "copy.gguf", "2", "1234");
  const fs::path blobs = temporary_.path() / "models--org--m/blobs";
  const Cache::Removal first = cache_.remove(*cache_.find(parse_model_name("org/m:Q8_0")));
  EXPECT_EQ(first.bytes, 8u);
  EXPECT_FALSE(fs::exists(blobs / "1"));
  EXPECT_TRUE(fs::exists(blobs / "r"));
  EXPECT_EQ(found("org/m:Q8_0"), "");
  const Cache::Removal second = cache_.remove(*cache_.find(parse_model_name("org/m:Q4_0")));
  EXPECT_EQ(second.bytes, 0u);
  EXPECT_EQ(second.kept, 4u);
  EXPECT_TRUE(fs::exists(blobs / "2"));
  EXPECT_EQ(names(), "org/m:copy.gguf\n");
}

TEST_F(CacheTest, WithTheLastOfItAllOfARepositoryGoes) {
  put("org--m", kNew, "m-Q8_0.gguf", "1");
  set_ref("org--m", "main", kNew);
  temporary_.write("models--org--m/blobs/2.ferrum.incomplete", "left by a pull");
  cache_.remove(*cache_.find(parse_model_name("org/m")));
  EXPECT_FALSE(fs::exists(temporary_.path() / "models--org--m"));
}

TEST_F(CacheTest, ALinkToElsewhereIsRemovedAndNotWhatItPointsTo) {
  const fs::path precious = temporary_.write("precious", "mine");
  fs::create_directories(temporary_.path() / "models--org--m/snapshots" / kNew);
  fs::create_symlink(precious, temporary_.path() / "models--org--m/snapshots" / kNew / "m.gguf");
  cache_.remove(*cache_.find(parse_model_name("org/m")));
  EXPECT_EQ(test::read_file(precious), "mine");
}

TEST_F(CacheTest, B66_WhatIsBeingPulledIsNotRemoved) {
  put("org--m", kNew, "m-Q8_0.gguf", "1");
  const FileLock lock = FileLock::now_or_never(cache_.lock_folder("org/m") / "1.lock", "it");
  test::expect_error(ErrorCode::kIo, {"org/m:Q8_0", "another process"},
                     [&] { cache_.remove(*cache_.find(parse_model_name("org/m"))); });
  EXPECT_NE(found("org/m:Q8_0"), "");
}

TEST(CacheFolder, IsWhereTheEnvironmentSays) {
  const auto folder = [](const std::map<std::string, std::string>& variables) {
    return cache_folder([&](const char* name) -> std::optional<std::string> {
             const auto found = variables.find(name);
             return found == variables.end() ? std::nullopt : std::optional(found->second);
           })
        .string();
  };
  EXPECT_EQ(folder({{"HOME", "/h"}}), "/h/.cache/huggingface/hub");
  EXPECT_EQ(folder({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}), "/x/huggingface/hub");
  EXPECT_EQ(folder({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "/f"}}), "/f/hub");
  EXPECT_EQ(folder({{"HOME", "/h"}, {"HF_HOME", "~/models"}}), "/h/models/hub");
  EXPECT_EQ(folder({{"HF_HOME", "/f"}, {"HF_HUB_CACHE", "/c"}}), "/c");
  test::expect_error(ErrorCode::kBadArgument, {"HF_HOME"}, [&] { folder({}); });
}

}  // namespace
}  // namespace ferrum::hub
