// Converts rows of a GPTQ or AWQ weight, whose 4-bit integers the file stores column by column, to blocks of
// G4_32, G4_64 or G4_128.
//
// Layouts, for a weight [out, in] (AutoGPTQ's QuantLinear, AutoAWQ's WQLinear_GEMM), all row-major, 8
// integers to a word from the low bits up:
//
//   GPTQ  qweight [in / 8, out]     columns 8 i … 8 i + 7 of row r in word [i, r]
//   AWQ   qweight [in, out / 8]     rows 8 j … 8 j + 7 of column c in word [c, j], in the order 0 2 4 6 1 3 5
//   7 both  qzeros  [groups, out / 8] zeros of 8 rows, in order (GPTQ) or in that order (AWQ)
//         scales  [groups, out]     value = scale × (integer − zero)
//
// Groups follow one another along the columns, in the order given.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "checkpoint/safetensors/group_quantization.h"
#include "tensor/host_tensor.h"

namespace ferrum {

// The format of groups of `group_cols` columns, a multiple of 32.
Format group_format(int64_t group_cols);

class GroupRows final : public RowMaker {
 public:
  struct Parts {
    GroupLayout layout = GroupLayout::kGptq;
    Format scale_format = Format::kF16;  // other floats are rounded to binary16
    int added_to_zeros = 0;              // modulo 16
    std::span<const std::byte> qweight;
    std::span<const std::byte> qzeros;  // empty: all are 8
    std::span<const std::byte> scales;
    int64_t rows = 0;        // out, a multiple of 8
    int64_t cols = 0;        // in
    int64_t group_cols = 0;  // a multiple of 32 that divides in
    std::shared_ptr<const ColumnOrder>
        order;  // where the columns of group 0 are, of group 1, …; null: as they lie
  };

  // REQUIRES: parts of the sizes above.
  explicit GroupRows(const Parts& parts);

  Format format() const { return format_; }

  void make(int64_t first, int64_t count, std::byte* out) const override;
  std::vector<std::span<const std::byte>> stored() const override;

 private:
  static constexpr int kTileRows = 16;  // a cache line of GPTQ's words
  struct Quants;
  using TwoColumns = uint8_t __attribute__((vector_size(16)));  // of a tile: lower four bits and upper
  struct Rows {
    int64_t begin, end;
  };

  void make_tile(int64_t tile, Rows rows, std::byte* out) const;
  void read_quants(int64_t tile, int64_t col, Quants& quants) const;
  void read_gptq_rows(int64_t tile, int64_t col, Quants& quants) const;
  TwoColumns gptq_columns(int64_t tile, int64_t at) const;
  TwoColumns awq_columns(int64_t tile, int64_t at) const;
  int64_t column_at(int64_t i) const { return parts_.order ? (*parts_.order)[static_cast<size_t>(i)] : i; }
  const std::byte* place_of(int64_t row, int64_t column) const;
  void write_head(int64_t row, int64_t group, std::byte* block) const;
  uint8_t zero(int64_t row, int64_t group) const;

  Parts parts_;
  Format format_;
};

}  // namespace ferrum
