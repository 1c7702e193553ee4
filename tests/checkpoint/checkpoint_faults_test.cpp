// Checkpoints that are broken, incomplete or contradict themselves.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/log.h"
#include "checkpoint/check_weights.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/readers/model_tensors.h"
#include "checkpoint/split_gguf.h"
#include "support/contains.h"
#include "support/errors.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using Role = TensorRole;
using test::expect_error;
using test::le;
using test::SmallGguf;
using test::SmallHf;
using test::SplitGguf;
using test::TemporaryFolder;
using Words = std::initializer_list<std::string_view>;

void expect_bad(const fs::path& path, Words words, ErrorCode code) {
  expect_error(code, words, [&] { Checkpoint::open(path); });
}

void expect_bad(const SmallGguf& model, Words words, ErrorCode code) {
  const TemporaryFolder folder;
  expect_bad(folder.write("m.gguf", model.build()), words, code);
}

void expect_bad(const SmallHf& model, Words words, ErrorCode code) {
  const TemporaryFolder folder;
  expect_bad(model.write(folder), words, code);
}

TEST(CheckpointFaults, B01_EmptyFiles) {
  const TemporaryFolder folder;
  expect_bad(folder.write("m.gguf", ""), {"m.gguf", "0 bytes"}, ErrorCode::kBadFile);
  const TemporaryFolder other;
  other.write("config.json", "");
  expect_bad(other.path(), {"config.json", "byte 1"}, ErrorCode::kBadFile);
  expect_bad(folder.path() / "absent", {"absent", "no such"}, ErrorCode::kNotFound);
}

