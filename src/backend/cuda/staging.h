// Copies between the host and the device through pinned memory. Those to the device do not wait: they have
// slots, which are used again once their copies are done. One from the device waits for an event behind it.
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

  // `from` may be changed when this returns. One copy, where a slot has room for it.
  void copy(DevicePointer to, std::span<const std::byte> from);
  // Returns when `to` has what the device has at `from` behind all that was issued before.
  void fetch(std::span<std::byte> to, DevicePointer from);

 private:
  static constexpr size_t kSlotBytes = 1 << 20;
  static constexpr size_t kSlots = 4;

  void next_slot();

  Device& device_;
  std::byte* memory_;
  std::array<Event, kSlots> done_ = {};
  std::byte* results_;  // kSlotBytes
  Event fetched_ = nullptr;
  size_t slot_ = 0;
  size_t used_ = 0;  // of the slot
};

}  // namespace ferrum::cuda
