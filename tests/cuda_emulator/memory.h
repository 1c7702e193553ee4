// The device's addresses: one reserved range, with a byte of state for each byte and a record of who used it
// for each four. Global memory comes first, then a window of shared memory for each resident block.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gpu::emulated {

inline constexpr uintptr_t kGlobalBytes = uintptr_t{1} << 30;
inline constexpr uintptr_t kWindowBytes = uintptr_t{1} << 20;  // of one block's shared memory, with gaps
inline constexpr int kWindows = 16;
inline constexpr uintptr_t kDeviceBytes = kGlobalBytes + kWindows * kWindowBytes;

enum State : uint8_t { kNothing, kUnwritten, kInFlight, kWritten };

// Who: thread 10 bits, block 17, atomic 1, bytes of the four 4.
struct Record {
  uint32_t writer, write_clock;
  uint32_t reader, read_clock;    // the last
  uint32_t reader2, read_clock2;  // another thread's that is not known to have been before it
  uint32_t write_pc, read_pc;
};

struct Memory {
  Memory();
  bool contains(uintptr_t address) const { return address - base < kDeviceBytes; }
  bool is_shared(uintptr_t address) const { return address - base >= kGlobalBytes; }
  uint8_t* state_of(uintptr_t address) const { return state + (address - base); }

  uintptr_t base = 0;
  uint8_t* state = nullptr;
  Record* records = nullptr;
};
extern Memory memory;

}  // namespace gpu::emulated
