// Scalar decoders, one file each: the definition of every format, written for readability.
#pragma once
#include <cstddef>

#include "tensor/format.h"

namespace ferrum::formats {

// Decodes `count` values, which fill whole blocks, to float32.
#define FERRUM_DECODER(member, name, block_values, block_bytes, decoder) \
  void decode_##decoder(const std::byte* blocks, float* out, size_t count);
FERRUM_FORMATS(FERRUM_DECODER)
#undef FERRUM_DECODER

}  // namespace ferrum::formats
