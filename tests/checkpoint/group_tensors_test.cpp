// Weights that GPTQ and AWQ tools quantised, put together from their parts: the same values, and clear words
// where the parts do not fit.
#include "checkpoint/safetensors/group_tensors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "checkpoint/check_weights.h"
#include "support/errors.h"
#include "support/group_weights.h"

namespace ferrum {
namespace {

using test::expect_error;
using test::GroupSpec;
using test::GroupWeight;
using test::le;
using test::SafetensorsBytes;
using Layout = GroupSpec::Layout;
using Words = std::initializer_list<std::string_view>;

GroupQuantization quantization_of(const GroupSpec& spec) {
  return {.layout = spec.layout == Layout::kAwq ? GroupLayout::kAwq : GroupLayout::kGptq,
          .group_size = spec.group,
          .added_to_zeros = spec.layout == Layout::kGptq ? 1 : 0,
          .is_symmetric = spec.symmetric,
          .orders_columns = spec.ordered};
}

// Files in memory.
class Files {
 public:
  explicit Files(const std::vector<SafetensorsBytes>& files) {
    for (const SafetensorsBytes& file : files) bytes_.push_back(file.build());
    for (const std::string& bytes : bytes_)
      opened_.push_back(SafetensorsFile::parse(test::as_bytes(bytes), "m.safetensors"));
  }
  std::vector<HostTensor> tensors(const GroupQuantization& q) const { return group_tensors(opened_, q); }

 private:
  std::vector<std::string> bytes_;
  std::vector<std::unique_ptr<SafetensorsFile>> opened_;
};

void expect_bad(const SafetensorsBytes& file, const GroupQuantization& q, Words words,
                ErrorCode code = ErrorCode::kBadFile) {
  const Files files({file});
  expect_error(code, words, [&] { files.tensors(q); });
}

std::string name_of_case(const GroupSpec& s) {
  const char* layouts[] = {"gptq", "gptq_v2", "awq"};
  return fmt::format("{}, groups of {}, {}{}{}, {}", layouts[static_cast<int>(s.layout)], s.group,
                     s.symmetric ? "symmetric" : "with zeros", s.with_zeros ? "" : " left out",
                     s.ordered ? ", ordered" : "", s.scale_type);
}

std::vector<GroupSpec> all_specs() {
  std::vector<GroupSpec> all;
  for (const Layout layout : {Layout::kGptq, Layout::kGptqV2, Layout::kAwq})
    for (const int group : {32, 64, 96, 128, 384, -1})
      for (const bool symmetric : {false, true})
        for (const bool ordered : {false, true}) {
          if (layout == Layout::kAwq && ordered) continue;
          all.push_back({.layout = layout, .group = group, .symmetric = symmetric, .ordered = ordered});
          if (symmetric) all.back().with_zeros = group != 64;
          if (group == 96) all.back().scale_type = "BF16";
          if (group == 128) all.back().scale_type = "F32";
          if (!ordered) all.back().with_index = group != 32;
        }
  return all;
}

TEST(GroupTensors, HaveTheValuesThatWereWritten) {
  for (const GroupSpec& spec : all_specs()) {
    const GroupWeight weight = GroupWeight::random(40, 768, spec, 1);
    SafetensorsBytes file;
    weight.add_to(file, "model.layers.0.mlp.up_proj", spec);
    const Files files({file});
    const std::vector<HostTensor> tensors = files.tensors(quantization_of(spec));
    ASSERT_EQ(tensors.size(), 1U);
    const HostTensor& t = tensors[0];
    EXPECT_EQ(t.name, "model.layers.0.mlp.up_proj.weight");
    EXPECT_EQ(t.shape, (std::vector<int64_t>{40, 768}));
    const int most = spec.group == -1 || spec.group == 384 ? 128 : spec.group == 96 ? 32 : spec.group;
    EXPECT_EQ(t.format, format_named("G4_" + std::to_string(most)));
    EXPECT_EQ(t.column_order != nullptr, spec.ordered && spec.group != -1);
    EXPECT_EQ(decoded(t), weight.values()) << name_of_case(spec);
    EXPECT_EQ(first_bad_weight(t), std::nullopt);
  }
}

TEST(GroupTensors, AnyRowsAreMadeAlike) {
  for (const GroupSpec& spec : all_specs()) {
    const GroupWeight weight = GroupWeight::random(40, 384, spec, 2);
    SafetensorsBytes file;
    weight.add_to(file, "w", spec);
    const Files files({file});
    const HostTensor t = files.tensors(quantization_of(spec))[0];
    std::vector<std::byte> whole(t.byte_size());
    t.maker->make(0, 40, whole.data());
    const size_t row = whole.size() / 40;
    for (const auto& [first, count] :
         {std::pair{0, 1}, {39, 1}, {3, 16}, {8, 16}, {13, 27}, {24, 16}, {33, 5}}) {
      std::vector<std::byte> part(row * static_cast<size_t>(count));
      t.maker->make(first, count, part.data());
      EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<ptrdiff_t>(row) * first))
          << name_of_case(spec) << " from row " << first;
    }
  }
}

