#include "tensor/format.h"

#include <array>

#include "base/ascii.h"
#include "base/check.h"
#include "tensor/formats/decode.h"

namespace ferrum {
namespace {

// In the order of the enumeration.
constexpr std::array<FormatTraits, kFormatCount> kTraits = {{
    {Format::kF32, "F32", 1, 4, formats::decode_f32},
    {Format::kF16, "F16", 1, 2, formats::decode_f16},
    {Format::kBF16, "BF16", 1, 2, formats::decode_bf16},
    {Format::kQ4_0, "Q4_0", 32, 18, formats::decode_q4_0},
    {Format::kQ4_1, "Q4_1", 32, 20, formats::decode_q4_1},
    {Format::kQ5_0, "Q5_0", 32, 22, formats::decode_q5_0},
    {Format::kQ5_1, "Q5_1", 32, 24, formats::decode_q5_1},
    {Format::kQ8_0, "Q8_0", 32, 34, formats::decode_q8_0},
    {Format::kQ2_K, "Q2_K", 256, 84, formats::decode_q2_k},
    {Format::kQ3_K, "Q3_K", 256, 110, formats::decode_q3_k},
    {Format::kQ4_K, "Q4_K", 256, 144, formats::decode_q4_k},
    {Format::kQ5_K, "Q5_K", 256, 176, formats::decode_q5_k},
    {Format::kQ6_K, "Q6_K", 256, 210, formats::decode_q6_k},
    {Format::kIQ4_NL, "IQ4_NL", 32, 18, formats::decode_iq4_nl},
    {Format::kIQ4_XS, "IQ4_XS", 256, 136, formats::decode_iq4_xs},
    {Format::kMXFP4, "MXFP4", 32, 17, formats::decode_mxfp4},
    {Format::kG4_32, "G4_32", 32, 19, formats::decode_g4_32},
    {Format::kG4_64, "G4_64", 64, 35, formats::decode_g4_64},
    {Format::kG4_128, "G4_128", 128, 67, formats::decode_g4_128},
}};

}  // namespace

const FormatTraits& traits(Format format) { return kTraits[static_cast<size_t>(format)]; }

std::optional<Format> format_named(std::string_view name) {
  for (const FormatTraits& t : kTraits)
    if (is_same_word(t.name, name)) return t.format;
  return std::nullopt;
}

size_t row_bytes(Format format, size_t values) {
  const FormatTraits& t = traits(format);
  check_equal(values % t.block_values, size_t{0}, "a row is a whole number of blocks");
  return values / t.block_values * t.block_bytes;
}

}  // namespace ferrum
