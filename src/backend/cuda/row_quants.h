// A stored row of any format, taken apart: its whole numbers, and the parts of their scales
// (kernels/tiles.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "backend/cuda/kernels/tiles.h"
#include "tensor/format.h"

namespace ferrum::cuda {

// How the device keeps a format.
struct TileFormat {
  QuantFormat quants;
  int record_columns;                                              // that share D and M
  std::string_view multiply, multiply_many, multiply_most, embed;  // kernels
};
const TileFormat& tile_format(Format format);

struct RowQuants {
  struct Unit {  // 32 columns; of its two halves where they have scales of their own
    uint8_t scale[2], minimum[2];
  };
  struct Record {
    uint16_t d, m;
  };
  std::vector<uint32_t> values;  // whole numbers before the offset, or the bits of a float
  std::vector<Unit> units;
  std::vector<Record> records;
};

// `cols` is a whole number of blocks. The room of `out` is used again.
void take_apart(Format format, const std::byte* row, int cols, RowQuants& out);

}  // namespace ferrum::cuda
