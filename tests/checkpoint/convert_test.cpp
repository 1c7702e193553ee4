// A folder converted to GGUF and opened again is the same model.
#include "checkpoint/writers/convert.h"
#include "checkpoint/architecture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/gguf/gguf_layout.h"
#include "checkpoint/safetensors/safetensors.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/layers.h"
#include "support/paths.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using Role = TensorRole;

const fs::path& scratch() {
  static const test::TemporaryFolder kFolder;
  return kFolder.path();
}

// The same numbers by another way: each expert's rows one below the other, q and k rows at their interleaved
// places.
std::vector<float> expected_values(const Checkpoint& source, const TensorKey& key) {
  std::vector<float> values;
  if (const HostTensor* tensor = source.find(key)) {
    values = decoded(*tensor);
  } else if (const HostTensor* fused = source.find({Role::kExpertGateUp, key.layer})) {
    const std::vector<float> all = decoded(*fused);
    const size_t matrix = static_cast<size_t>(source.model().expert_width()) * source.model().hidden;
    for (int e = 0; e < source.model().experts(); ++e) {
      const size_t begin = (2 * static_cast<size_t>(e) + (key.role == Role::kExpertUp ? 1 : 0)) * matrix;
      values.insert(values.end(), all.begin() + begin, all.begin() + begin + matrix);
    }
  } else {
    for (int e = 0; e < source.model().experts(); ++e) {
      const std::vector<float> one = decoded(*source.find({key.role, key.layer, e}));
      values.insert(values.end(), one.begin(), one.end());
    }
  }
  const bool permuted =
      stores_interleaved(source.model()) && (key.role == Role::kQuery || key.role == Role::kKey);
  if (!permuted) return values;
  const auto head_dim = static_cast<size_t>(source.model().layers.front().attention.head_dim);
  const size_t width = key.is_bias ? 1 : static_cast<size_t>(source.model().hidden);
  std::vector<float> moved(values.size());
  for (size_t head = 0; head < values.size() / width / head_dim; ++head)
    for (size_t half = 0; half < 2; ++half)
      for (size_t i = 0; i < head_dim / 2; ++i)
        for (size_t c = 0; c < width; ++c)
          moved[(head * head_dim + 2 * i + half) * width + c] =
              values[(head * head_dim + half * (head_dim / 2) + i) * width + c];
  return moved;
}

void expect_same_description(const ModelDescription& a, const ModelDescription& b) {
  EXPECT_EQ(a.architecture->gguf_name(), b.architecture->gguf_name());
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.depth(), b.depth());
  EXPECT_EQ(a.hidden, b.hidden);
  EXPECT_EQ(a.vocab, b.vocab);
  EXPECT_EQ(a.layers.front().attention.q_heads, b.layers.front().attention.q_heads);
  EXPECT_EQ(a.layers.front().attention.kv_heads, b.layers.front().attention.kv_heads);
  EXPECT_EQ(a.layers.front().attention.head_dim, b.layers.front().attention.head_dim);
  EXPECT_EQ(a.dense_width(), b.dense_width());
  EXPECT_EQ(a.wiring.eps, b.wiring.eps);
  EXPECT_EQ(a.context, b.context);
  EXPECT_EQ(a.window(), b.window());
  EXPECT_EQ(test::sliding_layers(a), test::sliding_layers(b));
  EXPECT_EQ(a.experts(), b.experts());
  EXPECT_EQ(a.routing.top_k, b.routing.top_k);
  EXPECT_EQ(a.expert_width(), b.expert_width());
  EXPECT_EQ(a.routing.renormalize, b.routing.renormalize);
  EXPECT_EQ(test::moe_layers(a), test::moe_layers(b));
  EXPECT_EQ(a.tied_head, b.tied_head);
  EXPECT_EQ(a.rope.theta, b.rope.theta);
  EXPECT_EQ(a.rope.rotary_dim, b.rope.rotary_dim);
  EXPECT_EQ(b.rope.interleaved, stores_interleaved(a));
}

