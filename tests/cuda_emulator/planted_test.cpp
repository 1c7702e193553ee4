// A fault planted for each check of the emulator: it is found under every schedule, and the message names the
// fault, the threads and the lines. The same kernels without a fault run through and give the right numbers.
#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <vector>

#include "emulator.h"
#include "planted.h"

namespace {

using namespace gpu::emulated;
using namespace planted;

constexpr int kCount = 130;

template <class T>
class Array {  // of the device's memory
 public:
  explicit Array(size_t n) : n_(n), data_(static_cast<T*>(allocate(n * sizeof(T)))) {}
  explicit Array(const std::vector<T>& x) : Array(x.size()) { copy_in(data_, x.data(), n_ * sizeof(T)); }
  ~Array() { release(data_); }
  Array(const Array&) = delete;
  T* data() { return data_; }
  std::vector<T> values(size_t n) {
    std::vector<T> x(n);
    copy_out(x.data(), data_, n * sizeof(T));
    return x;
  }

 private:
  size_t n_;
  T* data_;
};

std::vector<float> numbers(size_t n) {
  std::vector<float> x(n);
  std::iota(x.begin(), x.end(), 1.0f);
  return x;
}

// What all planted kernels work on.
struct Bench {
  Array<float> out{512}, x{numbers(kCount)};
  Array<uint16_t> halves{std::vector<uint16_t>(64 * 8, 3)};
  Array<uint32_t> counter{std::vector<uint32_t>(128)};

  Params params(int mistake, int count = kCount) {
    return {out.data(), x.data(), halves.data(), counter.data(), count, mistake};
  }
};

void run(const char* name, gpu::Index grid, int threads, int shared, const Params& p) {
  launch(*find_kernel(name), grid, threads, shared, &p);
}

std::string fault_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Fault& fault) {
    return fault.what();
  }
  return "no fault";
}

// Under schedules of one block at a time, of several, and of threads that are preempted.
class Emulator : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const auto seed = static_cast<uint64_t>(GetParam());
    options_ = {.seed = seed, .resident_blocks = seed == 1 ? 1 : 3, .preempt_every = seed == 3 ? 7 : 0};
    set_options(options_);
  }
  void TearDown() override { set_options({}); }

  std::string sum(int mistake) {
    return fault_of([&] { run("planted_sum", {1, 1, 1}, 128, 48, bench.params(mistake)); });
  }
  std::string tile(int mistake) {
    return fault_of([&] { run("planted_tile", {1, 1, 1}, 64, 1024, bench.params(mistake)); });
  }
  std::string blocks(int mistake) {
    return fault_of([&] {
      fill(bench.out.data(), 0, 512 * 4);
      fill(bench.counter.data(), 0, 4);
      run("planted_blocks", {6, 1, 1}, 32, 128, bench.params(mistake));
    });
  }
  std::string ring(int mistake) {
    const Array<float> parts(numbers(64 * 7));
    return fault_of([&] {
      Params p = bench.params(mistake, 7);
      p.x = const_cast<Array<float>&>(parts).data();
      run("planted_ring", {1, 1, 1}, 128, 512, p);
    });
  }

  Options options_;
  Bench bench;
};
INSTANTIATE_TEST_SUITE_P(Schedules, Emulator, testing::Values(1, 2, 3));

// Whether the message has one of the texts, and names as many threads, each with its line in planted.cu.
testing::AssertionResult says(const std::string& message, const std::vector<std::string>& texts,
                              int threads = 1) {
  for (const std::string& text : texts) {
    if (message.find(text) == std::string::npos) continue;
    int named = 0;
    for (size_t at = 0; (at = message.find("\n    ", at)) != std::string::npos; ++at) {
      const std::string line = message.substr(at + 5, message.find('\n', at + 1) - at - 5);
      const size_t place = line.find("planted.cu:");
      if (place != std::string::npos && std::isdigit(line[place + 11]) != 0) ++named;
    }
    if (named >= threads) return testing::AssertionSuccess();
    return testing::AssertionFailure() << message << "\nnames " << named << " threads with their lines";
  }
  return testing::AssertionFailure() << message;
}
testing::AssertionResult races(const std::string& message) { return says(message, {"race in "}, 2); }

TEST_P(Emulator, KernelsWithoutAMistakeGiveTheRightNumbers) {
  const float total = kCount * (kCount + 1) / 2.0f;
  EXPECT_EQ(sum(kSumRight), "no fault");
  EXPECT_EQ(bench.out.values(1)[0], total);
  EXPECT_EQ(tile(kTileRight), "no fault");
  EXPECT_EQ(bench.out.values(1)[0], 16 * 3);
  EXPECT_EQ(blocks(kBlocksRight), "no fault");
  EXPECT_EQ(bench.out.values(1)[0], total);
  EXPECT_EQ(ring(kRingRight), "no fault");
  EXPECT_EQ(bench.out.values(1)[0], 7 + 64 * 21);
}

