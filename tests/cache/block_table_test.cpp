// Random sequences over few blocks, beside a memory that knows what each position must hold: whatever is
// shared, copied, evicted, preempted or rolled back, every sequence reads its own past and nothing else.
#include "cache/block_table.h"

#include <gtest/gtest.h>

#include <list>
#include <random>

#include "base/random.h"

namespace ferrum::test {
namespace {

constexpr int kTokens = 4;  // of a block
constexpr int kLongest = 60;

// What position i of a sequence holds depends on all tokens up to i and on the scope.
using Contents = uint64_t;
Contents after(Contents before, TokenId token) { return random_bits(before, static_cast<uint64_t>(token)); }

struct Sequence {
  Sequence(PrefixCache& cache, int scope)
      : scope(scope), blocks(cache, root_key("model", "", std::to_string(scope))) {}
  Sequence(const Sequence& other, BlockTable blocks)
      : scope(other.scope), blocks(std::move(blocks)), tokens(other.tokens), computed(other.computed) {}

  int scope;
  BlockTable blocks;
  std::vector<TokenId> tokens;
  int computed = 0;
};

BlockKey colliding_key(const BlockKey& before, std::span<const TokenId> tokens) {
  return {0, next_key(before, tokens).low % 3};
}

class World {
 public:
  World(uint64_t seed, const PrefixCache::Options& options)
      : random_(seed), windows_(options.windows), cache_(options) {
    memory_.emplace_back(static_cast<size_t>(options.blocks) * kTokens);
    for (const WindowPages::Options& window : windows_)
      memory_.emplace_back(static_cast<size_t>(window.pages) * kTokens);
  }

  void event() {
    const int kind = below(100);
    if (sequences_.empty() || (kind < 8 && sequences_.size() < 12)) return begin();
    auto at = sequences_.begin();
    std::advance(at, below(static_cast<int>(sequences_.size())));
    if (kind < 70) return advance(*at);
    if (kind < 76) return speculate(*at);
    if (kind < 82 && sequences_.size() < 12) {
      sequences_.emplace_back(*at, at->blocks.fork());
      return;
    }
    if (kind < 88) return preempt(*at);
    if (kind < 94) return check(*at);
    sequences_.erase(at);
  }

  void check_all() {
    for (const Sequence& s : sequences_) check(s);
    std::vector<int> references(static_cast<size_t>(cache_.pool().size()));
    for (const Sequence& s : sequences_)
      for (const BlockId block : s.blocks.blocks()) ++references[index_of(block)];
    int used = 0;
    for (size_t i = 0; i < references.size(); ++i) {
      ASSERT_EQ(references[i], cache_.pool().references(static_cast<BlockId>(i)));
      used += references[i] > 0;
    }
    ASSERT_EQ(used, cache_.pool().used());
    ASSERT_EQ(cache_.pool().size(), used + cache_.pool().idle() + cache_.pool().free());
    for (size_t w = 0; w < windows_.size(); ++w) check_pages(w);
  }

  void end() {
    sequences_.clear();
    check_all();
    EXPECT_EQ(cache_.pool().used(), 0);
    cache_.clear();
    EXPECT_EQ(cache_.pool().free(), cache_.pool().size());
    for (const WindowPages& window : cache_.windows()) EXPECT_EQ(window.pool().free(), window.pool().size());
  }

  int64_t matched() const { return matched_; }
  int64_t copied() const { return copied_; }
  int64_t refused() const { return refused_; }

 private:
  // The references of a window's pages, and that a sequence holds those it can see and few more.
  void check_pages(size_t w) const {
    const WindowPages& window = cache_.windows()[w];
    std::vector<int> references(static_cast<size_t>(window.pool().size()));
    for (const Sequence& s : sequences_) {
      int held = 0;
      for (const BlockId page : s.blocks.pages()[w]) {
        if (page == kNoBlock) continue;
        ++references[index_of(page)];
        ++held;
      }
      const int ahead = static_cast<int>(s.blocks.blocks().size()) - s.computed / kTokens;
      ASSERT_LE(held, (windows_[w].window + kTokens - 2) / kTokens + 1 + ahead);
    }
    for (size_t i = 0; i < references.size(); ++i)
      ASSERT_EQ(references[i], window.pool().references(static_cast<BlockId>(i)));
  }

  int below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

  void begin() {
    Sequence& s = sequences_.emplace_back(cache_, below(2));
    for (int i = 1 + below(kLongest / 2); i > 0; --i)
      s.tokens.push_back(below(2));  // few, so that prefixes meet
    match(s);
  }

  void match(Sequence& s) {
    s.computed = s.blocks.match(s.tokens);
    matched_ += s.computed;
    check(s);
  }

