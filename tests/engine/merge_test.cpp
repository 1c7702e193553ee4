// A model with adapters merged into its weights computes what the base computes with them.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/adapters/adapter.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/writers/convert.h"
#include "checkpoint/writers/merge.h"
#include "engine/golden.h"
#include "engine/random_adapter.h"
#include "support/errors.h"
#include "support/file_bytes.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using test::compute;
using test::Golden;
using test::read_golden;
using test::relative_error;

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    names.insert(fs::relative(entry.path(), folder).string());
  return names;
}

class MergedGoldens : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    adapter_ = test::shared("goldens2") / GetParam();
    FERRUM_NEEDS_SHARED(adapter_);
    const auto config = nlohmann::json::parse(test::read_file(adapter_ / "adapter_config.json"));
    base_ = test::shared("goldens2") / config.at("base_model_name_or_path").get<std::string>();
    golden_ = read_golden(adapter_);
  }
  fs::path at(const char* name) const { return folder_.path() / name; }

  test::TemporaryFolder folder_;
  fs::path adapter_, base_;
  Golden golden_;
};

TEST_P(MergedGoldens, AFolderOfAFolder) {
  merge(base_, {{.path = adapter_}}, at("merged"), {.type = FileType::kF32});
  EXPECT_LE(relative_error(compute(at("merged"), golden_, {}), golden_.logits), 1e-4);
  std::set<std::string> expected = names_in(base_);
  expected.erase("golden.safetensors");  // weights of no model
  EXPECT_EQ(names_in(at("merged")), expected);
}

TEST_P(MergedGoldens, AGgufFileOfAFolder) {
  merge(base_, {{.path = adapter_}}, at("merged.gguf"), {.type = FileType::kF32});
  EXPECT_LE(relative_error(compute(at("merged.gguf"), golden_, {}), golden_.logits), 1e-4);
}

TEST_P(MergedGoldens, AGgufFileOfAGgufFileInTwoHalves) {
  convert(base_, at("base.gguf"), {.type = FileType::kF32});
  merge(at("base.gguf"), {{adapter_, 0.75F}, {adapter_, 0.25F}}, at("merged.gguf"), {});
  EXPECT_LE(relative_error(compute(at("merged.gguf"), golden_, {}), golden_.logits), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Peft, MergedGoldens,
                         ::testing::Values("lora_embed_head", "lora_hybrid", "lora_layers_subset",
                                           "lora_modules_to_save", "lora_moe_experts", "lora_patterns"),
                         [](const auto& info) { return info.param; });

// Bases whose files fuse, stack, permute or scale weights.
class MergedArchitectures : public ::testing::TestWithParam<std::string> {};

TEST_P(MergedArchitectures, AgreeWithTheirBaseAndAdapter) {
  const fs::path base = test::shared("goldens2") / GetParam();
  FERRUM_NEEDS_SHARED(base);
  const test::TemporaryFolder folder;
  const fs::path adapter = folder.path() / "adapter";
  test::write_adapter(adapter, *Checkpoint::open(base), {.spread = 0.05F});
  Golden golden = read_golden(base);
  golden.logits = compute(base, golden, {.adapter = adapter});
  EXPECT_GT(relative_error(read_golden(base).logits, golden.logits), 1e-3) << "the adapter changes something";

  const fs::path file = folder.path() / "merged.gguf";
  merge(base, {{.path = adapter}}, file, {.type = FileType::kF32});
  EXPECT_LE(relative_error(compute(file, golden, {}), golden.logits), 2e-4);

  const fs::path converted = folder.path() / "base.gguf", of_file = folder.path() / "merged2.gguf";
  convert(base, converted, {.type = FileType::kF32});
  std::optional<Adapter> same;
  try {
    same = read_adapter(adapter, *Checkpoint::open(converted));
  } catch (const Error& e) {  // between kinds of files
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported) << e.what();
  }
  if (same) {
    merge(converted, {{.path = adapter}}, of_file, {});
    EXPECT_LE(relative_error(compute(of_file, golden, {}), golden.logits), 2e-4);
  }

  const fs::path merged = folder.path() / "merged";
  try {
    merge(base, {{.path = adapter}}, merged, {.type = FileType::kF32});
    EXPECT_LE(relative_error(compute(merged, golden, {}), golden.logits), 2e-4);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported) << e.what();
    EXPECT_NE(std::string(e.what()).find("cannot be merged"), std::string::npos) << e.what();
    EXPECT_FALSE(fs::exists(merged));
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, MergedArchitectures,
                         ::testing::Values("mixtral", "phi3_window", "glm4", "gpt_oss_truncate", "qwen3_next",
                                           "granitemoehybrid", "deepseek_v3", "falcon_h1", "gemma3",
                                           "nemotron_h", "starcoder2", "kimi_linear"),
                         [](const auto& info) { return info.param; });

