// The trace of an engine (EngineOptions::trace): on one track the steps, in them forward passes, layers and
// operations; and a track for every answer with the phases of its life.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/trace_file.h"
#include "engine/loop/loop_observer.h"

namespace ferrum {

class EngineTrace final : public LoopObserver {
 public:
  // Errors as TraceFile.
  explicit EngineTrace(const std::filesystem::path& file);

  // The same backend, with its operations in the trace. It must not outlive this. `pass` is what the trace
  // calls one of its forward passes.
  std::shared_ptr<Backend> watch(std::shared_ptr<Backend> backend, std::string pass);

  void step_began() override;
  void computed() override;
  void step_ended(const StepFacts& facts, const EngineStats& stats) override;
  void phase_ended(const Sequence& s) override;

 private:
  TraceFile file_;
  std::vector<std::shared_ptr<Backend>> watched_;
  Clock::time_point began_;
  Clock::time_point computed_;
};

}  // namespace ferrum
