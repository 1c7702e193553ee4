#include "engine/local/device_watch.h"

namespace ferrum {

DeviceWatch::DeviceWatch(const DeviceReport* report) : report_(report) {
  if (report_ == nullptr) return;
  const DeviceInfo device = report_->device();
  seen_ = {.name = device.name, .architecture = device.architecture, .memory = device.memory};
  look();
}

void DeviceWatch::look() {
  if (report_ != nullptr) seen_.free = report_->free_device_memory();
}

DeviceStats DeviceWatch::stats() const {
  DeviceStats stats = seen_;
  if (report_ != nullptr) stats.failure = report_->device_failure();
  return stats;
}

}  // namespace ferrum