class MergeFaults : public ::testing::Test {
 protected:
  void SetUp() override { test::write_adapter(adapter_, *Checkpoint::open(base_), {}); }
  fs::path at(const char* name) const { return folder_.path() / name; }
  void expect(ErrorCode code, std::initializer_list<std::string_view> words, const fs::path& base,
              const fs::path& target, MergeOptions options = {}) {
    const std::set<std::string> before = names_in(folder_.path());
    test::expect_error(code, words, [&] { merge(base, {{.path = adapter_}}, target, options); });
    EXPECT_EQ(names_in(folder_.path()), before) << "nothing is left";
  }

  test::TemporaryFolder folder_;
  fs::path base_ = test::data("goldens/qwen3_256"), adapter_ = folder_.path() / "adapter";
};

TEST_F(MergeFaults, AFormatThatIsNotWrittenIsNamedWithItsTensor) {
  convert(base_, at("q8.gguf"), {.type = FileType::kQ8_0});
  merge(at("q8.gguf"), {{.path = adapter_}}, at("merged.gguf"), {});
  EXPECT_EQ(Checkpoint::open(at("merged.gguf"))->find({TensorRole::kQuery, 0})->format, Format::kQ8_0);
  expect(ErrorCode::kUnsupported, {"Q4_K_M", "Q8_0"}, at("q8.gguf"), at("k.gguf"),
         {.type = FileType::kQ4_K_M});
  merge(at("q8.gguf"), {{.path = adapter_}}, at("f16.gguf"), {.type = FileType::kF16});
  const auto f16 = Checkpoint::open(at("f16.gguf"));
  EXPECT_EQ(f16->find({TensorRole::kQuery, 0})->format, Format::kF16);
  EXPECT_EQ(f16->find({TensorRole::kEmbedding})->format, Format::kQ8_0) << "unchanged, so copied";
  expect(ErrorCode::kUnsupported, {"_proj", "F32, F16 or BF16", "Q8_0"}, base_, at("folder"),
         {.type = FileType::kQ8_0});
}

TEST_F(MergeFaults, WhatIsThereAlreadyStays) {
  std::ofstream(at("there.gguf")) << "mine";
  fs::create_directory(at("folder"));
  expect(ErrorCode::kBadArgument, {"there.gguf", "already"}, base_, at("there.gguf"));
  expect(ErrorCode::kBadArgument, {"folder", "already"}, base_, at("folder"));
  EXPECT_EQ(test::read_file(at("there.gguf")), "mine");
}

TEST_F(MergeFaults, WhatCannotBeIsSaid) {
  convert(base_, at("base.gguf"), {.type = FileType::kF32});
  expect(ErrorCode::kBadArgument, {"base.gguf", "not the folder"}, at("base.gguf"), at("merged"));
  expect(ErrorCode::kIo, {"nowhere"}, base_, at("nowhere/merged.gguf"));
  expect(ErrorCode::kIo, {"nowhere"}, base_, at("nowhere/merged"));
  expect(ErrorCode::kBadConfig, {"the base's matrix"}, test::data("goldens/llama"), at("merged.gguf"));
  test::expect_error(ErrorCode::kBadArgument, {"no adapter"}, [&] { merge(base_, {}, at("x.gguf"), {}); });
}

// A weight that becomes too large for its type is found while the files are written.
TEST_F(MergeFaults, AFailureOnTheWayLeavesNothing) {
  const std::set<std::string> before = names_in(folder_.path());
  for (const char* target : {"merged", "merged.gguf"})
    test::expect_error(ErrorCode::kBadFile, {"F16 cannot hold"}, [&] {
      merge(base_, {{adapter_, 1e7F}}, at(target), {.type = FileType::kF16});
    });
  EXPECT_EQ(names_in(folder_.path()), before);
}

}  // namespace
}  // namespace ferrum
