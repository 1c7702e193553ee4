#include "backend/cpu/page_memory.h"

#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/machine.h"

namespace ferrum::cpu {
namespace {

TEST(PageArena, PiecesAreZeroOnACacheLineAndApart) {
  PageArena arena;
  std::vector<std::pair<std::shared_ptr<uint8_t>, size_t>> pieces;
  for (const size_t bytes : {1, 63, 64, 65, 3 << 20, 100 << 20, 5, 60 << 20, 5 << 20}) {
    pieces.emplace_back(arena.take(bytes), bytes);
    uint8_t* data = pieces.back().first.get();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
    EXPECT_EQ(data[0], 0);
    EXPECT_EQ(data[bytes - 1], 0);
    data[0] = data[bytes - 1] = static_cast<uint8_t>(pieces.size());
  }
  for (size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_EQ(pieces[i].first.get()[0], i + 1);
    EXPECT_EQ(pieces[i].first.get()[pieces[i].second - 1], i + 1);
  }
}

TEST(PageArena, APieceOutlivesItsArenaAndItsNeighbours) {
  std::shared_ptr<uint8_t> kept;
  {
    PageArena arena;
    const auto first = arena.take(1000);
    kept = arena.take(1000);
    std::fill_n(kept.get(), 1000, uint8_t{7});
  }
  EXPECT_EQ(std::count(kept.get(), kept.get() + 1000, 7), 1000);
}

TEST(PageMemory, LargeOnesBeginAHugePage) {
  constexpr size_t kHugePage = size_t{2} << 20;
  const PageMemory memory(kHugePage + 12345);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % kHugePage, 0u);
  std::memset(memory.data(), 1, memory.bytes());
}

int policy_of(const void* address) {
  int mode = -1;
  return syscall(SYS_get_mempolicy, &mode, nullptr, 0, address, MPOL_F_ADDR) == 0 ? mode : -1;
}

TEST(PageMemory, IsDealtOutToNodesInTurns) {
  PageMemory memory(size_t{8} << 20);
  if (policy_of(memory.data()) < 0) GTEST_SKIP() << "no NUMA policies here";
  EXPECT_NE(policy_of(memory.data()), MPOL_INTERLEAVE);
  const std::vector<int> nodes = numa_nodes_of(allowed_cpus());
  if (nodes.empty()) GTEST_SKIP() << "/sys does not say which nodes there are";
  ASSERT_TRUE(memory.interleave(nodes));
  EXPECT_EQ(policy_of(memory.data()), MPOL_INTERLEAVE);
  EXPECT_EQ(policy_of(memory.data() + memory.bytes() - 1), MPOL_INTERLEAVE);
  std::memset(memory.data(), 1, memory.bytes());
  EXPECT_FALSE(memory.interleave(std::vector<int>{1023}));  // which is not there
}

}  // namespace
}  // namespace ferrum::cpu
