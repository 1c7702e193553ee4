#include "hub/offers.h"

#include <gtest/gtest.h>

namespace ferrum::hub {
namespace {

std::vector<RepoFile> files(std::initializer_list<const char*> names) {
  std::vector<RepoFile> files;
  for (const char* name : names) files.push_back({name, 1 << 20, name});
  return files;
}

std::string picked(const std::vector<RepoFile>& files, const char* name) {
  const std::vector<Offer> offers = offers_of(files);
  const Offer* const offer = pick(offers, parse_model_name(name));
  return offer ? offer->files.front().name : "";
}

TEST(Offers, OneIsPickedByTypeFileOrWhatIsUsual) {
  const auto repo =
      files({"README.md", "m-F16.gguf", "m-Q4_0.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-F16.gguf",
             "m-UD-Q4_K_XL.gguf", "imatrix_unsloth.gguf", "x-Q2_K-00001-of-00002.gguf"});
  EXPECT_EQ(picked(repo, "a/b"), "m-Q4_K_M.gguf");
  EXPECT_EQ(picked(repo, "a/b:q8_0"), "m-Q8_0.gguf");
  EXPECT_EQ(picked(repo, "a/b:F16"), "m-F16.gguf");
  EXPECT_EQ(picked(repo, "a/b:Q4_K_XL"), "m-UD-Q4_K_XL.gguf");
  EXPECT_EQ(picked(repo, "a/b:m-Q4_0.gguf"), "m-Q4_0.gguf");
  EXPECT_EQ(picked(repo, "a/b:Q5_K_M"), "");
  EXPECT_EQ(picked(repo, "a/b:Q2_K"), "") << "a part is missing";
  EXPECT_EQ(picked(repo, "a/b:M-Q4_0.gguf"), "");
  EXPECT_EQ(offers_text(offers_of(files({"m-Q4_0.gguf", "other.gguf", "m-Q8_0.gguf"}))),
            "Q4_0 (1.00 MiB), Q8_0 (1.00 MiB), 'other.gguf' (1.00 MiB)");
  EXPECT_EQ(offers_text({}), "nothing that can be run");
}

TEST(Offers, WhereNothingIsUsualTheOnlyOneIs) {
  EXPECT_EQ(picked(files({"a.gguf"}), "a/b"), "a.gguf");
  EXPECT_EQ(picked(files({"a.gguf", "b.gguf"}), "a/b"), "");
  EXPECT_EQ(picked(files({"small/m-Q4_0.gguf", "large/m-Q4_0.gguf"}), "a/b:Q4_0"), "") << "which of them?";
  EXPECT_EQ(picked(files({"small/m-Q4_0.gguf", "large/m-Q4_0.gguf"}), "a/b:large/m-Q4_0.gguf"),
            "large/m-Q4_0.gguf");
}

TEST(Offers, ASetIsAllOfItsParts) {
  const auto offers = offers_of(files({"m-Q8_0-00002-of-00002.gguf", "m-Q8_0-00001-of-00002.gguf"}));
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].type, "Q8_0");
  EXPECT_EQ(offers[0].bytes, 2u << 20);
  EXPECT_EQ(offers[0].files[0].name, "m-Q8_0-00001-of-00002.gguf");
  EXPECT_EQ(suffix_of(offers, offers[0]), ":Q8_0");
}

TEST(Offers, SafetensorsComeWithWhatBelongsToThem) {
  const auto sharded = files(
      {"config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
       "model.safetensors.index.json", "tokenizer.json", "pytorch_model.bin", "README.md",
       "onnx/model.safetensors", "consolidated.safetensors", "chat_template.jinja", "modules.json",
       "1_Pooling/config.json", "2_Dense/model.safetensors", "2_Dense/pytorch_model.bin", "_x/config.json"});
  const auto offers = offers_of(sharded);
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].kind, Offer::Kind::kSafetensors);
  std::string names;
  for (const RepoFile& file : offers[0].files) names += file.name + " ";
  EXPECT_EQ(names,
            "model-00001-of-00002.safetensors model-00002-of-00002.safetensors config.json tokenizer.json "
            "chat_template.jinja model.safetensors.index.json modules.json README.md 1_Pooling/config.json "
            "2_Dense/model.safetensors ");
  EXPECT_TRUE(offers_of(files({"config.json", "model-00001-of-00002.safetensors"})).empty());
  EXPECT_TRUE(offers_of(files({"config.json", "pytorch_model.bin"})).empty());
  EXPECT_TRUE(offers_of(files({"model.safetensors"})).empty());
  EXPECT_EQ(picked(files({"config.json", "model.safetensors", "m-Q8_0.gguf"}), "a/b"), "m-Q8_0.gguf");
  EXPECT_EQ(picked(files({"config.json", "model.safetensors", "m-Q8_0.gguf"}), "a/b:Safetensors"),
            "model.safetensors");
  EXPECT_EQ(picked(files({"m-Q8_0.gguf"}), "a/b:safetensors"), "");
  EXPECT_EQ(offers_text(offers_of(files({"config.json", "model.safetensors", "m-Q8_0.gguf"}))),
            "Q8_0 (1.00 MiB), safetensors (2.00 MiB)");
  EXPECT_EQ(picked(files({"config.json", "model.safetensors", "a.gguf", "b.gguf"}), "a/b"),
            "model.safetensors");
}

}  // namespace
}  // namespace ferrum::hub
