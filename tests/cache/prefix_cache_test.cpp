#include "cache/prefix_cache.h"

#include <gtest/gtest.h>

#include <numeric>

namespace ferrum::test {
namespace {

constexpr int kTokens = 4;  // of a block
PrefixCache::Pages none = PrefixCache::kNoPages;
PrefixCache::PageLists no_pages;

std::vector<TokenId> counting(int count, TokenId from = 0) {
  std::vector<TokenId> tokens(static_cast<size_t>(count));
  std::iota(tokens.begin(), tokens.end(), from);
  return tokens;
}

class PrefixCacheTest : public testing::Test {
 protected:
  // Adds whole blocks of `tokens` and gives them up again: what a finished sequence leaves behind.
  void leave(const BlockKey& root, std::span<const TokenId> tokens) {
    PrefixCache::Place place(root);
    std::vector<BlockId> blocks;
    for (size_t i = 0; i + kTokens <= tokens.size(); i += kTokens) {
      const auto block = cache_.take();
      ASSERT_TRUE(block);
      blocks.push_back(cache_.add(place, *block, tokens.subspan(i, kTokens), none));
    }
    for (; !blocks.empty(); blocks.pop_back()) cache_.release(blocks.back());
  }

  PrefixCache cache_{{.blocks = 8, .block_tokens = kTokens}};
  const BlockKey root_ = root_key("model", "", "");
};

TEST_F(PrefixCacheTest, FindsWholeBlocksButNeverAllTokens) {
  const std::vector<TokenId> tokens = counting(12);
  leave(root_, tokens);
  EXPECT_EQ(cache_.probe(root_, tokens).tokens, 8);
  EXPECT_EQ(cache_.probe(root_, counting(13)).tokens, 12);
  EXPECT_EQ(cache_.probe(root_, counting(11)).tokens, 8);
  EXPECT_EQ(cache_.probe(root_, counting(4)).tokens, 0);
  EXPECT_EQ(cache_.probe(root_, counting(12, 1)).tokens, 0);
  EXPECT_EQ(cache_.pool().idle(), 3);

  PrefixCache::Place place(root_);
  std::vector<BlockId> blocks;
  EXPECT_EQ(cache_.match(place, tokens, blocks, no_pages), 8);
  EXPECT_EQ(cache_.pool().used(), 2);
  EXPECT_EQ(cache_.pool().references(blocks[1]), 1);
}

TEST_F(PrefixCacheTest, ScopesDoNotMeet) {
  leave(root_key("model", "adapter", ""), counting(9));
  EXPECT_EQ(cache_.probe(root_key("model", "", "adapter"), counting(9)).tokens, 0);
  EXPECT_EQ(cache_.probe(root_key("modela", "dapter", ""), counting(9)).tokens, 0);
  EXPECT_EQ(cache_.probe(root_key("model", "adapter", ""), counting(9)).tokens, 8);
}

TEST_F(PrefixCacheTest, ABlockWithTheSameContentsIsSharedNotStoredTwice) {
  const std::vector<TokenId> tokens = counting(4);
  PrefixCache::Place first(root_);
  PrefixCache::Place second(root_);
  const BlockId a = cache_.add(first, *cache_.take(), tokens, none);
  const BlockId b = cache_.add(second, *cache_.take(), tokens, none);
  EXPECT_EQ(a, b);
  EXPECT_EQ(cache_.pool().references(a), 2);
  EXPECT_EQ(cache_.pool().used(), 1);
  EXPECT_EQ(first.entry, second.entry);
}

TEST_F(PrefixCacheTest, TheLongestUnusedGoesFirstAndTheEndOfASequenceBeforeItsBeginning) {
  leave(root_, counting(16));      // four blocks …
  leave(root_, counting(8, 100));  // … and two; two are free
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(cache_.take());
  EXPECT_EQ(cache_.probe(root_, counting(17)).tokens, 12);
  EXPECT_EQ(cache_.probe(root_, counting(9, 100)).tokens, 8);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(cache_.take());
  EXPECT_EQ(cache_.probe(root_, counting(17)).tokens, 0);
  EXPECT_EQ(cache_.probe(root_, counting(9, 100)).tokens, 8);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(cache_.take());
  EXPECT_EQ(cache_.probe(root_, counting(9, 100)).tokens, 0);
  EXPECT_FALSE(cache_.take());
}

TEST_F(PrefixCacheTest, ABlockIsNotFoundAfterAnotherThatOnlyLooksLikeTheOneBeforeIt) {
  const std::vector<TokenId> tokens = counting(8);
  leave(root_, tokens);
  // The first block alone is evicted while the second is in use, then computed anew: the second belonged to
  // the contents that are gone, even though they were the same.
  PrefixCache::Place place(root_);
  std::vector<BlockId> blocks;
  ASSERT_EQ(cache_.match(place, counting(9), blocks, no_pages), 8);
  cache_.release(blocks[0]);
  std::vector<BlockId> others;
  for (int i = 0; i < 7; ++i) others.push_back(*cache_.take());
  EXPECT_EQ(cache_.probe(root_, counting(9)).tokens, 0);
  for (const BlockId block : others) cache_.release(block);

  place = PrefixCache::Place(root_);
  cache_.add(place, *cache_.take(), counting(4), none);
  EXPECT_EQ(cache_.probe(root_, counting(9)).tokens, 4);
}

TEST_F(PrefixCacheTest, ClearingForgetsContentsAndLeavesBlocksWithTheirUsers) {
  leave(root_, counting(8));
  PrefixCache::Place place(root_);
  std::vector<BlockId> blocks;
  cache_.match(place, counting(8), blocks, no_pages);
  cache_.clear();
  EXPECT_EQ(cache_.probe(root_, counting(9)).tokens, 0);
  EXPECT_EQ(cache_.pool().idle(), 0);
  EXPECT_EQ(cache_.pool().used(), 1);
  cache_.release(blocks[0]);
  EXPECT_EQ(cache_.pool().free(), 8);
}

TEST_F(PrefixCacheTest, SwitchedOffItFindsNothing) {
  PrefixCache off({.blocks = 2, .block_tokens = kTokens, .reuse = PrefixCache::Reuse::kOff});
  PrefixCache::Place place(root_);
  const BlockId block = off.add(place, *off.take(), counting(4), none);
  off.release(block);
  EXPECT_EQ(off.probe(root_, counting(5)).tokens, 0);
  EXPECT_EQ(off.pool().free(), 2);
}

TEST(PrefixCacheFaults, B51_ACollisionIsAMiss) {
  PrefixCache cache(
      {.blocks = 8, .block_tokens = kTokens, .next_key = [](const BlockKey&, std::span<const TokenId>) {
         return BlockKey{7, 7};
       }});
  const BlockKey root = root_key("model", "", "");
  PrefixCache::Place a(root);
  PrefixCache::Place b(root);
  const std::vector<TokenId> tail = counting(4, 50);
  const BlockId a_head = cache.add(a, *cache.take(), counting(4, 0), none);
  const BlockId a_tail = cache.add(a, *cache.take(), tail, none);
  const BlockId b_head = cache.add(b, *cache.take(), counting(4, 10), none);
  const BlockId b_tail = cache.add(b, *cache.take(), tail, none);
  EXPECT_NE(a_head, b_head);
  EXPECT_NE(a_tail, b_tail);  // the same key, the same tokens, another past

  const auto found = [&](TokenId head) {
    std::vector<TokenId> tokens = counting(4, head);
    tokens.insert(tokens.end(), tail.begin(), tail.end());
    tokens.push_back(0);
    PrefixCache::Place place(root);
    std::vector<BlockId> blocks;
    cache.match(place, tokens, blocks, no_pages);
    return blocks;
  };
  EXPECT_EQ(found(0), (std::vector{a_head, a_tail}));
  EXPECT_EQ(found(10), (std::vector{b_head, b_tail}));
  EXPECT_TRUE(found(20).empty());
  EXPECT_EQ(cache.probe(root_key("model", "", "salt"), counting(5)).tokens, 0);
}

TEST(BlockKeys, DependOnEveryToken) {
  std::vector<TokenId> tokens = counting(16);
  const BlockKey root = root_key("model", "", "");
  const BlockKey key = next_key(root, tokens);
  EXPECT_EQ(key, next_key(root, tokens));
  EXPECT_NE(key, next_key(key, tokens));
  for (TokenId& token : tokens) {
    ++token;
    EXPECT_NE(key, next_key(root, tokens));
    --token;
  }
}

}  // namespace
}  // namespace ferrum::test
