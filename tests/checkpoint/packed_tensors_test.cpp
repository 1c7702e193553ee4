// Weights of 4-bit integers as compressed-tensors packs them: the same values, and clear words where the
// parts do not fit.
#include "checkpoint/safetensors/packed_tensors.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "checkpoint/checkpoint.h"
#include "support/errors.h"
#include "support/group_weights.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::expect_error;
using test::GroupSpec;
using test::GroupWeight;
using test::le;
using test::SafetensorsBytes;

// A module's parts, stated one integer at a time from compressed-tensors' description; a test may change
// them.
struct Packed {
  std::string quants, scales, zeros, order, shape;
  std::vector<int64_t> scale_shape;
  std::string scale_type = "BF16";

  Packed(const GroupWeight& w, const GroupSpec& spec) : scale_type(spec.scale_type) {
    const int groups = w.cols / w.group;
    const auto quant = [&](int row, int col) { return w.quants[static_cast<size_t>(col) * w.rows + row]; };
    for (int row = 0; row < w.rows; ++row)
      for (int word = 0; word < w.cols / 8; ++word) {
        uint32_t value = 0;
        for (int k = 0; k < 8; ++k) value |= static_cast<uint32_t>(quant(row, 8 * word + k)) << (4 * k);
        quants += le(value);
      }
    for (int row = 0; row < w.rows; ++row)
      for (int group = 0; group < groups; ++group) {
        const float scale = w.scales[static_cast<size_t>(group) * w.rows + row];
        scales += scale_type == "F32"   ? le(scale)
                  : scale_type == "F16" ? le(f16_from_float(scale))
                                        : le(bf16_from_float(scale));
      }
    for (int word = 0; word < w.rows / 8; ++word)
      for (int group = 0; group < groups; ++group) {
        uint32_t value = 0;
        for (int k = 0; k < 8; ++k)
          value |= static_cast<uint32_t>(w.zeros[static_cast<size_t>(group) * w.rows + 8 * word + k])
                   << (4 * k);
        zeros += le(value);
      }
    if (spec.symmetric) zeros.clear();
    if (spec.ordered) order = w.index_bytes();
    shape = le(int64_t{w.rows}) + le(int64_t{w.cols});
    scale_shape = {w.rows, groups};
    rows = w.rows, cols = w.cols;
  }

  std::string file() const {
    SafetensorsBytes bytes;
    add_to(bytes, "a");
    return bytes.build();
  }
  void add_to(SafetensorsBytes& bytes, const std::string& name) const {
    bytes.tensor(name + ".weight_packed", {rows, cols / 8}, "I32", quants);
    if (!scales.empty()) bytes.tensor(name + ".weight_scale", scale_shape, scale_type, scales);
    if (!zeros.empty()) bytes.tensor(name + ".weight_zero_point", {rows / 8, scale_shape[1]}, "I32", zeros);
    if (!order.empty()) bytes.tensor(name + ".weight_g_idx", {cols}, "I32", order);
    bytes.tensor(name + ".weight_shape", {2}, "I64", shape);
  }

  int64_t rows = 0, cols = 0;
};

HostTensor tensor_of(const std::string& bytes, std::vector<std::unique_ptr<SafetensorsFile>>& files) {
  files.push_back(SafetensorsFile::parse(test::as_bytes(bytes), "m.safetensors"));
  return packed_tensors(files).at(0);
}

TEST(Packed4Bits, ValuesAreThoseOfTheParts) {
  for (const int group : {32, 64, 128, 96, -1})
    for (const bool symmetric : {true, false})
      for (const bool ordered : {false, true}) {
        const GroupSpec spec = {.group = group,
                                .symmetric = symmetric,
                                .ordered = ordered,
                                .scale_type = group == 64 ? "F16" : "BF16"};
        const GroupWeight weight = GroupWeight::random(24, 384, spec, static_cast<uint32_t>(group + 7));
        const std::string bytes = Packed(weight, spec).file();
        std::vector<std::unique_ptr<SafetensorsFile>> files;
        const HostTensor tensor = tensor_of(bytes, files);
        EXPECT_EQ(tensor.name, "a.weight");
        EXPECT_EQ(tensor.shape, (std::vector<int64_t>{24, 384}));
        EXPECT_EQ(decoded(tensor), weight.values()) << group << symmetric << ordered;
      }
}

