// The description of weights in groups of 4-bit integers in a Hugging Face folder: GPTQ, AWQ, and AutoRound's
// output in either layout.
//
// Fields: transformers' GPTQConfig, AwqConfig and AutoRoundConfig; AutoGPTQ's quantize_config.json; AutoAWQ's
// quant_config.json.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "checkpoint/json_view.h"

namespace ferrum {

enum class GroupLayout : uint8_t { kGptq, kAwq };
constexpr std::string_view name_of(GroupLayout layout) {
  return layout == GroupLayout::kGptq ? "GPTQ" : "AWQ";
}

struct GroupQuantization {
  GroupLayout layout = GroupLayout::kGptq;
  int group_size = 0;           // columns that share a scale; -1: the whole row; 0: not given
  int added_to_zeros = 0;       // modulo 16: the classic GPTQ format stores them one too small
  bool is_symmetric = false;    // zeros are 8 and may be left out
  bool orders_columns = false;  // act-order: groups are not the columns' neighbours
  bool has_exceptions = false;  // some layers have a group size of their own

  bool operator==(const GroupQuantization&) const = default;
};

// The object that holds the fields. `method` counts where it has no quant_method. Errors: kUnsupported for
// other methods, widths than 4 bits, layouts and group sizes; kBadConfig for an impossible group size;
// kBadFile for fields of another type.
GroupQuantization parse_group_quantization(const JsonView& fields, std::string_view method);

// Reads the file that older tools wrote beside config.json: quantize_config.json (GPTQ), quant_config.json
// (AWQ) or quantization_config.json (AutoRound); nothing where there is none.
std::optional<GroupQuantization> read_group_quantization(const std::filesystem::path& folder);

}  // namespace ferrum
