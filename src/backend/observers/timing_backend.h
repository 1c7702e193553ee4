// Measures every operation: time, calls, and its minimum traffic in bytes, so that GB/s can be compared with
// the machine's bandwidth. Waits for the device after each operation, so the sum exceeds the time of an
// unobserved step.
#pragma once
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "backend/observers/observing_backend.h"

namespace ferrum {

class TimingBackend final : public ObservingBackend {
 public:
  using Clock = std::chrono::steady_clock;

  struct Total {
    int64_t calls = 0;
    double seconds = 0;
    double bytes = 0;
  };

  using ObservingBackend::ObservingBackend;

  // By operation name.
  const std::map<std::string, Total, std::less<>>& totals() const { return totals_; }
  // By operation and shape, in the form of `describe`.
  const std::map<std::string, Total>& shapes() const { return shapes_; }
  // By layer of the model: "layer 3", or "no layer" for operations before and after the layers.
  const std::map<std::string, Total>& layers() const { return layers_; }
  // By operation and shape: timing_table(shapes()).
  std::string table() const;
  void clear();

  // Forwards operations unmeasured until resume().
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }

 protected:
  void observe(const OperationCall& call, FunctionRef<void()> operation) override;

 private:
  bool paused_ = false;
  std::map<std::string, Total, std::less<>> totals_;
  std::map<std::string, Total> shapes_;
  std::map<std::string, Total> layers_;
};

struct TimedOperation {
  std::string what;  // operation and shape
  TimingBackend::Total total;
  double share;             // of the time of all operations
  double bytes_per_second;  // of the minimum traffic
};
// Most expensive first.
std::vector<TimedOperation> by_time(const std::map<std::string, TimingBackend::Total>& shapes);

// by_time as lines of text.
std::string timing_table(const std::map<std::string, TimingBackend::Total>& shapes);

}  // namespace ferrum
