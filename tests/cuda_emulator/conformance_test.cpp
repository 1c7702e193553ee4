// Whether a real device does with each primitive what the emulator does: the same bits where nothing is
// rounded, and within a bound where sums or functions may be. Skipped where there is no device.
#include "conformance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "backend/cuda/driver/device.h"
#include "base/error.h"
#include "emulator.h"

#ifdef FERRUM_CONFORMANCE_IMAGE
extern "C" const char FERRUM_CONFORMANCE_IMAGE[];
#endif

namespace {

using namespace conformance;

struct Operands {
  std::vector<uint32_t> words = std::vector<uint32_t>(64 * kLanes);
  std::vector<float> numbers = std::vector<float>(8 * kLanes);
  std::vector<uint16_t> halves = std::vector<uint16_t>(64 * 8);

  explicit Operands(uint32_t seed) {
    std::mt19937 random(seed);
    for (uint32_t& word : words) word = random();
    for (float& number : numbers) number = 1 + 3 * static_cast<float>(random() % 65536) / 65536;
    for (uint16_t& half : halves) half = static_cast<uint16_t>(0x3f80 + random() % 256);
  }
};

struct Results {
  std::vector<uint32_t> whole = std::vector<uint32_t>(kWhole * kLanes, 7);
  std::vector<float> rounded = std::vector<float>(kFloats * kLanes, 7);
};

template <class T>
size_t bytes_of(const std::vector<T>& values) {
  return values.size() * sizeof(T);
}

// `in` copies to new memory of the device, `run` launches, `out` copies back.
template <class In, class Run, class Out>
Results results(const Operands& operands, const In& in, const Run& run, const Out& out) {
  Results r;
  Params p = {};
  p.words = static_cast<const uint32_t*>(in(operands.words.data(), bytes_of(operands.words)));
  p.numbers = static_cast<const float*>(in(operands.numbers.data(), bytes_of(operands.numbers)));
  p.halves = static_cast<const uint16_t*>(in(operands.halves.data(), bytes_of(operands.halves)));
  p.whole = static_cast<uint32_t*>(in(r.whole.data(), bytes_of(r.whole)));
  p.rounded = static_cast<float*>(in(r.rounded.data(), bytes_of(r.rounded)));
  run(p);
  out(r.whole.data(), p.whole, bytes_of(r.whole));
  out(r.rounded.data(), p.rounded, bytes_of(r.rounded));
  return r;
}

constexpr int kShared = 64 * 8 * 2 + 64 * 4;

Results emulated(const Operands& operands) {
  using namespace gpu::emulated;
  std::vector<void*> taken;
  const auto in = [&](const void* data, size_t bytes) {
    taken.push_back(allocate(bytes));
    copy_in(taken.back(), data, bytes);
    return taken.back();
  };
  const Results r = results(
      operands, in,
      [](const Params& p) {
        launch(*find_kernel("conformance_primitives"), {1, 1, 1}, 64, kShared, &p);
      },
      [](void* to, const void* from, size_t bytes) { copy_out(to, from, bytes); });
  for (void* memory : taken) release(memory);
  return r;
}

TEST(Conformance, OfTheEmulatorUnderEverySchedule) {
  for (uint32_t seed = 0; seed < 5; ++seed) {
    const Operands operands(seed);
    gpu::emulated::set_options({.seed = 1});
    const Results first = emulated(operands);
    for (const float x : first.rounded) EXPECT_TRUE(std::isfinite(x));
    gpu::emulated::set_options({.seed = seed + 2, .preempt_every = 3});
    const Results again = emulated(operands);
    EXPECT_EQ(again.whole, first.whole);
    EXPECT_EQ(again.rounded, first.rounded);
  }
  gpu::emulated::set_options({});
}

TEST(Conformance, OfTheDevice) {
#ifndef FERRUM_CONFORMANCE_IMAGE
  GTEST_SKIP() << "built without nvcc";
#else
  using namespace ferrum::cuda;
  const void* const images[] = {FERRUM_CONFORMANCE_IMAGE};
  std::unique_ptr<Device> device;
  try {
    device = std::make_unique<Device>(load_driver(), 0, images);
  } catch (const ferrum::Error& error) {
    GTEST_SKIP() << error.what();
  }
  const auto in = [&](const void* data, size_t bytes) {
    const DevicePointer memory = device->allocate(bytes);
    device->check(device->driver().cuMemcpyHtoDAsync_v2(memory, data, bytes, device->stream()), "copying");
    return reinterpret_cast<void*>(memory);
  };
  const auto out = [&](void* to, const void* from, size_t bytes) {
    device->check(device->driver().cuMemcpyDtoHAsync_v2(to, reinterpret_cast<DevicePointer>(from), bytes,
                                                        device->stream()),
                  "copying");
    device->synchronize();
  };
  const auto run = [&](const Params& p) { device->launch("conformance_primitives", {}, 64, kShared, &p); };
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const Operands operands(seed);
    const Results expected = emulated(operands), actual = results(operands, in, run, out);
    for (size_t i = 0; i < expected.whole.size(); ++i)
      ASSERT_EQ(actual.whole[i], expected.whole[i])
          << "word " << i / kLanes << " of lane " << i % kLanes << ", seed " << seed;
    for (size_t i = 0; i < expected.rounded.size(); ++i)
      ASSERT_NEAR(actual.rounded[i], expected.rounded[i], 4e-6 * std::abs(expected.rounded[i]) + 1e-6)
          << "number " << i / kLanes << " of lane " << i % kLanes << ", seed " << seed;
  }
#endif
}

}  // namespace
