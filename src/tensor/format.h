// The encodings of stored weights: plain floats, or blocks of quantised values.
//
// Each format has a file under formats/ with its block layout and scalar decoder. Faster kernels are tested
// against that decoder.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ferrum {

enum class Format : uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kMXFP4,
  kG4_32,  // groups of 32, 64, 128 four-bit integers with a zero point, as in GPTQ and AWQ; not in GGUF
  kG4_64,
  kG4_128,
};
inline constexpr int kFormatCount = 19;

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
