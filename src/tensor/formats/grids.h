// The grids of the IQ formats: points of eight numbers 0 … 2, or of four numbers 0 … 7. A block stores the
// index of a point instead of its numbers, and only points that are frequent among weights have an index.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace ferrum::formats {

template <size_t kPoints, size_t kNumbers>
using Grid = std::array<std::array<uint8_t, kNumbers>, kPoints>;

extern const Grid<2048, 8> kIq1Grid;
extern const Grid<256, 8> kIq2XxsGrid;
extern const Grid<512, 8> kIq2XsGrid;
extern const Grid<1024, 8> kIq2SGrid;
extern const Grid<256, 4> kIq3XxsGrid;
extern const Grid<512, 4> kIq3SGrid;

}  // namespace ferrum::formats
