#include "backend/cuda/staging.h"

#include <cstring>

namespace ferrum::cuda {

Staging::Staging(Device& device)
    : device_(device), memory_(static_cast<std::byte*>(device.allocate_pinned(kSlots * kSlotBytes))) {
  for (Event& event : done_)
    device_.check(device_.driver().cuEventCreate(&event, kWithoutTiming), "making an event");
}

Staging::~Staging() {
  for (const Event event : done_) device_.driver().cuEventDestroy_v2(event);
  device_.release_pinned(memory_);
}

void Staging::next_slot() {
  device_.check(device_.driver().cuEventRecord(done_[slot_], device_.stream()), "recording an event");
  slot_ = (slot_ + 1) % kSlots;
  used_ = 0;
  device_.check(device_.driver().cuEventSynchronize(done_[slot_]), "waiting for a copy");
}

void Staging::copy(DevicePointer to, std::span<const std::byte> from) {
  const Driver& driver = device_.driver();
  if (from.size() > kSlotBytes) {  // the driver stages it itself
    device_.check(driver.cuMemcpyHtoDAsync_v2(to, from.data(), from.size(), device_.stream()),
                  "copying to the device");
    return;
  }
  if (from.size() > kSlotBytes - used_) next_slot();
  std::byte* const staged = memory_ + slot_ * kSlotBytes + used_;
  std::memcpy(staged, from.data(), from.size());
  device_.check(driver.cuMemcpyHtoDAsync_v2(to, staged, from.size(), device_.stream()),
                "copying to the device");
  used_ += (from.size() + 15) / 16 * 16;
  if (used_ > kSlotBytes) used_ = kSlotBytes;
}

}  // namespace ferrum::cuda