TEST(GroupTensors, PartsMayBeInSeveralFiles) {
  const GroupSpec spec;
  const GroupWeight weight = GroupWeight::random(16, 256, spec, 3);
  SafetensorsBytes first, second;
  first.tensor("w.qweight", {32, 16}, "I32", weight.quant_bytes(spec));
  second.tensor("w.qzeros", {2, 2}, "I32", weight.zero_bytes(spec))
      .tensor("w.scales", {2, 16}, "F16", weight.scale_bytes(spec));
  const Files files({first, second});
  EXPECT_EQ(decoded(files.tensors(quantization_of(spec))[0]), weight.values());
  const Files twice({first, second, second});
  expect_error(ErrorCode::kBadFile, {"duplicate", "'w.qzeros'"},
               [&] { twice.tensors(quantization_of(spec)); });
}

// Rounded to binary16: what is not exact there.
TEST(GroupTensors, ScalesThatAreNotFiniteAreFound) {
  const GroupSpec spec = {.scale_type = "F32"};
  GroupWeight weight = GroupWeight::random(16, 256, spec, 3);
  weight.scales[17] = 1e6f;
  weight.quants[130 * 16 + 1] = 15, weight.zeros[17] = 3;
  SafetensorsBytes file;
  weight.add_to(file, "w", spec);
  const Files files({file});
  const auto bad = first_bad_weight(files.tensors(quantization_of(spec))[0]);
  ASSERT_TRUE(bad.has_value());
  EXPECT_EQ(bad->position[0], 1);
  EXPECT_GE(bad->position[1], 128);
}

// A module whose parts a test may replace.
struct Broken {
  GroupSpec spec;
  GroupWeight weight = GroupWeight::random(16, 256, spec, 4);
  GroupQuantization quantization = quantization_of(spec);
  struct Tensor {
    std::vector<int64_t> shape;
    std::string type;
    std::string data;
  };
  std::map<std::string, Tensor> tensors;

  explicit Broken(const GroupSpec& s = {}) : spec(s) {
    const bool is_awq = spec.layout == Layout::kAwq;
    tensors["w.qweight"] = {is_awq ? std::vector<int64_t>{256, 2} : std::vector<int64_t>{32, 16}, "I32",
                            weight.quant_bytes(spec)};
    const int64_t groups = 256 / weight.group;
    tensors["w.qzeros"] = {{groups, 2}, "I32", weight.zero_bytes(spec)};
    tensors["w.scales"] = {{groups, 16}, "F16", weight.scale_bytes(spec)};
    if (!is_awq) tensors["w.g_idx"] = {{256}, "I32", weight.index_bytes()};
  }
  // Zeros of that shape.
  void replace(const std::string& name, const std::vector<int64_t>& shape, const std::string& type) {
    size_t bytes = type == "F16" ? 2 : type == "F64" || type == "I64" ? 8 : 4;
    for (const int64_t n : shape) bytes *= static_cast<size_t>(n);
    tensors[name] = {shape, type, std::string(bytes, '\0')};
  }
  void expect(Words words, ErrorCode code = ErrorCode::kBadFile) const {
    SafetensorsBytes file;
    for (const auto& [name, t] : tensors) file.tensor(name, t.shape, t.type, t.data);
    expect_bad(file, quantization, words, code);
  }
};

TEST(GroupTensorFaults, MissingParts) {
  for (const char* part : {"w.qweight", "w.scales", "w.qzeros"}) {
    Broken broken;
    broken.tensors.erase(part);
    broken.expect({"m.safetensors", fmt::format("has no '{}' beside it", part)});
  }
}

TEST(GroupTensorFaults, ActOrderWithoutItsIndex) {
  Broken broken({.ordered = true});
  broken.tensors.erase("w.g_idx");
  broken.expect({"'w.qweight'", "no 'w.g_idx'"});
}

TEST(GroupTensorFaults, Types) {
  const std::pair<const char*, const char*> wrong[] = {{"w.qweight", "F16"},
                                                       {"w.qweight", "I64"},
                                                       {"w.qzeros", "F32"},
                                                       {"w.scales", "F64"},
                                                       {"w.g_idx", "F32"}};
  for (const auto& [name, type] : wrong) {
    Broken broken;
    broken.replace(name, broken.tensors[name].shape, type);
    broken.expect({fmt::format("'{}'", name), type}, ErrorCode::kUnsupported);
  }
}

