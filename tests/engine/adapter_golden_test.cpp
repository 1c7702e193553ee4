// What PEFT computes with adapters in float32, from folders and from GGUF files of base and adapter.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checkpoint/adapters/adapter.h"
#include "checkpoint/architecture.h"
#include "checkpoint/gguf/gguf_writer.h"
#include "checkpoint/safetensors/safetensors_writer.h"
#include "checkpoint/writers/convert.h"
#include "engine/golden.h"
#include "support/errors.h"
#include "support/file_bytes.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::compute;
using test::Golden;
using test::read_golden;
using test::relative_error;

std::filesystem::path base_of(const std::filesystem::path& adapter) {
  const auto config = nlohmann::json::parse(test::read_file(adapter / "adapter_config.json"));
  return test::shared("goldens2") / config.at("base_model_name_or_path").get<std::string>();
}

// What llama.cpp's converter makes of an adapter that was read for a GGUF base.
void write_gguf(const Adapter& adapter, const Checkpoint& base, const std::filesystem::path& path) {
  GgufHeader header;
  header.set("general.type", "adapter");
  header.set("adapter.type", "lora");
  header.set("general.architecture", std::string(base.model().architecture->gguf_name()));
  header.set("adapter.lora.alpha", 0.0F);
  const NameTable names = base.model().architecture->tensor_names();
  std::vector<std::vector<float>> tensors;
  for (const LowRankChange& change : adapter.changes) {
    const std::string name = names.name(Naming::kGguf, change.key);
    const int64_t rank = change.rank;
    std::vector<float> a = change.a, b = change.b;
    std::vector<int64_t> shape = {rank, std::ssize(a) / rank};
    if (is_table(change.key.role)) {
      for (int64_t r = 0; r < rank; ++r)
        for (int64_t c = 0; c < shape[1]; ++c)
          a[static_cast<size_t>(c * rank + r)] = change.a[static_cast<size_t>(r * shape[1] + c)];
      std::swap(shape[0], shape[1]);
    }
    for (float& value : b) value *= change.scale;
    header.add({name + ".lora_a", Format::kF32, shape});
    header.add({name + ".lora_b", Format::kF32, {std::ssize(b) / rank, rank}});
    tensors.push_back(std::move(a));
    tensors.push_back(std::move(b));
  }
  GgufWriter writer(path, header);
  for (const std::vector<float>& values : tensors) writer.append(std::as_bytes(std::span(values)));
  writer.finish();
}

class AdapterGoldens : public ::testing::TestWithParam<std::string> {};

TEST_P(AdapterGoldens, Agree) {
  const auto adapter = test::shared("goldens2") / GetParam();
  FERRUM_NEEDS_SHARED(adapter);
  const auto base = base_of(adapter);
  const Golden golden = read_golden(adapter);
  EXPECT_LE(relative_error(compute(base, golden, {.adapter = adapter}), golden.logits), 1e-4);
  EXPECT_GT(relative_error(read_golden(adapter, "base_logits").logits, golden.logits), 1e-2)
      << "the adapter changes something";
  const test::Setup cpu = {.backend = "cpu", .activations = "f32", .adapter = adapter};
  const std::vector<float> whole = compute(base, golden, cpu);
  EXPECT_LE(relative_error(whole, golden.logits), 1e-3);
  test::Setup in_pieces = cpu;
  in_pieces.chunk = 7;
  EXPECT_EQ(compute(base, golden, in_pieces), whole) << "bit for bit, however the prompt is cut";
}

TEST_P(AdapterGoldens, ASequenceWithoutAnAdapterIsWhatItIsAlone) {
  const auto adapter = test::shared("goldens2") / GetParam();
  FERRUM_NEEDS_SHARED(adapter);
  const auto base = base_of(adapter);
  const Golden golden = read_golden(adapter);
  ASSERT_EQ(golden.sequences, 2);
  const size_t each = golden.logits.size() / 2;
  for (const char* activations : {"f32", "int8", "bf16"}) {
    test::Setup setup = {.backend = "cpu", .activations = activations};
    const std::vector<float> without = compute(base, golden, setup);
    setup.adapter = adapter;
    const std::vector<float> with = compute(base, golden, setup);
    setup.without = {0};
    const std::vector<float> mixed = compute(base, golden, setup);
    EXPECT_TRUE(std::equal(mixed.begin(), mixed.begin() + static_cast<ptrdiff_t>(each), without.begin()))
        << activations;
    EXPECT_TRUE(std::equal(mixed.begin() + static_cast<ptrdiff_t>(each), mixed.end(),
                           with.begin() + static_cast<ptrdiff_t>(each)))
        << activations;
  }
}

