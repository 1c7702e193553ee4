// How configurations spell that weights are groups of 4-bit integers.
#include "checkpoint/safetensors/group_quantization.h"

#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/files.h"

namespace ferrum {
namespace {

using test::expect_error;
using Words = std::initializer_list<std::string_view>;

GroupQuantization parse(const Json& json, std::string_view method = "") {
  const std::string source = "config.json";
  return parse_group_quantization(JsonView(json, source, "quantization_config"), method);
}

void expect_bad(const Json& json, Words words, ErrorCode code = ErrorCode::kUnsupported) {
  expect_error(code, words, [&] { parse(json); });
}

const Json kGptq = {
    {"quant_method", "gptq"}, {"bits", 4}, {"group_size", 128}, {"sym", true}, {"desc_act", false}};

Json with(Json json, const Json& changes) {
  json.update(changes);
  return json;
}

TEST(GroupQuantization, Gptq) {
  const GroupQuantization q = parse(kGptq);
  EXPECT_EQ(q.layout, GroupLayout::kGptq);
  EXPECT_EQ(q.group_size, 128);
  EXPECT_EQ(q.added_to_zeros, 1);
  EXPECT_TRUE(q.is_symmetric);
  EXPECT_FALSE(q.orders_columns);
  EXPECT_FALSE(q.has_exceptions);
  EXPECT_EQ(parse(with(kGptq, {{"checkpoint_format", "gptq"}})).added_to_zeros, 1);
  EXPECT_EQ(parse(with(kGptq, {{"checkpoint_format", "gptq_v2"}})).added_to_zeros, 0);
  EXPECT_EQ(parse(with(kGptq, {{"format", "gptq_v2"}})).added_to_zeros, 0);
  EXPECT_EQ(parse(with(kGptq, {{"group_size", -1}})).group_size, -1);
  EXPECT_EQ(parse(with(kGptq, {{"group_size", 1024}})).group_size, 1024);
  EXPECT_TRUE(parse(with(kGptq, {{"desc_act", true}})).orders_columns);
  EXPECT_FALSE(parse(with(kGptq, {{"desc_act", true}, {"static_groups", true}})).orders_columns);
  EXPECT_TRUE(parse(with(kGptq, {{"dynamic", {{"-:.*down.*", Json::object()}}}})).has_exceptions);
  EXPECT_FALSE(parse(with(kGptq, {{"dynamic", nullptr}, {"sym", false}})).has_exceptions);
}

TEST(GroupQuantization, Awq) {
  const Json json = {{"quant_method", "awq"}, {"bits", 4},         {"group_size", 64},
                     {"zero_point", true},    {"version", "gemm"}, {"modules_to_not_convert", nullptr}};
  const GroupQuantization q = parse(json);
  EXPECT_EQ(q.layout, GroupLayout::kAwq);
  EXPECT_EQ(q.group_size, 64);
  EXPECT_EQ(q.added_to_zeros, 0);
  EXPECT_FALSE(q.is_symmetric);
  EXPECT_TRUE(parse(with(json, {{"zero_point", false}, {"version", "GEMM"}})).is_symmetric);
  EXPECT_EQ(parse(with(json, {{"modules_to_not_convert", {"lm_head"}}, {"backend", "autoawq"}})).group_size,
            64);

  const Json older = {{"zero_point", true}, {"q_group_size", 128}, {"w_bit", 4}, {"version", "GEMM"}};
  EXPECT_EQ(parse(older, "awq").group_size, 128);
}

TEST(GroupQuantization, AutoRound) {
  const Json json = {{"quant_method", "auto-round"},
                     {"bits", 4},
                     {"group_size", 128},
                     {"sym", true},
                     {"data_type", "int"},
                     {"packing_format", "auto_round:auto_gptq"},
                     {"extra_config", {{"lm_head", {{"bits", 16}}}}}};
  EXPECT_EQ(parse(json).layout, GroupLayout::kGptq);
  EXPECT_EQ(parse(json).added_to_zeros, 1);
  EXPECT_TRUE(parse(json).is_symmetric);
  EXPECT_TRUE(parse(json).has_exceptions);
  EXPECT_EQ(parse(with(json, {{"quant_method", "intel/auto-round"}})).added_to_zeros, 1);
  EXPECT_EQ(parse(with(json, {{"packing_format", "auto_round"}})).added_to_zeros, 0);
  EXPECT_EQ(parse(with(json, {{"packing_format", "auto_round:auto_awq"}})).layout, GroupLayout::kAwq);
  EXPECT_EQ(parse(with(json, {{"packing_format", "auto_round:auto_awq"}})).added_to_zeros, 0);
  expect_bad(with(json, {{"packing_format", "auto_round:llm_compressor"}}),
             {"quantization_config.packing_format", "'auto_round:llm_compressor'"});
  expect_bad(with(json, {{"data_type", "mx_fp"}}), {"quantization_config.data_type", "'mx_fp'"});
}

TEST(GroupQuantization, WhatIsRefused) {
  expect_bad({{"quant_method", "bitsandbytes"}},
             {"quantization_config.quant_method", "'bitsandbytes'", "GPTQ and AWQ"});
  expect_bad({{"bits", 4}}, {"'an unnamed method'"});
  for (const int bits : {2, 3, 8})
    expect_bad(with(kGptq, {{"bits", bits}}),
               {"quantization_config.bits is " + std::to_string(bits), "GPTQ weights of 4 bits"});
  expect_bad(with(kGptq, {{"group_size", 16}}), {"quantization_config.group_size is 16", "32"});
  expect_bad(with(kGptq, {{"group_size", 0}}), {"quantization_config.group_size is 0"},
             ErrorCode::kBadConfig);
  expect_bad(with(kGptq, {{"group_size", "128"}}), {"quantization_config.group_size"}, ErrorCode::kBadFile);
  expect_bad(with(kGptq, {{"checkpoint_format", "marlin"}}),
             {"quantization_config.checkpoint_format", "'marlin'"});
  expect_bad(with(kGptq, {{"is_marlin_format", true}}), {"'marlin'"});
  const Json awq = {{"quant_method", "awq"}, {"bits", 4}, {"group_size", 128}};
  for (const char* version : {"gemv", "GEMV", "gemv_fast", "marlin"})
    expect_bad(with(awq, {{"version", version}}), {"quantization_config.version", "'gemm'"});
  expect_bad(with(awq, {{"backend", "llm-awq"}}), {"quantization_config.backend", "'llm-awq'"});
  expect_bad({{"quant_method", "gptq"}, {"group_size", 128}}, {"quantization_config", "bit"},
             ErrorCode::kBadFile);
  expect_bad(Json::array(), {"expected an object"}, ErrorCode::kBadFile);
}

TEST(GroupQuantization, FilesOfOlderTools) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(read_group_quantization(folder.path()), std::nullopt);
  folder.write("quant_config.json",
               R"({"zero_point": true, "q_group_size": 64, "w_bit": 4, "version": "GEMM"})");
  EXPECT_EQ(read_group_quantization(folder.path())->layout, GroupLayout::kAwq);
  folder.write("quantize_config.json", R"({"bits": 4, "group_size": 32, "desc_act": true, "sym": false})");
  const auto q = read_group_quantization(folder.path());
  EXPECT_EQ(q->layout, GroupLayout::kGptq);
  EXPECT_EQ(q->group_size, 32);
  EXPECT_TRUE(q->orders_columns);
  folder.write("quantize_config.json", R"({"bits": 8})");
  expect_error(ErrorCode::kUnsupported, {"quantize_config.json", "bits is 8"},
               [&] { read_group_quantization(folder.path()); });
}

}  // namespace
}  // namespace ferrum
