// Whether memory is taken from the system, or only counted: a plan runs the code that reserves.
#pragma once
#include <cstdint>

namespace ferrum::cpu {

enum class Room : uint8_t { kTaken, kCounted };

}  // namespace ferrum::cpu
