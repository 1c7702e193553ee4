// Writes every operation into a trace, nested in its layer and its forward pass. Waits for the device after
// each operation, so the sum exceeds the time of an unobserved step.
#pragma once
#include <string>

#include "backend/observers/observing_backend.h"
#include "base/trace_file.h"

namespace ferrum {

class TracingBackend final : public ObservingBackend {
 public:
  // The machine's limits; 0: unknown. If known, an operation's share of its limit is recorded.
  struct Limits {
    double bytes_per_second = 0;
    double operations_per_second = 0;
  };

  // Both must outlive this object. `pass` is the track's name for a forward pass.
  TracingBackend(Backend& inner, TraceFile& trace, TraceFile::Track track, std::string pass = "forward");

  void run(const StepShape& shape, const std::function<void()>& body) override;

  void set_limits(const Limits& limits) { limits_ = limits; }
  // Forwards operations untraced until resume().
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }

 protected:
  void observe(const OperationCall& call, FunctionRef<void()> operation) override;

 private:
  using Clock = TraceFile::Clock;

  void end_layer();

  TraceFile& trace_;
  TraceFile::Track track_;
  std::string pass_;
  Limits limits_;
  bool paused_ = false;
  std::optional<int> layer_;  // of the open layer slice
  Clock::time_point layer_begin_;
  Clock::time_point last_end_;  // of an operation, or the beginning of the forward pass
};

}  // namespace ferrum
