// The sizes of buffers, planned for the largest models and settings: none wraps around.
#include "backend/arena.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace ferrum {
namespace {

constexpr int64_t kMost = std::numeric_limits<int>::max();

TEST(ArenaFaults, N13_SizesAreExactOrRefused) {
  constexpr size_t kLargest =
      static_cast<size_t>(kMost) * static_cast<size_t>(kMost);  // of bytes, about 2^62
  CountingArena arena;
  const Tensor t = arena.allocate(DType::kF16, kMost, 1 << 20);
  EXPECT_EQ(t.rows, kMost);
  EXPECT_EQ(arena.bytes(), static_cast<size_t>(kMost) << 21);
  for (size_t i = 1; i <= 3; ++i) {
    arena.allocate(DType::kI8, kMost, kMost);
    EXPECT_EQ(arena.bytes(), (static_cast<size_t>(kMost) << 21) + i * kLargest);
  }
  test::expect_error(ErrorCode::kNoMemory, {"beyond any memory"},
                     [&] { arena.allocate(DType::kI8, kMost, kMost); });
  for (const int64_t size : {kMost + 1, int64_t{1} << 32, int64_t{-1}}) {
    CountingArena other;
    test::expect_error(ErrorCode::kNoMemory, {std::to_string(size)},
                       [&] { other.allocate(DType::kI8, size, 1); });
    test::expect_error(ErrorCode::kNoMemory, {std::to_string(size)},
                       [&] { other.allocate(DType::kI8, 1, size); });
    EXPECT_EQ(other.bytes(), 0u);
  }
}

}  // namespace
}  // namespace ferrum