TEST_P(Emulator, MatricesAreThoseOfThePtxIsa) {
  std::vector<int8_t> bytes(512 + 256);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<int8_t>(i * 37 % 251);
  Array<int8_t> x(bytes);
  Params p = bench.params(0);
  p.x = reinterpret_cast<const float*>(x.data());
  run("planted_matrices", {1, 1, 1}, 32, 16 * 48 + 8 * 48, p);
  const auto product = [&](int m, int n, int columns) {
    int sum = 0;
    for (int k = 0; k < columns; ++k)
      sum += bytes[static_cast<size_t>(m * 32 + k)] * bytes[static_cast<size_t>(512 + n * 32 + k)];
    return static_cast<float>(sum);
  };
  const std::vector<float> out = bench.out.values(384);
  for (int m = 0; m < 16; ++m)
    for (int n = 0; n < 8; ++n) {
      const auto at = static_cast<size_t>(m * 8 + n);
      EXPECT_EQ(out[at], product(m, n, 32));
      EXPECT_EQ(out[128 + at], product(m, n, 8));
      EXPECT_EQ(out[256 + at], product(m, n, 16));
    }
  const std::vector<uint32_t> transposed = bench.counter.values(128);
  for (int lane = 0; lane < 32; ++lane)
    for (int m = 0; m < 4; ++m)
      for (int e = 0; e < 2; ++e) {
        const int row = m % 2 * 8 + lane % 4 * 2 + e, column = m / 2 * 8 + lane / 4;
        uint16_t pair;
        std::memcpy(&pair, &bytes[static_cast<size_t>(row * 32 + 2 * column)], 2);
        EXPECT_EQ(transposed[static_cast<size_t>(lane * 4 + m)] >> (16 * e) & 0xffff, pair);
      }
}

TEST_P(Emulator, LanesVoteAndConvert) {
  std::vector<float> x;
  for (int i = 0; i < 32; ++i) x.push_back(std::ldexp(1 + static_cast<float>(i) / 1000, i - 26));
  x[0] = 1e9f, x[1] = NAN, x[2] = 65519, x[3] = -65520, x[4] = 0;
  Array<float> values(x);
  Params p = bench.params(0);
  p.x = values.data();
  run("planted_lanes", {1, 1, 1}, 32, 0, p);
  const std::vector<uint32_t> integers = bench.counter.values(96);
  const std::vector<float> out = bench.out.values(96);
  for (size_t i = 0; i < 32; ++i) {
    EXPECT_EQ(integers[i], 0xaaaaaaaau);
    EXPECT_EQ(static_cast<int32_t>(integers[32 + i]),
              static_cast<int32_t>(i) + 1 * 3 - 1 * 5 + 2 * 7 - 2 * 9);
    EXPECT_TRUE(out[64 + i] == x[31 - i] || std::isnan(x[31 - i]));
    if (i < 4) continue;
    EXPECT_NEAR(out[i], x[i], std::max(x[i] * 0x1p-11f, 0x1p-25f));
    EXPECT_NEAR(out[32 + i], x[i], x[i] * 0x1p-8f);
  }
  EXPECT_EQ(out[0], INFINITY);
  EXPECT_TRUE(std::isnan(out[1]) && std::isnan(out[33]));
  EXPECT_EQ(out[2], 65504);
  EXPECT_EQ(out[3], -INFINITY);
}

