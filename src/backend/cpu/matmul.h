// Products of panels and inputs, and the memory that they need.
//
// For a few tokens, a kernel reads packed panels once, from memory. For more, panels are unpacked in pairs, a
// span at a time, into a worker's first-level cache and multiplied with all tokens there; the sums stay in
// the second level.
#pragma once
#include <vector>

#include "backend/cpu/aligned_array.h"
#include "backend/cpu/cpu_weight.h"
#include "backend/cpu/inputs.h"
#include "tensor/tensor.h"

namespace ferrum::cpu {

inline constexpr int kMaxBatch = 256;    // tokens per product; more are taken in several products
inline constexpr int kPanelsAtOnce = 8;  // panels whose sums a worker keeps

class Matmul {
 public:
  Matmul(const Kernels& kernels, Activations activations, int workers, Room room = Room::kTaken);

  const Kernels& kernels() const { return kernels_; }

  Forms forms_for(const CpuWeight& w) const;
  Forms forms_for(const WeightShape& w) const;

  // Makes room for inputs of w; not called within an operation. Throws std::bad_alloc.
  void reserve(const WeightShape& w);
  size_t bytes() const;

  // Converts one row of activations, [1, cols], to the forms and column orders of a weight's group.
  struct Taker {
    const CpuWeight& weight;
    int group;
  };
  void take_input(Tensor row, Taker taker, const InputArray& to, SpanPlace place, int worker) const;

  // The products of up to kPanelsAtOnce panels of a group with the inputs, including biases, in the worker's
  // own memory: in the first or the second of two sets, which may be in use at the same time.
  enum class Set : uint8_t { kFirst, kSecond };
  PanelSums multiply(const CpuWeight& w, int group, Range panels, const Inputs& inputs, int worker,
                     Set set = Set::kFirst) const;

  float* scratch(int worker) const { return memory_[static_cast<size_t>(worker)].expanded.data(); }

 private:
  struct Memory {                    // of one worker
    AlignedArray<float> sums;        // [2, kPanelsAtOnce, kMaxBatch + padding, lanes]
    AlignedArray<uint8_t> unpacked;  // a span of two panels
    AlignedArray<float> expanded;    // a span of a panel in float32: [kSpan, lanes]
    AlignedArray<float> ordered;     // a row of inputs in another column order, for weights that have one
  };

  Form form_for(Format format) const;
  void add_form(Forms& forms, Format format) const;
  void take_spans(Tensor row, Forms forms, const InputArray& to, SpanPlace place) const;
  void multiply_run(const PanelRun& run, int cols, const Inputs& inputs, const PanelSums& sums,
                    const Memory& memory) const;

  const Kernels& kernels_;
  Activations activations_;
  Room room_;
  std::vector<Memory> memory_;
};

}  // namespace ferrum::cpu