// llama3's scaling comes back as divisors; the others as they were.
void expect_same_scaling(const RopeDescription& a, const RopeDescription& b) {
  if (a.scaling.kind == RopeScaling::Kind::kLlama3) {
    EXPECT_EQ(b.frequency_divisors, rope_divisors(a));
    return;
  }
  EXPECT_EQ(a.scaling.kind, b.scaling.kind);
  if (a.scaling.kind == RopeScaling::Kind::kNone) return;
  EXPECT_EQ(a.scaling.factor, b.scaling.factor);
  EXPECT_EQ(a.scaling.original_context, b.scaling.original_context);
  EXPECT_EQ(a.scaling.beta_fast, b.scaling.beta_fast);
  EXPECT_EQ(a.scaling.beta_slow, b.scaling.beta_slow);
  EXPECT_EQ(a.scaling.attention_factor, b.scaling.attention_factor);
}

float tolerance(FileType type, const std::vector<float>& values) {
  if (type != FileType::kQ8_0 && type != FileType::kF16) return 0;
  float largest = 0;
  for (const float v : values) largest = std::max(largest, std::abs(v));
  return type == FileType::kF16 ? largest * 0x1p-11f : largest * (1.0f / 254 + 0x1p-11f);
}

class ConvertGolden : public testing::TestWithParam<const char*> {};

