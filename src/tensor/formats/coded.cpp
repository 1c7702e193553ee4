#include "tensor/formats/coded.h"

#include "tensor/half.h"

namespace ferrum::formats {

const CodeTable* code_table(Format format) {
  switch (format) {
    case Format::kIQ1_S:
    case Format::kIQ1_M:
      return &kIq1Codes;
    case Format::kIQ2_XXS:
    case Format::kIQ2_XS:
    case Format::kIQ2_S:
      return &kIq2Codes;
    case Format::kIQ3_XXS:
      return &kIq3XxsCodes;
    case Format::kIQ3_S:
      return &kIq3SCodes;
    case Format::kTQ1_0:
    case Format::kTQ2_0:
      return &kTernaryCodes;
    default:
      return nullptr;
  }
}

float scale_of(const CodedBlock& block, const CodeTable& table) {
  return float_from_f16(block.d) * table.unit;
}

void decode_codes(const CodedBlock& block, const CodeTable& table, float* out) {
  const float d = scale_of(block, table);
  for (int i = 0; i < kSuperBlock; ++i)
    out[i] = d * static_cast<float>(block.scales[i / 16]) * static_cast<float>(table.numbers[block.codes[i]]);
}

}  // namespace ferrum::formats
