// Encoders from float32 to the formats that need no search for good scales. Each rounds to nearest and
// produces the same bytes as ggml's reference (quantize_row_*_ref in ggml-quants.c).
#pragma once
#include <cstddef>
#include <span>

#include "tensor/format.h"

namespace ferrum::formats {

// F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1.
bool can_encode(Format format);

// Encodes a whole number of blocks. Requires can_encode(format), room for row_bytes(format, values.size())
// bytes and, for the quantised formats, finite values. Block scales are binary16: a block whose scale rounds
// to zero decodes to zeros, one whose scale exceeds 65504 to infinities.
void encode(Format format, std::span<const float> values, std::byte* out);

}  // namespace ferrum::formats
