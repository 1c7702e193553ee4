#include "backend/cpu/machine_limits.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "backend/cpu/kernels.h"

namespace ferrum {
namespace {

TEST(MachineLimits, AreMeasuredAndPlausible) {
  LimitMeter meter(1, size_t{64} << 20);
  const MachineLimits limits = meter.measure();
  EXPECT_GT(limits.read_bandwidth, 0.1e9);
  EXPECT_LT(limits.read_bandwidth, 10e12);
  EXPECT_GT(limits.int8, 0.1e9);
  EXPECT_LT(limits.int8, 100e12);
  EXPECT_GT(limits.f32, 0.1e9);
  EXPECT_LT(limits.f32, 10e12);
  EXPECT_EQ(limits.bf16 > 0, missing_for(Isa::kAvx512Bf16).empty() || missing_for(Isa::kI8mm).empty());
}

TEST(MachineLimits, TheMedianOfEach) {
  const MachineLimits measured[] = {{1, 20, 3, 40}, {10, 2, 30, 4}, {5, 3, 4, 100}};
  const MachineLimits median = median_of(measured);
  EXPECT_EQ(median.read_bandwidth, 5);
  EXPECT_EQ(median.int8, 3);
  EXPECT_EQ(median.bf16, 4);
  EXPECT_EQ(median.f32, 40);
  EXPECT_EQ(median_of(std::span(measured).first(2)).f32, 22);
  EXPECT_GE(LimitMeter::default_buffer(), size_t{1} << 20);
  EXPECT_LE(LimitMeter::default_buffer(), size_t{512} << 20);
}

TEST(Peaks, ReadLooksAtEveryByte) {
  std::vector<uint8_t> data(4 * 64 * 3 + 17);
  std::iota(data.begin(), data.end(), uint8_t{0});
  for (const Isa isa : available_isas())
    for (const size_t ahead : {size_t{0}, size_t{256}}) {
      const auto read = cpu::kernels_for(isa).peaks.read;
      const uint64_t before = read(data.data(), data.size(), ahead);
      for (uint8_t& byte : data) {
        byte ^= 0x10;
        ASSERT_NE(read(data.data(), data.size(), ahead), before)
            << name_of(isa) << ", byte " << &byte - data.data();
        byte ^= 0x10;
      }
    }
}

TEST(Peaks, OperationsGrowWithTheRounds) {
  for (const Isa isa : available_isas()) {
    const cpu::Peaks& peaks = cpu::kernels_for(isa).peaks;
    for (const auto kernel : {peaks.dot_int8, peaks.multiply_add_f32}) {
      EXPECT_GT(kernel(1), 0) << name_of(isa);
      EXPECT_EQ(kernel(7), 7 * kernel(1)) << name_of(isa);
    }
  }
}

}  // namespace
}  // namespace ferrum
