// What a backend that computes on a device of its own says of it: those on the CPU have none.
#pragma once
#include <cstdint>
#include <string>

#include "backend/backend.h"
#include "base/error.h"

namespace ferrum {

struct DeviceInfo {
  std::string name;          // "NVIDIA H200"
  std::string architecture;  // "sm_90"
  int multiprocessors = 0;
  uint64_t memory = 0;  // bytes
  // By clocks and widths, not measured; 0: not known.
  double read_bandwidth = 0;  // bytes/s
  double operations = 0;      // of bf16 on tensor cores with sums in float32, /s
};

// After this nothing can be computed any more: what the device holds may be wrong.
class DeviceLost : public Error {
 public:
  explicit DeviceLost(const std::string& message) : Error(ErrorCode::kUnavailable, message) {}
};

// What decides whether a device can compute a layer; 0: it has no such thing.
struct LayerSizes {
  HeadShape heads = {};
  DType kv = DType::kF32;  // of the keys and values
  int convolution = 0;     // inputs that a convolution sees
  int state_rows = 0;      // of the memory of a head of a recurrent layer
};

class DeviceReport {
 public:
  virtual ~DeviceReport() = default;
  virtual DeviceInfo device() const = 0;
  virtual uint64_t free_device_memory() const = 0;  // bytes, as of now; on the thread that uses the backend
  virtual std::string device_failure() const = 0;   // of DeviceLost; empty: it works
  // Why the device cannot compute a layer of these sizes; empty: it can.
  virtual std::string refusal_of(const LayerSizes&) const { return {}; }
};

}  // namespace ferrum
