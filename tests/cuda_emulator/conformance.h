// Every primitive of gpu.h on random operands, as one kernel: run on a device and on the emulator.
#pragma once
#include <cstdint>

namespace conformance {

inline constexpr int kLanes = 32;
inline constexpr int kWhole = 40;   // words of a lane that are the same bits everywhere
inline constexpr int kFloats = 24;  // numbers of a lane that may be rounded otherwise

struct Params {
  const uint32_t* words;   // [64, kLanes] random bits
  const float* numbers;    // [8, kLanes] of magnitude 1 to 4
  const uint16_t* halves;  // [64, 8] bf16 of magnitude 1 to 4
  uint32_t* whole;         // [kWhole, kLanes]
  float* rounded;          // [kFloats, kLanes]
};

}  // namespace conformance
