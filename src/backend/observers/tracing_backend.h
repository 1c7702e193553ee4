// Writes every operation into a trace, within its layer, within its forward pass. Waits for the device after
// each operation, so the sum is more than an unobserved step.
#pragma once
#include <string>

#include "backend/observers/observing_backend.h"
#include "base/trace_file.h"

namespace ferrum {

class TracingBackend final : public ObservingBackend {
 public:
  // Of the machine; 0: unknown. Where they are known, an operation's share of what they allow is told.
  struct Limits {
    double bytes_per_second = 0;
    double operations_per_second = 0;
  };

  // Both must outlive this. `pass` is what the track calls a forward pass.
  TracingBackend(Backend& inner, TraceFile& trace, TraceFile::Track track, std::string pass = "forward");

  void run(const StepShape& shape, const std::function<void()>& body) override;

  void set_limits(const Limits& limits) { limits_ = limits; }
  // Passes operations on unseen until it is resumed.
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
  std::optional<int> layer_;  // that is open
  Clock::time_point layer_begin_;
  Clock::time_point last_end_;  // of an operation, or the begin of the forward pass
};

}  // namespace ferrum