  // Computes some of what is missing; a sequence that is complete gets a token more.
  void advance(Sequence& s) {
    if (s.computed == static_cast<int>(s.tokens.size())) {
      if (s.computed >= kLongest) return;
      s.tokens.push_back(below(2));
    }
    const int end = s.computed + 1 + below(static_cast<int>(s.tokens.size()) - s.computed);
    if (!write(s, end)) return;
    s.computed = end;
    s.blocks.fill(s.tokens, s.computed);
  }

  // Positions past the tokens that hold: written, then found to be wrong.
  void speculate(Sequence& s) {
    if (s.computed < static_cast<int>(s.tokens.size())) return;
    const std::vector<TokenId> tokens = s.tokens;
    for (int i = 1 + below(6); i > 0; --i) s.tokens.push_back(below(2));
    if (write(s, static_cast<int>(s.tokens.size()))) {
      const int accepted = s.computed + below(static_cast<int>(s.tokens.size()) - s.computed + 1);
      s.tokens.resize(static_cast<size_t>(accepted));
      s.computed = accepted;
      s.blocks.fill(s.tokens, accepted);
      s.blocks.shrink(accepted);
    } else {
      s.tokens = tokens;
    }
  }

  void preempt(Sequence& s) {
    s.blocks.release();
    s.computed = 0;
    match(s);
  }

  bool write(Sequence& s, int end) {
    const int available = cache_.pool().available();
    const int needed = s.blocks.blocks_needed(s.computed, end);
    std::vector<BlockCopy> copies;
    if (!s.blocks.reserve(s.computed, end, copies)) {
      EXPECT_TRUE(needed > available || !windows_.empty());
      EXPECT_TRUE(copies.empty());
      ++refused_;
      return false;
    }
    EXPECT_EQ(cache_.pool().available(), available - needed);
    for (const BlockCopy& copy : copies) {
      ++copied_;
      for (size_t i = 0; i < kTokens; ++i)
        memory_of(copy.group, copy.to, i) = memory_of(copy.group, copy.from, i);
    }
    Contents contents = contents_before(s, s.computed);
    for (int i = s.computed; i < end; ++i) {
      contents = after(contents, s.tokens[static_cast<size_t>(i)]);
      EXPECT_EQ(cache_.pool().references(s.blocks.blocks()[static_cast<size_t>(i / kTokens)]), 1);
      at(s, i) = contents;
      for (size_t w = 0; w < windows_.size(); ++w) {
        const BlockId page = s.blocks.pages()[w][static_cast<size_t>(i / kTokens)];
        EXPECT_EQ(cache_.windows()[w].pool().references(page), 1);
        memory_of(static_cast<int>(w) + 1, page, static_cast<size_t>(i % kTokens)) = contents;
      }
    }
    return true;
  }

  void check(const Sequence& s) {
    Contents contents = static_cast<Contents>(s.scope);
    for (int i = 0; i < s.computed; ++i) {
      contents = after(contents, s.tokens[static_cast<size_t>(i)]);
      ASSERT_EQ(at(s, i), contents) << "position " << i << " of " << s.computed;
      for (size_t w = 0; w < windows_.size(); ++w) {
        if (i <= s.computed - windows_[w].window) continue;  // the next token does not see it
        const BlockId page = s.blocks.pages()[w][static_cast<size_t>(i / kTokens)];
        ASSERT_NE(page, kNoBlock) << "position " << i << " of " << s.computed;
        ASSERT_EQ(memory_of(static_cast<int>(w) + 1, page, static_cast<size_t>(i % kTokens)), contents);
      }
    }
  }

  Contents contents_before(const Sequence& s, int end) {
    Contents contents = static_cast<Contents>(s.scope);
    for (int i = 0; i < end; ++i) contents = after(contents, s.tokens[static_cast<size_t>(i)]);
    return contents;
  }
  Contents& at(const Sequence& s, int position) {
    const BlockId block = s.blocks.blocks()[static_cast<size_t>(position / kTokens)];
    return memory_of(0, block, static_cast<size_t>(position % kTokens));
  }
  Contents& memory_of(int group, BlockId block, size_t token) {
    return memory_[static_cast<size_t>(group)][index_of(block) * kTokens + token];
  }