TEST(CheckpointFaults, B12_MissingTensors) {
  SmallGguf model;
  model.tensors.erase("blk.1.ffn_down.weight");
  expect_bad(model, {"m.gguf", "'blk.1.ffn_down.weight'", "missing"}, ErrorCode::kBadFile);
  SmallHf folder;
  folder.tensors.erase("lm_head.weight");
  expect_bad(folder, {"'lm_head.weight'", "missing"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B12_MissingBiases) {
  SmallHf model;
  model.config["attention_bias"] = true;
  expect_bad(model, {"'model.layers.0.self_attn.q_proj.bias'", "missing"}, ErrorCode::kBadFile);
  SmallGguf qwen2("qwen2");
  expect_bad(qwen2, {"'blk.0.attn_q.bias'", "missing"}, ErrorCode::kBadFile);
  expect_bad(SmallGguf("qwen3"), {"'blk.0.attn_q_norm.weight'", "missing"}, ErrorCode::kBadFile);
}

// As transformers: a bias that config.json denies is left out and told; one that it is silent about is used.
TEST(CheckpointFaults, B12_BiasesThatAreDeniedAreLeftOut) {
  const TensorKey key = {Role::kAttentionOut, 1, -1, true};
  SmallHf model;
  model.tensors["model.layers.1.self_attn.o_proj.bias"] = {8};
  const TemporaryFolder folder;
  EXPECT_NE(Checkpoint::open(model.write(folder))->find(key), nullptr);
  model.config["attention_bias"] = false;
  const TemporaryFolder other;
  testing::internal::CaptureStdout();
  const auto checkpoint = Checkpoint::open(model.write(other));
  const std::string logged = testing::internal::GetCapturedStdout();
  EXPECT_EQ(checkpoint->find(key), nullptr);
  EXPECT_NE(logged.find("'model.layers.1.self_attn.o_proj.bias'"), std::string::npos) << logged;
}

TEST(CheckpointFaults, B12_DuplicateTensors) {
  SmallHf model;
  model.tensors["norm.weight"] = {8};
  expect_bad(model, {"duplicate", "'model.norm.weight'", "'norm.weight'"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B12_KnownTensorsThatTheTextModelDoesNotUseAreTold) {
  SmallHf model;
  model.tensors["model.layers.2.mlp.up_proj.weight"] = {1};
  model.tensors["model.layers.2.embed_tokens.weight"] = {1};
  model.tensors["vision_tower.weight"] = {1};
  model.tensors["mm_projector.proj.0.weight"] = {1};
  model.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {2};
  const TemporaryFolder folder;
  testing::internal::CaptureStdout();
  const auto c = Checkpoint::open(model.write(folder));
  const std::string logged = testing::internal::GetCapturedStdout();
  EXPECT_NE(logged.find("'mm_projector.proj.0.weight', 'model.layers.2.embed_tokens.weight', "
                        "'model.layers.2.mlp.up_proj.weight', 'vision_tower.weight'"),
            std::string::npos)
      << logged;
  EXPECT_EQ(logged.find("inv_freq"), std::string::npos) << logged;
  EXPECT_EQ(c->tensors().size(), 26u);
  std::vector<HostTensor> tensors = c->tensors();
  const CheckedTensors checked = check_tensors(c->model(), TensorTable(Naming::kHuggingFace, tensors, "m"));
  EXPECT_EQ(checked.unused,
            (std::vector<std::string>{"mm_projector.proj.0.weight", "model.layers.2.embed_tokens.weight",
                                      "model.layers.2.mlp.up_proj.weight", "vision_tower.weight"}));
}

TEST(CheckpointFaults, B12_TensorsThatHaveNoPlaceAreRefused) {
  SmallHf folder;
  folder.tensors["model.layers.0.self_attn.sinks"] = {2};
  folder.tensors["model.layers.0.mlp.mystery.weight"] = {1};
  expect_bad(folder, {"llama", "'model.layers.0.mlp.mystery.weight'", "'model.layers.0.self_attn.sinks'"},
             ErrorCode::kUnsupported);
  SmallGguf file;
  file.tensors["blk.1.attn_q_norm.weight"] = {4};
  expect_bad(file, {"m.gguf", "llama", "'blk.1.attn_q_norm.weight'"}, ErrorCode::kUnsupported);
}

TEST(CheckpointFaults, B13_ShapesThatContradictTheDescription) {
  SmallGguf model;
  model.tensors["blk.1.attn_k.weight"] = {8, 8};
  expect_bad(model, {"m.gguf", "'blk.1.attn_k.weight'", "[8, 8]", "[4, 8]"}, ErrorCode::kBadConfig);
  SmallHf folder;
  folder.config["vocab_size"] = 11;
  expect_bad(folder, {"'model.embed_tokens.weight'", "[10, 8]", "[11, 8]"}, ErrorCode::kBadConfig);
  SmallHf transposed;
  transposed.tensors["model.layers.0.mlp.down_proj.weight"] = {16, 8};
  expect_bad(transposed, {"'model.layers.0.mlp.down_proj.weight'", "[16, 8]", "[8, 16]"},
             ErrorCode::kBadConfig);
}

TEST(CheckpointFaults, B15_PartsMissing) {
  const TemporaryFolder folder;
  const auto path = folder.write("m-00002-of-00002.gguf", SplitGguf().parts[1]);
  expect_bad(path, {"missing", "m-00001-of-00002.gguf"}, ErrorCode::kNotFound);
  expect_bad(folder.path(), {"first part"}, ErrorCode::kNotFound);
  expect_bad(folder.write("renamed.gguf", SplitGguf().parts[0]),
             {"renamed.gguf", "2 parts", "-00001-of-00002.gguf"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B15_PartsSwapped) {
  const TemporaryFolder folder;
  const SplitGguf split;
  const auto path = folder.write("m-00001-of-00002.gguf", split.parts[1]);
  folder.write("m-00002-of-00002.gguf", split.parts[0]);
  expect_bad(path, {"m-00001-of-00002.gguf", "split.no"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B15_PartsOfAnotherModel) {
  const TemporaryFolder folder;
  const auto path = folder.write("m-00001-of-00002.gguf", SplitGguf().parts[0]);
  SmallGguf stranger("");
  stranger.integers.clear();
  stranger.tensors = {{"blk.1.attn_q.weight", {8, 8}}};
  SplitGguf::mark(stranger, 1);
  folder.write("m-00002-of-00002.gguf", stranger.build());
  expect_bad(path, {"split.tensors.count", "21", "m-00002-of-00002.gguf"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B16_TruncatedWhileMapped) {
  const TemporaryFolder folder;
  SmallGguf model;
  model.tensors["token_embd.weight"] = {4096, 8};
  model.tensors["output.weight"] = {4096, 8};
  const auto path = folder.write("m.gguf", model.build());
  const auto c = Checkpoint::open(path);
  EXPECT_TRUE(c->intact());
  fs::resize_file(path, 4096);
  float sum = 0;
  for (const HostTensor& t : c->tensors())
    for (const float v : decoded(t)) sum += v;
  EXPECT_EQ(sum, 0);
  EXPECT_FALSE(c->intact());
}

struct ShardedHf {
  ShardedHf() {
    model.write(folder);
    fs::rename(folder.path() / "model.safetensors", folder.path() / "a.safetensors");
    for (const auto& [name, shape] : model.tensors) map[name] = "a.safetensors";
  }
  const fs::path& write() const {
    folder.write("model.safetensors.index.json", nlohmann::json{{"weight_map", map}}.dump());
    return folder.path();
  }
  SmallHf model;
  TemporaryFolder folder;
  nlohmann::json map;
};

TEST(CheckpointFaults, B15_ShardsOfAnotherModel) {
  ShardedHf sharded;
  EXPECT_NO_THROW(Checkpoint::open(sharded.write()));
  sharded.folder.write("b.safetensors", test::SafetensorsBytes().f32_tensor("strange", {1}).build());
  sharded.map["lm_head.weight"] = "b.safetensors";
  expect_bad(sharded.write(), {"index.json", "'lm_head.weight' in 'b.safetensors'"}, ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B19_IndexThatNamesAbsentShards) {
  ShardedHf sharded;
  sharded.map["lm_head.weight"] = "x.safetensors";
  sharded.map["model.norm.weight"] = "y.safetensors";
  expect_bad(sharded.write(), {"missing", "'x.safetensors', 'y.safetensors'"}, ErrorCode::kNotFound);
}

TEST(CheckpointFaults, B19_IndexThatNamesAbsentTensors) {
  ShardedHf unneeded;
  unneeded.map["model.layers.0.self_attn.rotary_emb.inv_freq"] = "a.safetensors";
  unneeded.map["model.layers.2.mlp.up_proj.weight"] = "x.safetensors";  // of a layer that the model has not
  const log::Recorder recorder;
  EXPECT_NO_THROW(Checkpoint::open(unneeded.write()));
  ASSERT_EQ(recorder.warnings().size(), 1u);
  EXPECT_CONTAINS(recorder.warnings()[0], "index.json");
  EXPECT_CONTAINS(recorder.warnings()[0],
                  "'model.layers.0.self_attn.rotary_emb.inv_freq', 'model.layers.2.mlp.up_proj.weight'");
  ShardedHf needed;  // without which the model would be computed, but wrongly
  needed.map["model.layers.0.self_attn.q_proj.bias"] = "a.safetensors";
  expect_bad(needed.write(),
             {"index.json", "missing", "'model.layers.0.self_attn.q_proj.bias' in 'a.safetensors'"},
             ErrorCode::kBadFile);
}

TEST(CheckpointFaults, B19_IndexThatLeavesItsFolder) {
  for (const char* name : {"../a.safetensors", "/etc/passwd", "..", "", "sub/a.safetensors", "a\\b"}) {
    ShardedHf sharded;
    sharded.map["lm_head.weight"] = name;
    expect_bad(sharded.write(), {"index.json", "'lm_head.weight'", "no name of a file"}, ErrorCode::kBadFile);
  }
  ShardedHf sharded;
  sharded.map["lm_head.weight"] = 1;
  expect_bad(sharded.write(), {"index.json", "'lm_head.weight'", "a file name"}, ErrorCode::kBadConfig);
  sharded.map = nullptr;
  expect_bad(sharded.write(), {"index.json", "weight_map"}, ErrorCode::kBadConfig);
}

TEST(CheckpointFaults, B20_ConfigMissing) {
  const TemporaryFolder folder;
  folder.write("model.safetensors", SmallHf().weights());
  expect_bad(folder.path(), {"config.json"}, ErrorCode::kNotFound);
}

TEST(CheckpointFaults, B20_PickleFilesAreRefused) {
  const TemporaryFolder folder;
  folder.write("config.json", SmallHf().config.dump());
  expect_bad(folder.path(), {"model.safetensors"}, ErrorCode::kNotFound);
  const auto pickle = folder.write("pytorch_model.bin", "PK\x03\x04");
  expect_bad(folder.path(), {"'pytorch_model.bin'", "pickle", "safetensors"}, ErrorCode::kUnsupported);
  expect_bad(pickle, {"pytorch_model.bin", "pickle", "safetensors"}, ErrorCode::kUnsupported);
}

TEST(CheckpointFaults, B20_WeightsOfOtherTypes) {
  const TemporaryFolder folder;
  folder.write("config.json", SmallHf().config.dump());
  test::SafetensorsBytes file;
  for (const auto& [name, shape] : SmallHf().tensors)
    if (name != "model.norm.weight") file.f32_tensor(name, shape);
  file.tensor("model.norm.weight", {8}, "F8_E5M2", "12345678");
  folder.write("model.safetensors", file.build());
  expect_bad(folder.path(), {"'model.norm.weight'", "F8_E5M2"}, ErrorCode::kUnsupported);
}

TEST(CheckpointFaults, B20_APartOfAFolderSaysSo) {
  const TemporaryFolder folder;
  SmallHf().write(folder);
  expect_bad(folder.path() / "model.safetensors", {"name its folder", folder.path().string()},
             ErrorCode::kBadArgument);
}

TEST(CheckWeights, B23_NanAndInfinityAreFoundWithTheirPosition) {
  const auto tensor_of = [](std::string_view bytes, Format format, std::vector<int64_t> shape) {
    return HostTensor{"t", format, std::move(shape), test::as_bytes(bytes)};
  };
  const float inf = std::numeric_limits<float>::infinity();
  const std::string good = le(1.f) + le(-1.f) + le(3e38f) + le(0.f) + le(1e-40f) + le(-0.f);
  EXPECT_EQ(first_bad_weight(tensor_of(good, Format::kF32, {2, 3})), std::nullopt);
  std::string bad = good;
  bad.replace(16, 4, le(-inf));
  const auto found = first_bad_weight(tensor_of(bad, Format::kF32, {2, 1, 3}));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->position, (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(found->value, -inf);
  const std::string half = le<uint16_t>(0x7E00);
  EXPECT_TRUE(std::isnan(first_bad_weight(tensor_of(half, Format::kF16, {1}))->value));
  const std::string block = le<uint16_t>(0x7C00) + std::string(32, '\1');  // Q8_0 with an infinite scale
  EXPECT_EQ(first_bad_weight(tensor_of(block, Format::kQ8_0, {1, 32}))->position,
            (std::vector<int64_t>{0, 0}));
}

}  // namespace
}  // namespace ferrum
