// What an engine's counters say of the device that its backend computes on.
#pragma once
#include "backend/device_report.h"
#include "ferrum/engine.h"

namespace ferrum {

class DeviceWatch {
 public:
  // The report of the backend outlives this. Null: it computes on the CPU, and its statistics are empty.
  explicit DeviceWatch(const DeviceReport* report);

  // Asks what is free too, which takes the driver a while. On the thread that uses the backend, as the next.
  void look();
  // As of the last look(), but with a failure as of now.
  DeviceStats stats() const;

 private:
  const DeviceReport* report_;  // or null
  DeviceStats seen_;
};

}  // namespace ferrum
