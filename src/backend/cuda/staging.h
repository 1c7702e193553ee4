// Copies from the host to the device that do not wait: through pinned memory, in slots which are used again
// once their copies are done.
#pragma once
#include <array>
#include <cstddef>
#include <span>

#include "backend/cuda/driver/device.h"

namespace ferrum::cuda {

class Staging {
 public:
  explicit Staging(Device& device);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // `from` may be changed when this returns.
  void copy(DevicePointer to, std::span<const std::byte> from);

 private:
  static constexpr size_t kSlotBytes = 256 << 10;
  static constexpr size_t kSlots = 4;

  void next_slot();

  Device& device_;
  std::byte* memory_;
  std::array<Event, kSlots> done_ = {};
  size_t slot_ = 0;
  size_t used_ = 0;  // of the slot
};

}  // namespace ferrum::cuda
