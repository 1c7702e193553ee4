// Downloads into pinned memory, each followed by an event that says when it is done.
#pragma once
#include <functional>
#include <utility>

#include "backend/cuda/driver/device.h"
#include "backend/landing.h"
#include "base/check.h"

namespace ferrum::cuda {

class DeviceLanding final : public Landing {
 public:
  // `leave_graph` is called before a copy is issued, which is part of no graph. The device outlives this.
  DeviceLanding(Device& device, size_t bytes, std::function<void()> leave_graph)
      : device_(device),
        bytes_(bytes),
        leave_graph_(std::move(leave_graph)),
        memory_(static_cast<std::byte*>(device.allocate_pinned(bytes))) {
    device_.check(device_.driver().cuEventCreate(&done_, kWithoutTiming), "making an event");
  }
  ~DeviceLanding() override {
    device_.driver().cuEventSynchronize(done_);  // no copy is under way into memory that goes
    device_.driver().cuEventDestroy_v2(done_);
    device_.release_pinned(memory_);
  }

  void begin(Tensor src) override {
    check(src.bytes() <= bytes_, "a download fits where it lands");
    leave_graph_();
    landed_ = {memory_, src.bytes()};
    if (landed_.empty()) return;
    device_.check(device_.driver().cuMemcpyDtoHAsync_v2(memory_, reinterpret_cast<DevicePointer>(src.data),
                                                        landed_.size(), device_.stream()),
                  "copying from the device");
    device_.check(device_.driver().cuEventRecord(done_, device_.stream()), "recording an event");
  }

  std::span<const std::byte> wait() override {
    device_.check(device_.driver().cuEventSynchronize(done_), "waiting for a copy");
    return landed_;
  }

 private:
  Device& device_;
  size_t bytes_;
  std::function<void()> leave_graph_;
  std::byte* memory_;
  std::span<const std::byte> landed_;
  Event done_ = nullptr;
};

}  // namespace ferrum::cuda
