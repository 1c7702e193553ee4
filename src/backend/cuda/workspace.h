// Memory of the device that an operation needs while it runs. All operations share it, since one runs after
// the other.
#pragma once
#include "backend/cuda/device_buffer.h"
#include "base/error.h"

namespace ferrum::cuda {

class Workspace {
 public:
  Workspace(Device& device, size_t bytes) : device_(device), memory_(device, bytes) {}

  size_t bytes() const { return memory_.bytes(); }
  // Grows to this many bytes. Not while operations are issued.
  void reserve(size_t bytes) {
    if (bytes <= memory_.bytes()) return;
    device_.synchronize();
    memory_ = DeviceMemory(device_, bytes);
  }

 private:
  friend class Room;
  Device& device_;
  DeviceMemory memory_;
};

// What one operation takes of it. Error kNoMemory where it is too small.
class Room {
 public:
  explicit Room(const Workspace& workspace) : at_(workspace.memory_.address()), left_(workspace.bytes()) {}

  template <class T>
  T* take(size_t count) {
    const size_t bytes = rounded(count * sizeof(T));
    if (bytes > left_)
      fail(ErrorCode::kNoMemory, "an operation needs {} bytes more than the workspace on the GPU has left",
           bytes - left_);
    T* const taken = reinterpret_cast<T*>(at_);
    at_ += bytes;
    left_ -= bytes;
    return taken;
  }
  static constexpr size_t rounded(size_t bytes) { return (bytes + 255) / 256 * 256; }

 private:
  DevicePointer at_;
  size_t left_;
};

}  // namespace ferrum::cuda
