// The stand-in driver as a library, so that the program itself can run on the emulated GPU:
//   FERRUM_CUDA_LIBRARY=build/tests/libcuda_emulated.so ferrum run --backend cuda …
#include <cstdlib>

#include "emulator.h"
#include "stand_in_driver.h"

namespace {

// A number from the environment.
size_t number_in(const char* name, size_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<size_t>(std::strtoull(text, nullptr, 10));
}

// FERRUM_CUDA_DEVICES, _VERSION, _MEMORY (bytes), _OTHERS (bytes) and _LOST_BEHIND (launches): what StandIn
// has.
gpu::emulated::StandIn stand_in() {
  gpu::emulated::StandIn device;
  device.devices = static_cast<int>(number_in("FERRUM_CUDA_DEVICES", 1));
  device.version = static_cast<int>(number_in("FERRUM_CUDA_VERSION", 13000));
  device.memory = number_in("FERRUM_CUDA_MEMORY", device.memory);
  device.others = number_in("FERRUM_CUDA_OTHERS", 0);
  device.lost_behind = static_cast<int>(number_in("FERRUM_CUDA_LOST_BEHIND", 0));
  return device;
}

// FERRUM_CUDA_SCHEDULE: 2: several blocks side by side; 3: threads that are interrupted at their accesses.
const ferrum::cuda::Driver& driver() {
  static const ferrum::cuda::Driver* const only = [] {
    const char* const chosen = std::getenv("FERRUM_CUDA_SCHEDULE");
    const int seed = chosen == nullptr ? 1 : std::atoi(chosen);
    gpu::emulated::set_options({.seed = static_cast<uint64_t>(seed),
                                .resident_blocks = seed == 2 ? 3 : 1,
                                .preempt_every = seed == 3 ? 50 : 0});
    return &gpu::emulated::stand_in_driver(stand_in());
  }();
  return *only;
}

}  // namespace

// For tests that load this library.
extern "C" const gpu::emulated::StandInCounts* ferrum_stand_in_counts() {
  return &gpu::emulated::stand_in_counts();
}

// Parameters and arguments of a call, by the number of their types.
// clang-format off
#define FERRUM_PARAMETERS_1(type) type a1
#define FERRUM_PARAMETERS_2(type, ...) type a2, FERRUM_PARAMETERS_1(__VA_ARGS__)
#define FERRUM_PARAMETERS_3(type, ...) type a3, FERRUM_PARAMETERS_2(__VA_ARGS__)
#define FERRUM_PARAMETERS_4(type, ...) type a4, FERRUM_PARAMETERS_3(__VA_ARGS__)
#define FERRUM_PARAMETERS_5(type, ...) type a5, FERRUM_PARAMETERS_4(__VA_ARGS__)
#define FERRUM_PARAMETERS_6(type, ...) type a6, FERRUM_PARAMETERS_5(__VA_ARGS__)
#define FERRUM_PARAMETERS_7(type, ...) type a7, FERRUM_PARAMETERS_6(__VA_ARGS__)
#define FERRUM_PARAMETERS_8(type, ...) type a8, FERRUM_PARAMETERS_7(__VA_ARGS__)
#define FERRUM_PARAMETERS_9(type, ...) type a9, FERRUM_PARAMETERS_8(__VA_ARGS__)
#define FERRUM_PARAMETERS_10(type, ...) type a10, FERRUM_PARAMETERS_9(__VA_ARGS__)
#define FERRUM_PARAMETERS_11(type, ...) type a11, FERRUM_PARAMETERS_10(__VA_ARGS__)
#define FERRUM_PARAMETERS_12(type, ...) type a12, FERRUM_PARAMETERS_11(__VA_ARGS__)
#define FERRUM_ARGUMENTS_1 a1
#define FERRUM_ARGUMENTS_2 a2, FERRUM_ARGUMENTS_1
#define FERRUM_ARGUMENTS_3 a3, FERRUM_ARGUMENTS_2
#define FERRUM_ARGUMENTS_4 a4, FERRUM_ARGUMENTS_3
#define FERRUM_ARGUMENTS_5 a5, FERRUM_ARGUMENTS_4
#define FERRUM_ARGUMENTS_6 a6, FERRUM_ARGUMENTS_5
#define FERRUM_ARGUMENTS_7 a7, FERRUM_ARGUMENTS_6
#define FERRUM_ARGUMENTS_8 a8, FERRUM_ARGUMENTS_7
#define FERRUM_ARGUMENTS_9 a9, FERRUM_ARGUMENTS_8
#define FERRUM_ARGUMENTS_10 a10, FERRUM_ARGUMENTS_9
#define FERRUM_ARGUMENTS_11 a11, FERRUM_ARGUMENTS_10
#define FERRUM_ARGUMENTS_12 a12, FERRUM_ARGUMENTS_11
#define FERRUM_NAME_OF(a, b, c, d, e, f, g, h, i, j, k, l, n, ...) n
#define FERRUM_BY_COUNT(name, ...) \
  FERRUM_NAME_OF(__VA_ARGS__, name##_12, name##_11, name##_10, name##_9, name##_8, name##_7, name##_6, name##_5, name##_4, name##_3, name##_2, name##_1, none)
#define FERRUM_CUDA_EXPORT(name, ...) \
  extern "C" ferrum::cuda::Result name(FERRUM_BY_COUNT(FERRUM_PARAMETERS, __VA_ARGS__)(__VA_ARGS__)) { \
    return driver().name(FERRUM_BY_COUNT(FERRUM_ARGUMENTS, __VA_ARGS__)); \
  }
// clang-format on
using namespace ferrum::cuda;
FERRUM_CUDA_CALLS(FERRUM_CUDA_EXPORT)