void expect_bad(ErrorCode code, std::initializer_list<std::string_view> words, void (*spoil)(Packed&)) {
  const GroupSpec spec = {.group = 64, .ordered = true, .scale_type = "BF16"};
  Packed packed(GroupWeight::random(8, 128, spec, 3), spec);
  spoil(packed);
  const std::string bytes = packed.file();
  expect_error(code, words, [&] {
    std::vector<std::unique_ptr<SafetensorsFile>> files;
    tensor_of(bytes, files);
  });
}

TEST(Packed4Bits, PartsThatDoNotFitAreRefusedByName) {
  expect_bad(ErrorCode::kBadFile, {"m.safetensors", "'a.weight_packed'", "no 'a.weight_scale'"},
             [](Packed& p) { p.scales.clear(); });
  expect_bad(ErrorCode::kBadFile, {"'a.weight_scale' has shape [4, 4]", "[8, groups]"}, [](Packed& p) {
    p.scale_shape = {4, 4};
    p.zeros.clear();
  });
  expect_bad(ErrorCode::kUnsupported, {"'a.weight_packed'", "groups of 8 columns"}, [](Packed& p) {
    p.scale_shape = {8, 16};
    p.scales = std::string(256, '\0');
    p.zeros.clear();
  });
  expect_bad(ErrorCode::kBadFile, {"'a.weight_g_idx'", "128 columns into 2 groups"},
             [](Packed& p) { p.order.replace(0, 4, p.order.substr(0, 4) == le(0) ? le(1) : le(0)); });
  expect_bad(ErrorCode::kUnsupported, {"'a.weight_shape' says [8, 127]"},
             [](Packed& p) { p.shape = le(int64_t{8}) + le(int64_t{127}); });
}

bool is_packed(const char* text) {
  const json config = json::parse(text);
  return is_packed_quantization(JsonView(config, "config.json"));
}

TEST(Packed4Bits, TheConfigSaysSo) {
  EXPECT_TRUE(
      is_packed(R"({"quant_method":"compressed-tensors","format":"pack-quantized","config_groups":{"group_0":
      {"weights":{"num_bits":4,"type":"int","strategy":"group","group_size":128,"symmetric":true}}}})"));
  EXPECT_FALSE(is_packed(R"({"quant_method":"compressed-tensors","format":"float-quantized"})"));
  EXPECT_FALSE(is_packed(R"({"quant_method":"awq","bits":4})"));
  expect_error(ErrorCode::kUnsupported, {"config_groups.group_0.weights", "8 bits"}, [] {
    is_packed(R"({"quant_method":"compressed-tensors","format":"pack-quantized","config_groups":{"group_0":
      {"weights":{"num_bits":8,"type":"int"}}}})");
  });
}

TEST(Packed4Bits, AFolderHasThemAsItsWeights) {
  const auto source = test::data("goldens/qwen3_256");
  const auto from = Checkpoint::open(source);
  const test::TemporaryFolder folder;
  json config = json::parse(test::read_file(source / "config.json"));
  config["quantization_config"] = {{"quant_method", "compressed-tensors"}, {"format", "pack-quantized"}};
  folder.write("config.json", config.dump());
  const GroupSpec spec = {.group = 32, .symmetric = true, .scale_type = "BF16"};
  std::map<std::string, std::vector<float>> expected;
  SafetensorsBytes file;
  for (const HostTensor& tensor : from->tensors()) {
    std::vector<float>& values = expected[tensor.name] = decoded(tensor);
    if (!tensor.name.ends_with("_proj.weight")) {
      file.tensor(tensor.name, tensor.shape, "F32",
                  {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
      continue;
    }
    const auto weight = GroupWeight::random(static_cast<int>(tensor.rows()), static_cast<int>(tensor.cols()),
                                            spec, static_cast<uint32_t>(expected.size()));
    values = weight.values();
    Packed(weight, spec).add_to(file, tensor.name.substr(0, tensor.name.rfind('.')));
  }
  folder.write("model.safetensors", file.build());
  const auto packed = Checkpoint::open(folder.path());
  EXPECT_EQ(packed->format(), "safetensors, packed, G4_32");
  ASSERT_EQ(packed->tensors().size(), expected.size());
  for (const HostTensor& tensor : packed->tensors())
    EXPECT_EQ(decoded(tensor), expected.at(tensor.name)) << tensor.name;
}

}  // namespace
}  // namespace ferrum
