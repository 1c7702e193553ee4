#include "engine/local/queue_places.h"

#include "base/error.h"

namespace ferrum {

std::shared_ptr<void> QueuePlaces::take() {
  const int taken = taken_->fetch_add(1);
  std::shared_ptr<void> place(nullptr, [count = taken_](void*) { --*count; });
  if (taken >= most_) fail(ErrorCode::kQueueFull, "{} requests wait already: try again later", taken);
  return place;
}

}  // namespace ferrum
