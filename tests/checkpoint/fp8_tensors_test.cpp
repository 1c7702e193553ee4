// Folders whose weights are FP8, as the tools of several makers write them: the same values as a folder of
// BF16, and clear words where scales do not fit.
#include "checkpoint/safetensors/fp8_tensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "checkpoint/checkpoint.h"
#include "support/errors.h"
#include "support/file_bytes.h"
#include "support/paths.h"
#include "tensor/half.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::expect_error;
using test::le;
using test::SafetensorsBytes;

constexpr int kNotANumber = 0x7F;

// By the definition's formula: (−1)^s × 2^(e − 7) × 1.m, and 2^−6 × 0.m with e = 0.
double value_of(int bits) {
  const int e = bits / 8 % 16;
  const double m = bits % 8 / 8.0;
  return (bits >= 128 ? -1 : 1) * (e == 0 ? std::pow(2.0, -6) * m : std::pow(2.0, e - 7) * (1 + m));
}

// The number whose value is nearest.
uint8_t nearest(double value) {
  static const auto positive = [] {
    std::array<double, kNotANumber> values = {};
    for (int bits = 0; bits < kNotANumber; ++bits) values[static_cast<size_t>(bits)] = value_of(bits);
    return values;
  }();
  const double size = std::abs(value);
  auto above = std::ranges::lower_bound(positive, size);
  if (above == positive.end() || (above != positive.begin() && size - *(above - 1) < *above - size)) --above;
  return static_cast<uint8_t>(above - positive.begin() + (value < 0 ? 128 : 0));
}

// How a tool lays out scales, and what it writes into config.json.
struct Maker {
  const char* name;
  const char* suffix;
  const char* scale_type;
  enum class Of { kTensor, kRow, kBlock } of;
  int block_rows, block_cols;
  const char* config;
  const char* other = "";  // the end of the name of a scale of activations
};

std::ostream& operator<<(std::ostream& out, const Maker& maker) { return out << maker.name; }

using Of = Maker::Of;
const Maker kMakers[] = {
    {"DeepSeek", "_scale_inv", "F32", Of::kBlock, 128, 128,
     R"({"quant_method":"fp8","fmt":"e4m3","activation_scheme":"dynamic","weight_block_size":[128,128]})"},
    {"SmallBlocks", "_scale_inv", "BF16", Of::kBlock, 24, 40,
     R"({"quant_method":"fp8","weight_block_size":[24,40]})"},
    {"PowersOfTwo", "_scale_inv", "F8_E8M0", Of::kBlock, 128, 128,
     R"({"quant_method":"fp8","scale_fmt":"ue8m0","weight_block_size":[128,128]})"},
    {"Mistral", "_scale_inv", "BF16", Of::kTensor, 0, 0,
     R"({"quant_method":"fp8","activation_scheme":"static","weight_block_size":null,"modules_to_not_convert":["lm_head"]})",
     ".activation_scale"},
    {"CompressedByRows", "_scale", "BF16", Of::kRow, 0, 0,
     R"({"quant_method":"compressed-tensors","format":"float-quantized","ignore":["lm_head"],"config_groups":{"group_0":
         {"targets":["Linear"],"weights":{"num_bits":8,"type":"float","strategy":"channel","symmetric":true},
          "input_activations":{"num_bits":8,"type":"float","dynamic":true}}}})"},
    {"CompressedByBlocks", "_scale", "F32", Of::kBlock, 64, 64,
     R"({"quant_method":"compressed-tensors","format":"float-quantized","config_groups":{"group_0":{"weights":
         {"num_bits":8,"type":"float","strategy":"block","block_structure":[64,64]}}}})"},
    {"Fbgemm", "_scale", "F32", Of::kRow, 0, 0,
     R"({"quant_method":"fbgemm_fp8","activation_scale_ub":1200.0})", ".input_scale_ub"},
    {"ModelOpt", "_scale", "F32", Of::kTensor, 0, 0, R"({"quant_method":"modelopt","quant_algo":"FP8"})",
     ".input_scale"},
};

std::string scale_bytes(double scale, std::string_view type) {
  if (type == "F32") return le(static_cast<float>(scale));
  if (type == "BF16") return le(bf16_from_float(static_cast<float>(scale)));
  return le(static_cast<uint8_t>(std::ilogb(scale) + 127));
}

