// Memory of a device, owned.
#pragma once
#include <utility>

#include "backend/backend.h"
#include "backend/cuda/driver/device.h"
#include "base/check.h"

namespace ferrum::cuda {

class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(Device& device, size_t bytes)
      : device_(&device), address_(bytes == 0 ? 0 : device.allocate(bytes)), bytes_(bytes) {}
  ~DeviceMemory() {
    if (address_ != 0) device_->release(address_);
  }
  DeviceMemory(DeviceMemory&& other) noexcept { *this = std::move(other); }
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(address_, other.address_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  DevicePointer address() const { return address_; }
  size_t bytes() const { return bytes_; }

 private:
  Device* device_ = nullptr;
  DevicePointer address_ = 0;
  size_t bytes_ = 0;
};

class DeviceBuffer final : public Buffer {
 public:
  DeviceBuffer(Device& device, size_t bytes) : memory_(device, bytes) {}
  void* data() override { return reinterpret_cast<void*>(memory_.address()); }
  size_t bytes() const override { return memory_.bytes(); }

 private:
  DeviceMemory memory_;
};

}  // namespace ferrum::cuda
