#include "base/ring.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "base/random.h"

namespace ferrum {
namespace {

TEST(Ring, IsAQueue) {
  Ring<std::unique_ptr<int>> ring;
  std::deque<int> expected;
  int next = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    // Longer and longer, then shorter.
    if (random_bits(1, i) % 8 < (i < 1000 ? 5u : 3u)) {
      ring.push_back(std::make_unique<int>(next));
      expected.push_back(next++);
    } else if (!expected.empty()) {
      ASSERT_EQ(*ring.front(), expected.front());
      ASSERT_EQ(*ring.pop_front(), expected.front());
      expected.pop_front();
    }
    ASSERT_EQ(ring.size(), expected.size());
    ASSERT_EQ(ring.empty(), expected.empty());
    for (size_t k = 0; k < expected.size(); ++k) ASSERT_EQ(*ring[k], expected[k]);
  }
  EXPECT_GT(next, 500);
  ring.clear();
  EXPECT_TRUE(ring.empty());
}

TEST(Ring, WhatIsTakenOutIsLetGo) {
  Ring<std::shared_ptr<int>> ring;
  const auto value = std::make_shared<int>(1);
  ring.push_back(value);
  ring.push_back(value);
  ring.pop_front();
  EXPECT_EQ(value.use_count(), 2);
  ring.clear();
  EXPECT_EQ(value.use_count(), 1);
}

}  // namespace
}  // namespace ferrum