float scale_value(double scale, std::string_view type) {
  if (type == "F32") return static_cast<float>(scale);
  if (type == "BF16") return float_from_bf16(bf16_from_float(static_cast<float>(scale)));
  return std::ldexp(1.0f, std::ilogb(scale));
}

// A checkpoint twice: its projections as FP8 with scales, and as the BF16 numbers that these are.
class Twice {
 public:
  Twice(const fs::path& source, const Maker& maker) {
    const auto from = Checkpoint::open(source);
    json config = json::parse(test::read_file(source / "config.json"));
    plain_folder.write("config.json", config.dump());
    config["quantization_config"] = json::parse(maker.config);
    fp8_folder.write("config.json", config.dump());
    SafetensorsBytes fp8, plain;
    for (const HostTensor& tensor : from->tensors()) {
      const std::vector<float> values = decoded(tensor);
      if (tensor.name.ends_with("_proj.weight"))
        add(tensor, values, maker, fp8, plain);
      else
        for (SafetensorsBytes* file : {&fp8, &plain})
          file->tensor(tensor.name, tensor.shape, "F32", bytes_of(values));
    }
    plain_folder.write("model.safetensors", plain.build());
    fp8_folder.write("model.safetensors", fp8.build());
  }

  test::TemporaryFolder fp8_folder, plain_folder;

 private:
  static std::string bytes_of(const std::vector<float>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
  }

  void add(const HostTensor& tensor, const std::vector<float>& values, const Maker& maker,
           SafetensorsBytes& fp8, SafetensorsBytes& plain) {
    const int64_t rows = tensor.shape[0], cols = tensor.shape[1];
    const int64_t block_rows = maker.of == Of::kTensor ? rows : maker.of == Of::kRow ? 1 : maker.block_rows;
    const int64_t block_cols = maker.of == Of::kBlock ? maker.block_cols : cols;
    const int64_t down = (rows + block_rows - 1) / block_rows, across = (cols + block_cols - 1) / block_cols;
    std::string scales, quants(values.size(), '\0'), halves(2 * values.size(), '\0');
    for (int64_t block = 0; block < down * across; ++block) {
      const double scale = (3.0 + static_cast<double>(block % 5)) / 5000;  // no power of two
      scales += scale_bytes(scale, maker.scale_type);
      const float used = scale_value(scale, maker.scale_type);
      for (int64_t r = block / across * block_rows; r < std::min(rows, (block / across + 1) * block_rows);
           ++r)
        for (int64_t c = block % across * block_cols; c < std::min(cols, (block % across + 1) * block_cols);
             ++c) {
          const auto at = static_cast<size_t>(r * cols + c);
          const uint8_t quant = nearest(values[at] / used);
          quants[at] = static_cast<char>(quant);
          const std::string half = le(bf16_from_float(static_cast<float>(value_of(quant)) * used));
          halves.replace(2 * at, 2, half);
        }
    }
    const std::vector<int64_t> shape = maker.of == Of::kTensor ? std::vector<int64_t>{}
                                       : maker.of == Of::kRow  ? std::vector<int64_t>{rows, 1}
                                                               : std::vector<int64_t>{down, across};
    fp8.tensor(tensor.name, tensor.shape, "F8_E4M3", quants);
    fp8.tensor(tensor.name + maker.suffix, shape, maker.scale_type, scales);
    const std::string module = tensor.name.substr(0, tensor.name.rfind('.'));
    if (*maker.other != '\0') fp8.tensor(module + maker.other, {}, "F32", le(0.5f));
    plain.tensor(tensor.name, tensor.shape, "BF16", halves);
  }
};

class Fp8Folders : public testing::TestWithParam<Maker> {};

TEST_P(Fp8Folders, HaveTheValuesOfTheirBf16) {
  for (const char* golden : {"qwen3", "qwen3_moe"}) {
    const Twice folders(test::data(fs::path("goldens") / golden), GetParam());
    const auto fp8 = Checkpoint::open(folders.fp8_folder.path());
    const auto plain = Checkpoint::open(folders.plain_folder.path());
    ASSERT_EQ(fp8->tensors().size(), plain->tensors().size());
    int made = 0;
    for (const HostTensor& tensor : plain->tensors()) {
      const auto same = std::ranges::find(fp8->tensors(), tensor.name, &HostTensor::name);
      ASSERT_NE(same, fp8->tensors().end()) << tensor.name;
      EXPECT_EQ(same->format, tensor.format) << tensor.name;
      EXPECT_EQ(decoded(*same), decoded(tensor)) << tensor.name;
      made += same->maker != nullptr;
    }
    EXPECT_GT(made, 10);
    EXPECT_NE(fp8->format().find("FP8"), std::string::npos) << fp8->format();
  }
}