TEST(GroupTensorFaults, Dimensions) {
  for (const char* name : {"w.qweight", "w.scales"}) {
    Broken broken;
    broken.replace(name, {512}, name == std::string("w.scales") ? "F16" : "I32");
    broken.expect({"'w.qweight'", "two dimensions"});
  }
}

TEST(GroupTensorFaults, ShapesThatContradict) {
  const std::pair<const char*, std::vector<int64_t>> wrong[] = {{"w.qzeros", {2, 4}},
                                                                {"w.qzeros", {1, 2}},
                                                                {"w.scales", {2, 8}},
                                                                {"w.g_idx", {255}},
                                                                {"w.g_idx", {256, 1}}};
  for (const auto& [name, shape] : wrong) {
    Broken broken;
    broken.replace(name, shape, broken.tensors[name].type);
    broken.expect(
        {fmt::format("'{}'", name), fmt::format("[{}]", fmt::join(shape, ", ")), "'w.qweight'", "demands"});
  }
}

TEST(GroupTensorFaults, EmptyWeights) {
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{0, 16}, {32, 0}, {32, 12}}) {
    Broken broken;
    broken.replace("w.qweight", shape, "I32");
    broken.expect({"'w.qweight'", "no weight has that"});
  }
  Broken broken;
  broken.replace("w.scales", {0, 16}, "F16");
  broken.expect({"0 groups"});
}

TEST(GroupTensorFaults, GroupsThatDoNotDivideTheColumns) {
  Broken broken;
  broken.quantization.group_size = 96;
  broken.expect({"'w.qweight'", "256 columns", "groups of 96"});
  broken.quantization.group_size = 0;
  broken.replace("w.scales", {3, 16}, "F16");
  broken.expect({"256 columns", "3 groups"});
}

TEST(GroupTensorFaults, AnotherGroupSizeThanSaid) {
  Broken broken;
  for (const int said : {32, 64, -1}) {
    broken.quantization.group_size = said;
    broken.expect({"256 columns", "2 groups"});
  }
  broken.quantization.has_exceptions = true;  // of which this layer is one
  SafetensorsBytes file;
  broken.weight.add_to(file, "w", broken.spec);
  EXPECT_EQ(Files({file}).tensors(broken.quantization)[0].format, Format::kG4_128);
}

TEST(GroupTensorFaults, SmallGroups) {
  const GroupSpec spec = {.group = 16};
  SafetensorsBytes file;
  GroupWeight::random(16, 256, spec, 5).add_to(file, "w", spec);
  expect_bad(file, {.group_size = 0, .added_to_zeros = 1}, {"groups of 16 columns", "32"},
             ErrorCode::kUnsupported);
}

// Eight bits to an integer: half as many in a word, so zeros take twice the words.
TEST(GroupTensorFaults, OtherWidths) {
  Broken broken;
  broken.replace("w.qweight", {64, 16}, "I32");
  broken.replace("w.qzeros", {2, 4}, "I32");
  broken.expect({"'w.qweight'", "512 columns", "groups of 128"});
  broken.quantization.has_exceptions = true;
  broken.expect({"'w.qzeros'", "[2, 4]", "demands [2, 2]"});
}

// The layout of AWQ's GEMV: [out, in / 8].
TEST(GroupTensorFaults, AwqInAnotherLayout) {
  Broken broken({.layout = Layout::kAwq});
  broken.replace("w.qweight", {16, 32}, "I32");
  broken.expect({"'w.qweight'", "16 columns"});
}

TEST(GroupTensorFaults, ABadGroupIndex) {
  const auto with = [](size_t column, int32_t group) {
    Broken broken;
    broken.tensors["w.g_idx"].data.replace(4 * column, 4, le(group));
    return broken;
  };
  with(7, 2).expect({"'w.g_idx'", "column 7", "group 2", "there are 2"});
  with(7, -1).expect({"'w.g_idx'", "column 7", "group -1"});
  with(7, INT32_MIN).expect({"'w.g_idx'", "column 7"});
  with(7, 1).expect({"'w.g_idx'", "more than 128 columns", "group 1"});
}

TEST(GroupTensorFaults, PartsOfNothing) {
  SafetensorsBytes file;
  file.tensor("a.g_idx", {4}, "I32", std::string(16, '\0'));
  expect_bad(file, {}, {"'a.g_idx'", "no 'a.qweight'"});
}

}  // namespace
}  // namespace ferrum