// The base converted, and then the adapter as well; and the latter on the folder.
TEST_P(AdapterGoldens, AgreeFromGgufFiles) {
  const auto adapter = test::shared("goldens2") / GetParam();
  FERRUM_NEEDS_SHARED(adapter);
  const auto folder = base_of(adapter);
  const Golden golden = read_golden(adapter);
  const test::TemporaryFolder temporary;
  const auto file = temporary.path() / "model.gguf";
  convert(folder, file, {.type = FileType::kF32});
  EXPECT_LE(relative_error(compute(file, golden, {.adapter = adapter}), golden.logits), 1e-4);

  const std::shared_ptr<const Checkpoint> base = Checkpoint::open(file);
  const Adapter read = read_adapter(adapter, *base);
  if (!read.whole.empty() || read.changes_experts()) return;
  const auto converted = temporary.path() / "adapter.gguf";
  write_gguf(read, *base, converted);
  EXPECT_LE(relative_error(compute(file, golden, {.adapter = converted}), golden.logits), 1e-4);
  EXPECT_LE(relative_error(compute(folder, golden, {.adapter = converted}), golden.logits), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Peft, AdapterGoldens,
                         ::testing::Values("lora_embed_head", "lora_hybrid", "lora_layers_subset",
                                           "lora_modules_to_save", "lora_moe_experts", "lora_patterns"),
                         [](const auto& info) { return info.param; });

// Files that llama.cpp's convert_lora_to_gguf.py made: of adapters of goldens, and of
// tests/data/adapters/each_expert, which changes experts one by one. On bases from folders and from GGUF
// files.
struct Converted {
  const char* file;
  const char* base;
  const char* golden;  // an adapter of ../shared/goldens2; null: what the folder each_expert computes
  double tolerance;    // more for matrices in Q8_0
};

class ConvertedAdapters : public ::testing::TestWithParam<Converted> {};

TEST_P(ConvertedAdapters, ComputeWhatTheirFoldersDo) {
  const Converted& c = GetParam();
  const auto base = test::shared("goldens2") / c.base;
  FERRUM_NEEDS_SHARED(base);
  const auto folder = c.golden ? test::shared("goldens2") / c.golden : test::data("adapters/each_expert");
  Golden golden = read_golden(c.golden ? folder : base);
  if (c.golden == nullptr) golden.logits = compute(base, golden, {.adapter = folder});
  const auto file = test::data("adapters") / c.file;
  EXPECT_LE(relative_error(compute(base, golden, {.adapter = file}), golden.logits), c.tolerance);
  const test::TemporaryFolder temporary;
  const auto converted = temporary.path() / "model.gguf";
  convert(base, converted, {.type = FileType::kF32});
  EXPECT_LE(relative_error(compute(converted, golden, {.adapter = file}), golden.logits), c.tolerance);
  const test::Setup cpu = {.backend = "cpu", .activations = "f32", .adapter = file};
  EXPECT_LE(relative_error(compute(converted, golden, cpu), golden.logits), c.tolerance + 1e-3);
}

// Adapters that the converter rounded to 8 bits differ from their folders by that.
INSTANTIATE_TEST_SUITE_P(
    LlamaCpp, ConvertedAdapters,
    ::testing::Values(Converted{"embed_head.gguf", "lora_base_llama", "lora_embed_head", 1e-4},
                      Converted{"layers_q8_0.gguf", "lora_base_llama", "lora_layers_subset", 4e-2},
                      Converted{"each_expert.gguf", "lora_base_qwen3_moe", nullptr, 1e-4},
                      Converted{"each_expert_q8_0.gguf", "lora_base_qwen3_moe", nullptr, 1e-1}),
    [](const auto& info) {
      std::string name = info.param.file;
      name.resize(name.find('.'));
      return name;
    });

TEST(AdapterFaults, DoraIsRefusedByName) {
  const auto adapter = test::shared("goldens2/lora_dora");
  FERRUM_NEEDS_SHARED(adapter);
  const std::shared_ptr<const Checkpoint> base = Checkpoint::open(base_of(adapter));
  test::expect_error(ErrorCode::kUnsupported, {"use_dora"}, [&] { read_adapter(adapter, *base); });
}

// A norm among modules_to_save; one that is as the base's leaves an adapter that changes nothing.
TEST(AdapterFaults, NormsThatAreStoredWholeAreRefusedByName) {
  const auto folder = test::shared("goldens2/lora_base_llama");
  FERRUM_NEEDS_SHARED(folder);
  const std::shared_ptr<const Checkpoint> base = Checkpoint::open(folder);
  const std::vector<float> own = decoded(*base->find({TensorRole::kAttentionNorm, 0}));
  for (const bool changed : {true, false}) {
    const test::TemporaryFolder adapter;
    adapter.write("adapter_config.json", R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8})");
    std::vector<float> values = own;
    if (changed) values[0] += 1;
    SafetensorsWriter writer(adapter.path() / "adapter_model.safetensors",
                             {{"base_model.model.model.layers.0.input_layernorm.weight",
                               "F32",
                               {static_cast<int64_t>(values.size())}}});
    writer.append(std::as_bytes(std::span(values)));
    writer.finish();
    const auto read = [&] { read_adapter(adapter.path(), *base); };
    if (changed)
      test::expect_error(ErrorCode::kUnsupported, {"layers.0.input_layernorm.weight", "modules_to_save"},
                         read);
    else
      test::expect_error(ErrorCode::kBadFile, {"changes nothing"}, read);
  }
}

TEST(AdapterFaults, B24_AnotherBaseIsRefusedWithBothShapes) {
  const auto adapter = test::shared("goldens2/lora_hybrid");
  FERRUM_NEEDS_SHARED(adapter);
  const std::shared_ptr<const Checkpoint> base = Checkpoint::open(test::shared("goldens2/lora_base_llama"));
  test::expect_error(ErrorCode::kUnsupported, {"linear_attn.in_proj_qkv", "does not have"},
                     [&] { read_adapter(adapter, *base); });
}

}  // namespace
}  // namespace ferrum
