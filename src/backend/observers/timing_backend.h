// Measures every operation: time, calls, and the bytes that it cannot do without, so that GB/s can be held
// against the machine's bandwidth. Waits for the device after each operation, so the sum is more than an
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

  // By the operation's name.
  const std::map<std::string, Total, std::less<>>& totals() const { return totals_; }
  // By operation and shape, as `describe` gives them.
  const std::map<std::string, Total>& shapes() const { return shapes_; }
  // By the model's layer: "layer 3", and "no layer" for what is before and behind them.
  const std::map<std::string, Total>& layers() const { return layers_; }
  // Of operation and shape: timing_table(shapes()).
  std::string table() const;
  void clear();

  // Passes operations on unmeasured until it is resumed.
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
  double share;             // of the time of all
  double bytes_per_second;  // of what it cannot do without
};
// The most expensive first.
std::vector<TimedOperation> by_time(const std::map<std::string, TimingBackend::Total>& shapes);

// by_time, in lines.
std::string timing_table(const std::map<std::string, TimingBackend::Total>& shapes);

}  // namespace ferrum
