// The places of an engine's queue.
#pragma once
#include <atomic>
#include <memory>

namespace ferrum {

class QueuePlaces {
 public:
  explicit QueuePlaces(int most) : most_(most) {}

  // For any thread: a place, which is free again when the last copy of it is gone. Error kQueueFull.
  std::shared_ptr<void> take();

 private:
  int most_;
  std::shared_ptr<std::atomic<int>> taken_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace ferrum
