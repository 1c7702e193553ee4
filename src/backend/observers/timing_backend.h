// Measures every operation: time, calls, and the bytes that it cannot do without, so that GB/s can be held
// against the machine's bandwidth. Waits for the device after each operation, so the sum is more than an
// unobserved step.
#pragma once
#include <chrono>
#include <iosfwd>
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

  explicit TimingBackend(Backend& inner) : ObservingBackend(inner), start_(Clock::now()) {}

  // By the operation's name.
  const std::map<std::string, Total, std::less<>>& totals() const { return totals_; }
  // By operation and shape, as `describe` gives them.
  const std::map<std::string, Total>& shapes() const { return shapes_; }
  // Of operation and shape: timing_table(shapes()).
  std::string table() const;
  // For chrome://tracing or ui.perfetto.dev. Only the first kMaxEvents operations are in it.
  void write_trace(std::ostream& out) const;
  void clear();

  // Passes operations on unmeasured until it is resumed.
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }

 protected:
  void observe(const OperationCall& call, FunctionRef<void()> operation) override;

 private:
  static constexpr size_t kMaxEvents = 1'000'000;
  struct Event {
    const std::string* what;  // a key of shapes_
    std::string_view name;
    double begin_us;
    double us;
  };

  // Weights that take part, inputs, outputs, keys and values. Experts: no more than the tokens can choose, so
  // an upper bound where several tokens choose the same.
  double bytes_of(const OperationCall& call);

  bool paused_ = false;
  Clock::time_point start_;
  std::map<std::string, Total, std::less<>> totals_;
  std::map<std::string, Total> shapes_;
  std::vector<Event> events_;
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
