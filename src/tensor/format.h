// The encodings of stored weights: plain floats, or blocks of quantised values.
//
// Each format has a file under formats/ with its scalar decoder. Faster kernels are tested against that
// decoder.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ferrum {

// Every format once: its member of Format, its name, the values and bytes of a block, and the suffix of its
// decoder's name. G4_32, G4_64 and G4_128 are groups of four-bit integers with a zero point, as in GPTQ and
// AWQ; not in GGUF.
// clang-format off
#define FERRUM_FORMATS(X) \
  X(kF32, "F32", 1, 4, f32) \
  X(kF16, "F16", 1, 2, f16) \
  X(kBF16, "BF16", 1, 2, bf16) \
  X(kQ4_0, "Q4_0", 32, 18, q4_0) \
  X(kQ4_1, "Q4_1", 32, 20, q4_1) \
  X(kQ5_0, "Q5_0", 32, 22, q5_0) \
  X(kQ5_1, "Q5_1", 32, 24, q5_1) \
  X(kQ8_0, "Q8_0", 32, 34, q8_0) \
  X(kQ2_K, "Q2_K", 256, 84, q2_k) \
  X(kQ3_K, "Q3_K", 256, 110, q3_k) \
  X(kQ4_K, "Q4_K", 256, 144, q4_k) \
  X(kQ5_K, "Q5_K", 256, 176, q5_k) \
  X(kQ6_K, "Q6_K", 256, 210, q6_k) \
  X(kIQ4_NL, "IQ4_NL", 32, 18, iq4_nl) \
  X(kIQ4_XS, "IQ4_XS", 256, 136, iq4_xs) \
  X(kMXFP4, "MXFP4", 32, 17, mxfp4) \
  X(kIQ1_S, "IQ1_S", 256, 50, iq1_s) \
  X(kIQ1_M, "IQ1_M", 256, 56, iq1_m) \
  X(kIQ2_XXS, "IQ2_XXS", 256, 66, iq2_xxs) \
  X(kIQ2_XS, "IQ2_XS", 256, 74, iq2_xs) \
  X(kIQ2_S, "IQ2_S", 256, 82, iq2_s) \
  X(kIQ3_XXS, "IQ3_XXS", 256, 98, iq3_xxs) \
  X(kIQ3_S, "IQ3_S", 256, 110, iq3_s) \
  X(kTQ1_0, "TQ1_0", 256, 54, tq1_0) \
  X(kTQ2_0, "TQ2_0", 256, 66, tq2_0) \
  X(kG4_32, "G4_32", 32, 19, g4_32) \
  X(kG4_64, "G4_64", 64, 35, g4_64) \
  X(kG4_128, "G4_128", 128, 67, g4_128)
// clang-format on

enum class Format : uint8_t {
#define FERRUM_MEMBER(member, name, block_values, block_bytes, decoder) member,
  FERRUM_FORMATS(FERRUM_MEMBER)
#undef FERRUM_MEMBER
};
#define FERRUM_ONE(member, name, block_values, block_bytes, decoder) +1
inline constexpr int kFormatCount = FERRUM_FORMATS(FERRUM_ONE);
#undef FERRUM_ONE

// The properties of a format, and its reference decoder.
struct FormatTraits {
  Format format;
  std::string_view name;  // the name in llama.cpp and GGUF tools, if the format exists there: "Q4_K", "BF16"
  int block_values;       // values per block; a row is a whole number of blocks
  int block_bytes;
  // Decodes `count` values (a multiple of block_values) from count / block_values blocks.
  void (*decode)(const std::byte* blocks, float* out, size_t count);
};

const FormatTraits& traits(Format format);
inline std::string_view name_of(Format format) { return traits(format).name; }
std::optional<Format> format_named(std::string_view name);  // case-insensitive

// Bytes of a row of `values` elements, which must be a multiple of the block.
size_t row_bytes(Format format, size_t values);

inline bool is_float(Format f) { return f == Format::kF32 || f == Format::kF16 || f == Format::kBF16; }

}  // namespace ferrum