TEST_P(Emulator, FindsAMissingBarrier) {
  EXPECT_TRUE(says(sum(kNoBarrier), {"race in shared memory", "never written"}));
}
TEST_P(Emulator, FindsAReadBehindAnArray) {
  EXPECT_TRUE(says(sum(kOnePast), {"a read out of bounds, 4 bytes at 0 bytes behind an array of 520 bytes"}));
}
TEST_P(Emulator, FindsLanesThatExchangeWithoutSynchronisation) {
  EXPECT_TRUE(says(sum(kNoWarpSync), {"race in shared memory", "never written"}));
}
TEST_P(Emulator, FindsLanesThatWriteTheSameWord) {
  EXPECT_TRUE(says(sum(kAllLanesWrite), {"race in shared memory: written by both"}, 2));
}
TEST_P(Emulator, FindsAShuffleWithAbsentLanes) {
  EXPECT_TRUE(says(sum(kHalfWarp), {"which does not take part"}));
}
TEST_P(Emulator, FindsABarrierThatNotAllReach) {
  EXPECT_TRUE(says(sum(kDivergentBarrier), {"32 threads have ended\n    96 threads wait at the barrier",
                                            "96 threads wait at the barrier"}));
}
TEST_P(Emulator, FindsAReadOfSharedMemoryThatWasNeverWritten) {
  EXPECT_TRUE(says(sum(kNeverWritten), {"a read of what was never written, 4 bytes at byte"}));
}
TEST_P(Emulator, FindsAReadBehindASharedArray) {
  EXPECT_TRUE(says(sum(kBehindShared), {"0 bytes behind a shared array of 16 bytes"}));
}
TEST_P(Emulator, FindsABarrierWithTwoNumbersOfThreads) {
  EXPECT_TRUE(says(sum(kTwoCounts), {"barrier 1 with "}));
}
TEST_P(Emulator, FindsALaneThatIsNotInItsOwnMask) {
  EXPECT_TRUE(says(sum(kNotInOwnMask), {"a lane that is not in its own mask"}));
}
TEST_P(Emulator, FindsLanesOfAWarpAtDifferentBarriers) {
  EXPECT_TRUE(says(sum(kOtherBarrier), {"lanes of one warp meet at different barriers"}, 2));
}
TEST_P(Emulator, FindsAMisalignedVector) {
  EXPECT_TRUE(says(sum(kMisalignedVector), {"a misaligned access, 16 bytes"}));
}
TEST_P(Emulator, FindsACollectiveWithoutALaneThatHasEnded) {
  EXPECT_TRUE(says(sum(kNoneLeft), {"no thread can go on"}));
}
TEST_P(Emulator, FindsACopyThatWasNotWaitedFor) {
  EXPECT_TRUE(says(tile(kOneGroupTooFew), {"a read of a cp.async that has not been waited for"}));
}
TEST_P(Emulator, FindsCopiesOfOtherThreadsWithoutABarrier) {
  EXPECT_TRUE(says(tile(kOthersCopies),
                   {"race in shared memory", "cp.async that has not been waited for", "never written"}));
}
TEST_P(Emulator, FindsCopiesOverWhatSlowerWarpsRead) {
  EXPECT_TRUE(says(tile(kOverwrites), {"race in shared memory", "cp.async that has not been waited for"}));
}
TEST_P(Emulator, FindsAMisalignedRowOfLdmatrix) {
  EXPECT_TRUE(says(tile(kMisalignedRow), {"a misaligned access, 16 bytes"}));
}
TEST_P(Emulator, FindsLdmatrixBehindItsTile) {
  EXPECT_TRUE(says(tile(kBehindTile), {"a shared array of 1024 bytes"}));
}
TEST_P(Emulator, FindsAThreadThatEndsWithCopiesInFlight) {
  EXPECT_TRUE(says(tile(kInFlightAtEnd), {"a thread ends with copies in flight"}));
}
TEST_P(Emulator, FindsAWriteOverACopyInFlight) {
  EXPECT_TRUE(says(tile(kOverInFlight), {"a write over a cp.async that has not been waited for"}));
}
TEST_P(Emulator, FindsAMisalignedCopy) {
  EXPECT_TRUE(says(tile(kMisalignedCopy), {"a misaligned cp.async"}));
}
TEST_P(Emulator, FindsAMatrixInstructionOfPartOfAWarp) {
  EXPECT_TRUE(says(tile(kPartOfWarp), {"no thread can go on"}));
}
TEST_P(Emulator, FindsLdmatrixFromGlobalMemory) {
  EXPECT_TRUE(says(tile(kFromGlobal), {"ldmatrix from outside of shared memory"}));
}
TEST_P(Emulator, FindsBlocksThatAddWithoutOrder) { EXPECT_TRUE(races(blocks(kAddsWithoutOrder))); }
TEST_P(Emulator, FindsBlocksThatWriteTheSameWord) {
  EXPECT_TRUE(says(blocks(kWritesOverOthers), {"race in global memory: written by both"}, 2));
}
TEST_P(Emulator, FindsACounterThatOrdersNothing) {
  EXPECT_TRUE(says(blocks(kPlainCounter), {"race in global memory"}, 2));
}
TEST_P(Emulator, FindsAnAccessToAnotherBlocksSharedMemory) {
  EXPECT_TRUE(says(blocks(kOthersShared), {"an access to another block's shared memory"}));
}
TEST_P(Emulator, FindsAHandoverAtTheWrongBarrier) {
  EXPECT_TRUE(says(ring(kWrongPlace), {"race in shared memory", "never written", "no thread can go on"}));
}
TEST_P(Emulator, FindsAWarpThatArrivesAndWaits) {
  EXPECT_TRUE(says(ring(kArrivesAndWaits), {"a warp that both arrives and waits"}));
}