INSTANTIATE_TEST_SUITE_P(Makers, Fp8Folders, testing::ValuesIn(kMakers),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Fp8, NumbersAreThoseOfTheDefinition) {
  for (int bits = 0; bits < 256; ++bits) {
    const float value = float_from_e4m3(static_cast<uint8_t>(bits));
    if (bits % 128 == kNotANumber)
      EXPECT_TRUE(std::isnan(value));
    else
      EXPECT_EQ(static_cast<double>(value), value_of(bits)) << bits;
  }
  EXPECT_EQ(float_from_e4m3(0x7E), 448.0f);
  EXPECT_TRUE(std::signbit(float_from_e4m3(0x80)));
}

std::string fp8_file(const std::vector<int64_t>& scale_shape, std::string_view type,
                     std::string_view scales) {
  SafetensorsBytes file;
  file.tensor("a.weight", {2, 4}, "F8_E4M3", std::string(8, '\x38'));
  if (!type.empty()) file.tensor("a.weight_scale_inv", scale_shape, type, scales);
  return file.build();
}

std::vector<float> values_in(const std::string& bytes, const std::optional<Fp8Quantization>& q) {
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  files.push_back(SafetensorsFile::parse(test::as_bytes(bytes), "m.safetensors"));
  const Fp8Tensors found = fp8_tensors(files, q);
  EXPECT_TRUE(found.has_part("a.weight"));
  return decoded(found.weights.at(0));
}

TEST(Fp8, NumbersWithoutScalesAreTheWeightsUnlessTheConfigHasScales) {
  EXPECT_EQ(values_in(fp8_file({}, "", ""), std::nullopt), std::vector<float>(8, 1.0f));
  expect_error(ErrorCode::kBadFile, {"m.safetensors", "'a.weight_scale_inv' is missing", "'a.weight'"},
               [] { values_in(fp8_file({}, "", ""), Fp8Quantization{}); });
}

TEST(Fp8, ScalesThatDoNotFitAreRefusedByName) {
  const Fp8Quantization q;
  expect_error(ErrorCode::kBadFile, {"'a.weight_scale_inv'", "[2, 2]", "[2, 4]"}, [&] {
    values_in(fp8_file({2, 2}, "BF16", std::string(8, '\0')), q);
  });
  expect_error(ErrorCode::kBadFile, {"'a.weight_scale_inv'", "[4, 1]"}, [&] {
    values_in(fp8_file({4, 1}, "BF16", std::string(8, '\0')), q);
  });
  expect_error(ErrorCode::kBadFile, {"'a.weight_scale_inv'", "not finite"},
               [&] { values_in(fp8_file({}, "F32", le(INFINITY)), q); });
  expect_error(ErrorCode::kUnsupported, {"'a.weight_scale_inv'", "I64"},
               [&] { values_in(fp8_file({}, "I64", le(int64_t{1})), q); });
}

std::optional<Fp8Quantization> parsed(const char* text) {
  const json config = json::parse(text);
  return parse_fp8_quantization(JsonView(config, "config.json"));
}

TEST(Fp8, OtherTypesOfTheseMethodsAreRefusedByName) {
  EXPECT_EQ(parsed(R"({"quant_method":"gptq","bits":4})"), std::nullopt);
  const std::pair<const char*, const char*> refused[] = {
      {R"({"quant_method":"fp8","fmt":"e5m2"})", "fmt is 'e5m2'"},
      {R"({"quant_method":"modelopt","quant_algo":"NVFP4"})", "quant_algo is 'NVFP4'"},
      {R"({"quant_method":"compressed-tensors","format":"pack-quantized"})", "format is 'pack-quantized'"},
      {R"({"quant_method":"compressed-tensors","format":"float-quantized","config_groups":{"group_0":{"weights":{"type":"int"}}}})",
       "group_0.weights.type is 'int'"}};
  for (const auto& [config, words] : refused)
    expect_error(ErrorCode::kUnsupported, {"config.json", words}, [config = config] { parsed(config); });
  expect_error(ErrorCode::kBadConfig, {"weight_block_size is [0, 128]"},
               [] { parsed(R"({"quant_method":"fp8","weight_block_size":[0,128]})"); });
}

}  // namespace
}  // namespace ferrum
