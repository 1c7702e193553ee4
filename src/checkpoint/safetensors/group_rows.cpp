#include "checkpoint/safetensors/group_rows.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "tensor/formats/blocks.h"
#include "tensor/half.h"

namespace ferrum {
namespace {

using formats::kSmallBlock;

constexpr int kPerWord = 8;
constexpr size_t kWordBytes = 4;
constexpr int64_t kAhead = 96;  // columns to ask for before they are read: most are in pages of their own
constexpr uint8_t kMiddle = 8;
constexpr std::array<int, kPerWord> kAwqPlace = {0, 4, 1, 5, 2, 6, 3, 7};  // of row 8 j + i within its word

constexpr size_t kZeroAt = offsetof(formats::BlockG4_32, zero);
constexpr size_t kQuantsAt = offsetof(formats::BlockG4_32, quants);
static_assert(kQuantsAt == offsetof(formats::BlockG4_128, quants));

uint32_t word_at(const std::byte* place) {
  uint32_t word;
  std::memcpy(&word, place, sizeof word);
  return word;
}

// What a block holds of 32 columns of a row, or what 16 rows have in two columns.
using Bytes = uint8_t __attribute__((vector_size(16)));
using Words = uint32_t __attribute__((vector_size(16)));
constexpr uint64_t kLow = 0x0F0F0F0F0F0F0F0F;  // the lower four bits of bytes

Bytes first_halves(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
Bytes second_halves(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

// Byte r of m[c] becomes byte c of m[r].
void transpose(Bytes (&m)[16]) {
  for (int round = 0; round < 4; ++round) {
    Bytes next[16];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      next[2 * i] = first_halves(m[i], m[i + 8]);
      next[2 * i + 1] = second_halves(m[i], m[i + 8]);
    }
    std::memcpy(m, next, sizeof next);
  }
}

// Columns 0 … 15 of eight integers to a word in the lower bits, 16 … 31 in the upper.
Bytes block_of(const uint32_t (&words)[4]) {
  const uint64_t low = words[0] | static_cast<uint64_t>(words[1]) << 32;
  const uint64_t high = words[2] | static_cast<uint64_t>(words[3]) << 32;
  const uint64_t even_and_odd[2][2] = {{(low & kLow) | (high & kLow) << 4, 0},
                                       {(low >> 4 & kLow) | (high & ~kLow), 0}};
  Bytes even, odd;
  std::memcpy(&even, even_and_odd[0], sizeof even);
  std::memcpy(&odd, even_and_odd[1], sizeof odd);
  return first_halves(even, odd);
}

}  // namespace

Format group_format(int64_t group_cols) {
  if (group_cols % 128 == 0) return Format::kG4_128;
  return group_cols % 64 == 0 ? Format::kG4_64 : Format::kG4_32;
}

// What a block holds of 32 columns, for each row of a tile.
struct GroupRows::Quants {
  Bytes of[kTileRows];
};

GroupRows::GroupRows(const Parts& parts) : parts_(parts), format_(group_format(parts.group_cols)) {
  const auto values = static_cast<size_t>(parts.rows * parts.cols);
  const auto groups = static_cast<size_t>(parts.cols / parts.group_cols * parts.rows);
  check(
      parts.rows % kPerWord == 0 && parts.group_cols % kSmallBlock == 0 && parts.cols % parts.group_cols == 0,
      "a shape that was checked");
  check_equal(parts.qweight.size(), values / 2, "bytes of qweight");
  check(parts.qzeros.empty() || parts.qzeros.size() == groups / 2, "bytes of qzeros");
  check_equal(parts.scales.size(), row_bytes(parts.scale_format, groups), "bytes of scales");
}

std::vector<std::span<const std::byte>> GroupRows::stored() const {
  return {parts_.qweight, parts_.qzeros, parts_.scales};
}

void GroupRows::make(int64_t first, int64_t count, std::byte* out) const {
  const size_t bytes = row_bytes(format_, static_cast<size_t>(parts_.cols));
  for (int64_t r = first; r < first + count;) {
    const int64_t tile = r / kPerWord * kPerWord;  // of whole words
    const int64_t end = std::min(tile + kTileRows, first + count);
    make_tile(tile, {r, end}, out + static_cast<size_t>(r - first) * bytes);
    r = end;
  }
}

// Rows of the tile that begins at row `tile`.
void GroupRows::make_tile(int64_t tile, Rows rows, std::byte* out) const {
  const FormatTraits& format = traits(format_);
  const size_t bytes = row_bytes(format_, static_cast<size_t>(parts_.cols));
  Quants quants = {};
  for (int64_t col = 0; col < parts_.cols; col += kSmallBlock) {
    read_quants(tile, col, quants);
    const int64_t within = col % format.block_values;
    std::byte* block = out + static_cast<size_t>(col / format.block_values * format.block_bytes);
    for (int64_t r = rows.begin; r < rows.end; ++r, block += bytes) {
      if (within == 0) write_head(r, col / parts_.group_cols, block);
      std::memcpy(block + kQuantsAt + within / 2, &quants.of[r - tile], sizeof(Bytes));
    }
  }
}

// Columns [col, col + 32) in the order of the groups, of the tile's rows that there are.
void GroupRows::read_quants(int64_t tile, int64_t col, Quants& quants) const {
  const bool is_gptq = parts_.layout == GroupLayout::kGptq;
  if (is_gptq && parts_.order == nullptr) return read_gptq_rows(tile, col, quants);
  Bytes columns[kSmallBlock / 2];
  for (int i = 0; i < kSmallBlock / 2; ++i)
    columns[i] = is_gptq ? gptq_columns(tile, col + i) : awq_columns(tile, col + i);
  transpose(columns);
  // Rows have come to lie as the words' parts were put together.
  for (int i = 0; i < kTileRows; ++i) {
    const int place = i % 4 * 2 + i / 8;
    const int awq_row = i / 4 % 2 * kPerWord + (place < 4 ? 2 * place : 2 * place - 7);
    quants.of[is_gptq ? i % 4 * 4 + i / 4 : awq_row] = columns[i];
  }
}

void GroupRows::read_gptq_rows(int64_t tile, int64_t col, Quants& quants) const {
  const std::byte* words[kSmallBlock / kPerWord];
  for (int w = 0; w < kSmallBlock / kPerWord; ++w) {
    words[w] = place_of(tile, col + w * kPerWord);
    __builtin_prefetch(place_of(tile, std::min(col + w * kPerWord + kAhead, parts_.cols - 1)));
  }
  const auto rows = static_cast<size_t>(std::min<int64_t>(kTileRows, parts_.rows - tile));
  for (size_t r = 0; r < rows; ++r) {
    const size_t at = r * kWordBytes;
    quants.of[r] = block_of(
        {word_at(words[0] + at), word_at(words[1] + at), word_at(words[2] + at), word_at(words[3] + at)});
  }
}

// Columns `at` and `at` + 16 of a tile: byte 4 i + j is of row 4 j + i.
GroupRows::TwoColumns GroupRows::gptq_columns(int64_t tile, int64_t at) const {
  Words both = {};
  for (const int64_t i : {at, at + kSmallBlock / 2}) {
    const int64_t column = column_at(i);
    const std::byte* place = place_of(tile, column);
    Words words[4] = {};
    if (tile + kTileRows <= parts_.rows) {
      std::memcpy(words, place, sizeof words);
    } else {
      std::memcpy(words, place, sizeof words / 2);
    }
    const auto shift = static_cast<uint32_t>(column % kPerWord * 4);
    Words integers = {};
#pragma GCC unroll 4
    for (uint32_t j = 0; j < 4; ++j) integers |= (words[j] >> shift & 15) << (8 * j);
    both |= i == at ? integers : integers << 4;
    __builtin_prefetch(place_of(tile, column_at(std::min(i + kSmallBlock, parts_.cols - 1))));
  }
  return reinterpret_cast<TwoColumns>(both);
}

// The same of AWQ's: the lower four bits of two words, then the upper.
GroupRows::TwoColumns GroupRows::awq_columns(int64_t tile, int64_t at) const {
  uint64_t words[2] = {};  // of columns `at` and `at` + 16
  for (int i = 0; i < 2; ++i) {
    const int64_t column = at + i * kSmallBlock / 2;
    const std::byte* place = place_of(tile, column_at(column));
    if (tile + kTileRows <= parts_.rows) {
      std::memcpy(&words[i], place, sizeof words[i]);
    } else {
      std::memcpy(&words[i], place, sizeof words[i] / 2);
    }
    __builtin_prefetch(place_of(tile, column_at(std::min(column + kSmallBlock, parts_.cols - 1))));
  }
  const uint64_t both[2] = {(words[0] & kLow) | (words[1] & kLow) << 4,
                            (words[0] >> 4 & kLow) | (words[1] & ~kLow)};
  TwoColumns bytes;
  std::memcpy(&bytes, both, sizeof bytes);
  return bytes;
}

// Where the word begins that holds the row's integer in that column.
const std::byte* GroupRows::place_of(int64_t row, int64_t column) const {
  const int64_t word = parts_.layout == GroupLayout::kGptq
                           ? column / kPerWord * parts_.rows + row
                           : column * (parts_.rows / kPerWord) + row / kPerWord;
  return parts_.qweight.data() + static_cast<size_t>(word) * kWordBytes;
}

void GroupRows::write_head(int64_t row, int64_t group, std::byte* block) const {
  const auto at = static_cast<size_t>(group * parts_.rows + row);
  uint16_t scale;
  if (parts_.scale_format == Format::kF32) {
    float wide;
    std::memcpy(&wide, parts_.scales.data() + at * sizeof wide, sizeof wide);
    scale = f16_from_float(wide);
  } else {
    std::memcpy(&scale, parts_.scales.data() + at * sizeof scale, sizeof scale);
    if (parts_.scale_format == Format::kBF16) scale = f16_from_float(float_from_bf16(scale));
  }
  std::memcpy(block, &scale, sizeof scale);
  block[kZeroAt] = static_cast<std::byte>(zero(row, group));
}

uint8_t GroupRows::zero(int64_t row, int64_t group) const {
  if (parts_.qzeros.empty()) return kMiddle;
  const int64_t at = (group * parts_.rows + row) / kPerWord;
  const uint32_t word = word_at(parts_.qzeros.data() + static_cast<size_t>(at) * kWordBytes);
  const auto within = static_cast<size_t>(row % kPerWord);
  const int place = parts_.layout == GroupLayout::kAwq ? kAwqPlace[within] : static_cast<int>(within);
  return static_cast<uint8_t>(((word >> (4 * place)) + static_cast<uint32_t>(parts_.added_to_zeros)) & 15);
}

}  // namespace ferrum
