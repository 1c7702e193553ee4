#include "backend/cuda/staging.h"

#include <cstring>

namespace ferrum::cuda {

Staging::Staging(Device& device)
    : device_(device),
      memory_(static_cast<std::byte*>(device.allocate_pinned((kSlots + 1) * kSlotBytes))),
      results_(memory_ + kSlots * kSlotBytes) {
  device_.check(device_.driver().cuEventCreate(&fetched_, kWithoutTiming), "making an event");
  for (Event& event : done_)
    device_.check(device_.driver().cuEventCreate(&event, kWithoutTiming), "making an event");
}

Staging::~Staging() {
  device_.driver().cuEventDestroy_v2(fetched_);
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
  if (from.size() > kSlots * kSlotBytes) {  // the driver stages it itself
    device_.check(driver.cuMemcpyHtoDAsync_v2(to, from.data(), from.size(), device_.stream()),
                  "copying to the device");
    return;
  }
  for (; from.size() > kSlotBytes; to += kSlotBytes, from = from.subspan(kSlotBytes))
    copy(to, from.first(kSlotBytes));
  if (from.size() > kSlotBytes - used_) next_slot();
  std::byte* const staged = memory_ + slot_ * kSlotBytes + used_;
  std::memcpy(staged, from.data(), from.size());
  device_.check(driver.cuMemcpyHtoDAsync_v2(to, staged, from.size(), device_.stream()),
                "copying to the device");
  used_ += (from.size() + 15) / 16 * 16;
  if (used_ > kSlotBytes) used_ = kSlotBytes;
}

void Staging::fetch(std::span<std::byte> to, DevicePointer from) {
  const Driver& driver = device_.driver();
  const bool is_small = to.size() <= kSlotBytes;  // else the driver stages it itself
  device_.check(
      driver.cuMemcpyDtoHAsync_v2(is_small ? results_ : to.data(), from, to.size(), device_.stream()),
      "copying from the device");
  device_.check(driver.cuEventRecord(fetched_, device_.stream()), "recording an event");
  device_.check(driver.cuEventSynchronize(fetched_), "waiting for results");
  if (is_small) std::memcpy(to.data(), results_, to.size());
}

}  // namespace ferrum::cuda
