// Records which operations ran, in order: for tests of a model's wiring.
#pragma once
#include <vector>

#include "backend/observers/observing_backend.h"

namespace ferrum {

class RecordingBackend final : public ObservingBackend {
 public:
  using ObservingBackend::ObservingBackend;

  // In the form of describe(), e.g. "linear [3, 64] × [128, 64] -> [3, 128]".
  const std::vector<std::string>& operations() const { return operations_; }
  void clear() { operations_.clear(); }

 protected:
  void observe(const OperationCall& call, FunctionRef<void()> operation) override {
    operations_.push_back(describe(call));
    operation();
  }

 private:
  std::vector<std::string> operations_;
};

}  // namespace ferrum