TEST_P(ConvertGolden, ReadsBackAsTheSameModel) {
  const fs::path folder = test::data("goldens") / GetParam();
  const auto source = Checkpoint::open(folder);
  for (const auto type : {std::optional<FileType>(), std::optional(FileType::kF32),
                          std::optional(FileType::kF16), std::optional(FileType::kQ8_0)}) {
    const fs::path target = scratch() / (std::string(GetParam()) + ".gguf");
    convert(folder, target, {.type = type});
    const auto converted = Checkpoint::open(target);
    expect_same_description(source->model(), converted->model());
    expect_same_scaling(source->model().rope, converted->model().rope);
    EXPECT_EQ(source->model().parameters, converted->model().parameters);
    EXPECT_EQ(source->generation().stop_tokens, converted->generation().stop_tokens);
    for (const HostTensor& tensor : converted->tensors()) {
      const auto key = NameTable().parse(Naming::kGguf, tensor.name);
      ASSERT_TRUE(key) << tensor.name;
      if (key->role == Role::kRopeFrequencies) continue;
      const std::vector<float> want = expected_values(*source, *key);
      const std::vector<float> got = decoded(tensor);
      ASSERT_EQ(want.size(), got.size()) << tensor.name;
      const float most = tolerance(type.value_or(FileType::kF32), want);
      for (size_t i = 0; i < want.size(); ++i)
        ASSERT_LE(std::abs(want[i] - got[i]), most) << tensor.name << " " << i;
    }
    fs::remove(target);
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, ConvertGolden,
                         testing::Values("llama", "llama3_rope_scaling_tied", "llama_f16_256",
                                         "mistral_sliding_window", "qwen2", "qwen3", "qwen3_256", "qwen3_moe",
                                         "qwen3_moe_256", "qwen3_moe_mixed_dense_layers", "qwen3_yarn"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Convert, NormsRoutersAndBiasesAreF32) {
  const fs::path target = scratch() / "formats.gguf";
  convert(test::data("goldens/qwen3_moe"), target, {.type = FileType::kBF16});
  const auto file = GgufFile::open(target);
  for (const HostTensor& tensor : file->tensors()) {
    const bool small = tensor.shape.size() == 1 || tensor.name.find("ffn_gate_inp") != std::string::npos;
    EXPECT_EQ(tensor.format, small ? Format::kF32 : Format::kBF16) << tensor.name;
  }
  fs::remove(target);
}

TEST(Convert, ThreadsDoNotChangeTheFile) {
  const auto bytes = [](int threads) {
    const fs::path target = scratch() / "threads.gguf";
    convert(test::data("goldens/llama"), target, {.type = FileType::kQ8_0, .pipeline = {.threads = threads}});
    return test::read_file(target);
  };
  EXPECT_EQ(bytes(1), bytes(5));
}

std::string message_of(const auto& action, ErrorCode code) {
  try {
    action();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  return "no error";
}

TEST(ConvertErrors, WhatIsNoFolderAndNoType) {
  const fs::path target = scratch() / "never.gguf";
  EXPECT_NE(message_of([&] { convert("/absent", target, {}); }, ErrorCode::kNotFound).find("no such folder"),
            std::string::npos);
  EXPECT_NE(message_of([&] { convert(scratch(), target, {}); }, ErrorCode::kBadArgument)
                .find("is not a Hugging Face folder"),
            std::string::npos);
  const auto to_q4_k_m = [&] { convert(test::data("goldens/qwen3"), target, {.type = FileType::kQ4_K_M}); };
  EXPECT_NE(message_of(to_q4_k_m, ErrorCode::kUnsupported).find("F32, F16, BF16 and Q8_0"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(target));
}

// A golden's folder with its config.json changed.
fs::path with_config(const std::string& golden, const std::string& from, const std::string& to) {
  const fs::path folder = scratch() / "changed";
  fs::remove_all(folder);
  fs::copy(test::data("goldens") / golden, folder);
  std::string text = test::read_file(folder / "config.json");
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos);
  if (at != std::string::npos) text.replace(at, from.size(), to);
  fs::permissions(folder / "config.json", fs::perms::owner_all);
  std::ofstream(folder / "config.json") << text;
  return folder;
}

TEST(ConvertErrors, WhatGgufHasNoWordsFor) {
  const fs::path target = scratch() / "never.gguf";
  const fs::path dynamic = with_config("qwen3", "\"rope_scaling\": null",
                                       R"("rope_scaling": {"rope_type": "dynamic", "factor": 2.0})");
  EXPECT_NE(message_of([&] { convert(dynamic, target, {}); }, ErrorCode::kUnsupported)
                .find("RoPE scaling by dynamic NTK cannot be expressed in GGUF"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(target));
}

TEST(ConvertErrors, GroupsOfIntegersHaveNoTypeInGguf) {
  const test::TemporaryFolder folder;
  test::expect_error(
      ErrorCode::kUnsupported, {"gptq_qwen3_sym_g128", "groups of 4-bit integers", "--type", "F16"},
      [&] { convert(test::data("goldens/gptq_qwen3_sym_g128"), folder.path() / "m.gguf", {}); });
  convert(test::data("goldens/gptq_qwen3_sym_g128"), folder.path() / "m.gguf",
          {.type = FileType::kQ8_0, .pipeline = {}});
  EXPECT_EQ(Checkpoint::open(folder.path() / "m.gguf")->format(), "GGUF v3, Q8_0");
}

TEST(Convert, ExpertsInMxfp4StayBitForBit) {
  const fs::path folder = test::shared("goldens2/gpt_oss_mxfp4");
  if (!fs::exists(folder)) GTEST_SKIP() << "needs " << folder;
  const fs::path target = scratch() / "mxfp4.gguf";
  convert(folder, target, {});
  const auto source = Checkpoint::open(folder);
  const auto converted = Checkpoint::open(target);
  EXPECT_EQ(converted->format(), "GGUF v3, MXFP4_MOE");
  int experts = 0;
  for (const HostTensor& tensor : converted->tensors()) {
    const auto key = converted->model().architecture->tensor_names().parse(Naming::kGguf, tensor.name);
    ASSERT_TRUE(key) << tensor.name;
    const bool is_expert = tensor.shape.size() == 3;
    EXPECT_EQ(tensor.format == Format::kMXFP4, is_expert) << tensor.name;
    if (!is_expert) continue;
    ++experts;
    EXPECT_EQ(decoded(tensor), expected_values(*source, *key)) << tensor.name;
  }
  EXPECT_EQ(experts, 3 * source->model().depth());
}

// Folders of Muse Glimmer have no weights for norms of heads, and a factor of q; files have the factor there.
TEST(Convert, NormsWithoutWeightsGetThem) {
  const fs::path folder = test::shared("goldens2/muse_glimmer");
  if (!fs::exists(folder)) GTEST_SKIP() << "needs " << folder;
  const fs::path target = scratch() / "muse.gguf";
  convert(folder, target, {});
  const auto converted = Checkpoint::open(target);
  const HostTensor* q = converted->find({Role::kQueryNorm, 0});
  const HostTensor* k = converted->find({Role::kKeyNorm, 0});
  ASSERT_TRUE(q && k);
  EXPECT_NEAR(decoded(*q).front(), 2, 1e-6);
  EXPECT_EQ(decoded(*k).back(), 1);
}

// By a key of its own: readers that do not know it round the range, as they do with llama.cpp's own files.
TEST(Convert, YarnWithoutRoundingItsRangeComesBack) {
  const fs::path target = scratch() / "exact.gguf";
  const fs::path folder =
      with_config("qwen3_yarn", "\"rope_type\": \"yarn\"", R"("truncate": false, "rope_type": "yarn")");
  convert(folder, target, {});
  EXPECT_FALSE(Checkpoint::open(target)->model().rope.scaling.truncate);
  convert(test::data("goldens/qwen3_yarn"), target, {});
  EXPECT_TRUE(Checkpoint::open(target)->model().rope.scaling.truncate);
  EXPECT_FALSE(GgufFile::open(target)->metadata().has("qwen3.rope.scaling.yarn_truncate"));
}

TEST(Convert, AttentionFactorsOfYarnComeBack) {
  const fs::path target = scratch() / "yarn.gguf";
  const fs::path folder =
      with_config("qwen3_yarn", "\"rope_type\": \"yarn\"", R"("attention_factor": 1.5, "rope_type": "yarn")");
  convert(folder, target, {});
  const auto converted = Checkpoint::open(target);
  const RopeScaling& scaling = converted->model().rope.scaling;
  ASSERT_TRUE(scaling.attention_factor);
  EXPECT_NEAR(*scaling.attention_factor, 1.5, 1e-6);
}

TEST(Convert, LicenceOfTheModelCard) {
  const fs::path target = scratch() / "card.gguf";
  const fs::path folder = with_config("qwen3", "{", "{");
  std::ofstream(folder / "README.md")
      << "---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\nlicense: mit\n";
  convert(folder, target, {});
  EXPECT_EQ(GgufFile::open(target)->metadata().string("general.license"), "apache-2.0");
  std::ofstream(folder / "README.md") << "# A model\nlicense: mit\n";
  convert(folder, target, {});
  EXPECT_FALSE(GgufFile::open(target)->metadata().has("general.license"));
}

// A golden's folder where one bf16 element of a tensor is another.
fs::path with_value(const std::string& tensor, uint16_t bits) {
  const fs::path folder = with_config("qwen3", "{", "{");
  const fs::path path = folder / "model.safetensors";
  std::streamoff offset = 0;
  {
    const auto file = SafetensorsFile::open(path);
    offset = file->find(tensor)->bytes.data() - file->file().bytes().data();
  }
  fs::permissions(path, fs::perms::owner_all);
  std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(offset);
  out.write(reinterpret_cast<const char*>(&bits), 2);
  return folder;
}

TEST(ConvertErrors, ValuesThatTheTypeCannotHold) {
  const std::string name = "model.layers.1.mlp.up_proj.weight";
  const fs::path target = scratch() / "never.gguf";
  const fs::path large = with_value(name, 0x49F4);  // about 2 million
  EXPECT_NE(message_of([&] { convert(large, target, {.type = FileType::kF16}); }, ErrorCode::kBadFile)
                .find("tensor '" + name + "': has the value 1998848, which F16 cannot hold"),
            std::string::npos)
      << message_of([&] { convert(large, target, {.type = FileType::kF16}); }, ErrorCode::kBadFile);
  convert(large, target, {.type = FileType::kBF16});
  fs::remove(target);
  const fs::path nan = with_value(name, 0x7FC0);
  EXPECT_NE(message_of([&] { convert(nan, target, {.type = FileType::kQ8_0}); }, ErrorCode::kBadFile)
                .find("which Q8_0 cannot hold"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(target));
  EXPECT_FALSE(fs::exists(target.string() + ".partial"));
}

TEST(RopeDivisors,
     Llama3) {  // the rotation of Llama 3.1: theta 500000, 128 dimensions, factor 8 over 8192 positions
  RopeDescription rope;
  rope.theta = 500000;
  rope.rotary_dim = 128;
  rope.scaling = {.kind = RopeScaling::Kind::kLlama3, .factor = 8, .original_context = 8192};
  const std::vector<float> divisors = rope_divisors(rope);
  ASSERT_EQ(divisors.size(), 64u);
  for (int i = 0; i <= 28; ++i) EXPECT_EQ(divisors[i], 1) << i;  // wavelengths below 2048
  for (int i = 36; i < 64; ++i) EXPECT_EQ(divisors[i], 8) << i;  // above 8192
  for (int i = 28; i < 35; ++i) EXPECT_LT(divisors[i], divisors[i + 1]) << i;
}

}  // namespace
}  // namespace ferrum