TEST_P(Emulator, FindsAnAccessToTheHostsMemory) {
  const std::vector<float> host(kCount);
  Params p = bench.params(0);
  p.x = host.data();
  EXPECT_TRUE(says(fault_of([&] {
                     run("planted_sum", {1, 1, 1}, 128, 48, p);
                   }),
                   {"a read outside the device's memory"}));
}
TEST_P(Emulator, FindsAReadOfFreedMemory) {
  Params p = bench.params(0);
  {
    const std::vector<float> values(1000);
    Array<float> gone(values);
    p.x = gone.data();
  }
  EXPECT_TRUE(says(fault_of([&] { run("planted_sum", {1, 1, 1}, 128, 48, p); }), {"a read out of bounds"}));
}
TEST_P(Emulator, FindsAReadOfGlobalMemoryThatWasNeverWritten) {
  Array<float> empty(kCount);
  Params p = bench.params(0);
  p.x = empty.data();
  EXPECT_TRUE(says(fault_of([&] {
                     run("planted_sum", {1, 1, 1}, 128, 48, p);
                   }),
                   {"a read of what was never written"}));
}

TEST_P(Emulator, RefusesLaunchesThatNoDeviceTakes) {
  const Params p = bench.params(0);
  const auto message = [&](gpu::Index grid, int threads, int shared) {
    return fault_of([&] { run("planted_sum", grid, threads, shared, p); });
  };
  EXPECT_EQ(message({1, 1, 1}, 128, 16), "no fault");
  EXPECT_EQ(message({1, 1, 1}, 128, 15),
            "planted_sum: shared arrays take 16 bytes, and the launch asks for 15");
  EXPECT_EQ(message({1, 1, 1}, 256, 16), "planted_sum: 256 threads where at most 128 may be");
  EXPECT_EQ(message({1, 1, 1}, 128, 200000),
            "planted_sum: 200000 bytes of shared memory, and a block has 101376");
  EXPECT_EQ(message({0, 1, 1}, 128, 16), "planted_sum: a grid of 0 × 1 × 1");
  EXPECT_EQ(message({1, 70000, 1}, 128, 16), "planted_sum: a grid of 1 × 70000 × 1");
}

TEST_P(Emulator, RefusesCopiesThatTheHostGetsWrong) {
  Array<float> unwritten(4);
  float host[8] = {};
  EXPECT_EQ(fault_of([&] { copy_out(host, unwritten.data(), 16); }),
            "copy from the device: byte 0 of 16 was never written");
  EXPECT_EQ(fault_of([&] { copy_in(unwritten.data(), host, 20); }),
            "copy to the device: byte 16 of 20 is out of bounds");
  EXPECT_EQ(fault_of([&] { copy_in(host, host, 4); }), "copy to the device: not the device's memory");
  EXPECT_EQ(fault_of([&] { release(host); }), "released what was not allocated");
  EXPECT_EQ(fault_of([&] { allocate(size_t{1} << 40); }), "out of memory for 1099511627776 bytes");
}

TEST_P(Emulator, CountsWavesOfLdmatrix) {
  reset_counts();
  EXPECT_EQ(tile(kTileRight), "no fault");  // rows side by side: all in different banks
  EXPECT_EQ(counts().matrix_waves, counts().matrix_phases);
  EXPECT_EQ(counts().matrix_phases, 2U * 4 * 4);
  std::vector<int8_t> bytes(768, 1);
  Array<int8_t> x(bytes);
  Params p = bench.params(0);
  p.x = reinterpret_cast<const float*>(x.data());
  reset_counts();
  run("planted_matrices", {1, 1, 1}, 32, 16 * 48 + 8 * 48, p);
  EXPECT_EQ(counts().matrix_waves, counts().matrix_phases);  // 48 bytes apart: without collisions as well
  EXPECT_EQ(counts().products, 3U);
}

TEST_P(Emulator, CountsWavesOfLoadsAndStoresAndTheMemoryThatIsTouched) {
  struct {
    Banks places;
    uint64_t phases, waves;  // of a store and a load
  } const expected[] = {{kSideBySide, 2, 2}, {kTwoApart, 2, 4}, {kOddApart, 2, 2},      {kSameWord, 2, 2},
                        {kInOneBank, 2, 64}, {kVectors, 8, 8},  {kVectorsApart, 8, 64}, {kHalfOfLanes, 2, 2}};
  Options counting = options_;
  counting.counts_traffic = true;
  set_options(counting);
  for (const auto& [places, phases, waves] : expected) {
    reset_counts();
    run("planted_banks", {1, 1, 1}, 32, 32 * 33 * 4, bench.params(places));
    EXPECT_EQ(counts().shared_phases, phases) << places;
    EXPECT_EQ(counts().shared_waves, waves) << places;
    EXPECT_EQ(counts().global_bytes, 128U) << places;  // what it writes
  }
}

TEST_P(Emulator, AScheduleIsDrawnFromItsSeedAlone) {
  const auto switches = [&] {
    reset_counts();
    EXPECT_EQ(blocks(kBlocksRight), "no fault");
    return counts().switches;
  };
  const uint64_t once = switches();
  EXPECT_EQ(switches(), once);
}

}  // namespace