  std::mt19937_64 random_;
  std::vector<WindowPages::Options> windows_;
  PrefixCache cache_;
  std::vector<std::vector<Contents>> memory_;  // of the blocks and each window's pages: [blocks, kTokens]
  std::list<Sequence> sequences_;
  int64_t matched_ = 0;
  int64_t copied_ = 0;
  int64_t refused_ = 0;
};

void live(World& world, int events) {
  for (int i = 0; i < events; ++i) {
    world.event();
    if (i % 16 == 0) world.check_all();
    if (testing::Test::HasFailure()) FAIL() << "after event " << i;
  }
  world.check_all();
  EXPECT_GT(world.copied(), events / 1000);
  EXPECT_GT(world.refused(), events / 1000);
  world.end();
}

TEST(BlockTables, ASequenceReadsItsOwnPastWhateverHappens) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    World world(seed, {.blocks = 48, .block_tokens = kTokens});
    live(world, 250'000);
    EXPECT_GT(world.matched(), 100'000);
  }
}

// Few pages: a window runs short as well, and pages are evicted while their blocks stay, and the other way
// round.
TEST(BlockTables, WithWindowsASequenceReadsWhatItSees) {
  for (uint64_t seed = 10; seed < 13; ++seed) {
    World world(seed, {.blocks = 48, .block_tokens = kTokens, .windows = {{1, 14}, {7, 24}, {21, 40}}});
    live(world, 250'000);
    EXPECT_GT(world.matched(), 30'000);
  }
}

TEST(BlockTables, WithWindowsAndWithoutReuse) {
  World world(
      5, {.blocks = 48, .block_tokens = kTokens, .reuse = PrefixCache::Reuse::kOff, .windows = {{9, 30}}});
  live(world, 250'000);
}

TEST(BlockTables, AlsoWithoutReuse) {
  World world(5, {.blocks = 48, .block_tokens = kTokens, .reuse = PrefixCache::Reuse::kOff});
  live(world, 250'000);
  EXPECT_EQ(world.matched(), 0);
}

TEST(BlockTableFaults, B51_AlsoWhereAllKeysCollide) {
  World world(6, {.blocks = 48, .block_tokens = kTokens, .next_key = colliding_key});
  live(world, 250'000);
  EXPECT_GT(world.matched(), 100'000);
}

// A thousand sequences with one beginning and different ends.
TEST(BlockTableFaults, B50_OnePrefixAndManyTails) {
  constexpr int kPrefix = 40;
  PrefixCache cache({.blocks = 10 + 1000, .block_tokens = kTokens});
  const BlockKey root = root_key("model", "", "");
  std::vector<TokenId> tokens(kPrefix + kTokens);
  std::vector<BlockTable> tables;
  tables.reserve(1000);
  std::vector<BlockCopy> copies;
  for (int i = 0; i < 1000; ++i) {
    std::fill_n(tokens.begin() + kPrefix, kTokens, i);
    BlockTable& table = tables.emplace_back(cache, root);
    const int matched = table.match(tokens);
    ASSERT_EQ(matched, i == 0 ? 0 : kPrefix);
    ASSERT_TRUE(table.reserve(matched, kPrefix + kTokens, copies));
    table.fill(tokens, kPrefix + kTokens);
  }
  EXPECT_TRUE(copies.empty());
  EXPECT_EQ(cache.pool().used(), 1010);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(cache.pool().references(tables[0].blocks()[i]), 1000);
  std::vector<int> seen(1010);
  for (const BlockTable& table : tables) EXPECT_EQ(++seen[index_of(table.blocks().back())], 1);
  tables.clear();
  EXPECT_EQ(cache.pool().used(), 0);
  EXPECT_EQ(cache.pool().idle(), 1010);
}

// Two at most: that of its state, and that of the step under way. With one more for what it found in the
// cache, the slots for all sequences ran out, which ended the process.
TEST(BlockTableFaults, ASequenceThatFoundItsStateNeedsTwoSlots) {
  PrefixCache cache({.blocks = 8, .block_tokens = kTokens, .windows = {{WindowPages::kState, 2}}});
  const BlockKey root = root_key("model", "", "");
  const std::vector<TokenId> tokens = {1, 2, 3, 4, 5, 6, 7};
  std::vector<BlockCopy> copies;
  {
    BlockTable first(cache, root);
    ASSERT_TRUE(first.reserve(0, kTokens, copies));
    first.begin_state(BlockTable::Before::kMayGo);
    first.end_state(kTokens);
    first.fill(tokens, kTokens, BlockTable::State::kStays);
  }
  BlockTable table(cache, root);
  ASSERT_EQ(table.match(tokens), kTokens);
  EXPECT_NE(table.state_slot(), -1);
  for (int computed = kTokens; computed < 7; ++computed) {
    ASSERT_TRUE(table.reserve(computed, computed + 1, copies));
    const StateSlots slots = table.begin_state(BlockTable::Before::kStays);
    EXPECT_NE(slots.from, slots.to);
    table.end_state(computed + 1);
    table.fill(tokens, computed + 1);
  }
}

}  // namespace
}  // namespace ferrum::test
