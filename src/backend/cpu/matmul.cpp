#include "backend/cpu/matmul.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum::cpu {
namespace {

constexpr int kPanelsOfTile = 2;  // a span of each, beside a tile's inputs, in a first-level cache of 32 KiB

int index_of(Format format) { return static_cast<int>(format); }

}  // namespace

Matmul::Matmul(const Kernels& kernels, Activations activations, int workers)
    : kernels_(kernels), activations_(activations), memory_(static_cast<size_t>(workers)) {
  const auto lanes = static_cast<size_t>(kernels.lanes);
  for (Memory& memory : memory_) {
    memory.sums.grow(size_t{2} * kPanelsAtOnce * (kMaxBatch + kTilePadding) * lanes);
    memory.unpacked.grow(static_cast<size_t>(kPanelsOfTile) * static_cast<size_t>(kernels.unpacked_bytes));
    memory.expanded.grow(kSpan * lanes);
  }
}

void Matmul::take_input(Tensor row, InputArray::Forms forms, const InputArray& to, SpanPlace place) const {
  const float* x = row.at<float>(0);
  if (forms.quantized) kernels_.quantize(x, row.cols, to.quantized() + place.first, place.stride);
  if (!forms.floats) return;
  FloatSpan* span = to.floats() + place.first;
  for (int col = 0; col < row.cols; col += kSpan, span += place.stride) {
    const int count = std::min(kSpan, row.cols - col);
    std::copy_n(x + col, count, span->values);
    std::fill(span->values + count, span->values + kSpan, 0.0f);
  }
}

PanelSums Matmul::multiply(const CpuWeight& w, int group, Range panels, const Inputs& inputs, int worker,
                           Set set) const {
  check(panels.size() <= kPanelsAtOnce && inputs.tokens <= kMaxBatch, "memory for the sums");
  const Memory& memory = memory_[static_cast<size_t>(worker)];
  const int lanes = kernels_.lanes;
  const int64_t panel_stride = static_cast<int64_t>(inputs.tokens + kTilePadding) * lanes;
  const PanelSums sums = {
      memory.sums.data() +
          (set == Set::kSecond ? int64_t{kPanelsAtOnce} * (kMaxBatch + kTilePadding) * lanes : 0),
      panel_stride};

  const float* bias = w.bias(group);
  w.each_run(group, panels, [&](const PanelRun& run) {
    const PanelSums of_run = {sums.data + (run.first_panel - panels.begin) * panel_stride, panel_stride};
    for (int p = 0; p < run.panel_count; ++p) {
      float* begin = of_run.data + p * panel_stride;
      std::fill_n(begin, inputs.tokens * lanes, 0.0f);
      if (bias == nullptr) continue;
      const int rows = std::min(lanes, run.rows - p * lanes);
      for (int t = 0; t < inputs.tokens; ++t)
        std::copy_n(bias + run.first_row + p * lanes, rows, begin + t * lanes);
    }
    multiply_run(run, w.cols(), inputs, of_run, memory);
  });
  return sums;
}

void Matmul::multiply_run(const PanelRun& run, int cols, const Inputs& inputs, const PanelSums& sums,
                          const Memory& memory) const {
  const int format = index_of(run.format);
  const bool stays_float = is_float(run.format);
  const bool quantized = !stays_float && activations_ == Activations::kInt8;
  PanelTask task = {.panels = run.panels,
                    .panel_stride = run.panel_bytes,
                    .panel_count = run.panel_count,
                    .cols = cols,
                    .inputs = quantized ? static_cast<const void*>(inputs.quantized) : inputs.floats,
                    .input_stride = inputs.stride,
                    .tokens = inputs.tokens,
                    .sums = sums.data,
                    .sums_stride = sums.panel_stride};
  if (inputs.tokens <= kernels_.direct_tokens && (stays_float || quantized))
    return kernels_.multiply[format](task);

  // Columns outside, so that the inputs of a few spans stay in the second-level cache for all panels.
  const auto span_bytes = static_cast<int64_t>(panel_bytes(run.format, kernels_.lanes, kSpan));
  for (int64_t span = 0; span < spans_of(cols); ++span) {
    const Inputs from = inputs.from_span(span);
    task.inputs = quantized ? static_cast<const void*>(from.quantized) : from.floats;
    task.cols = static_cast<int>(std::min<int64_t>(kSpan, cols - span * kSpan));
    for (int p = 0; p < run.panel_count; p += task.panel_count) {
      const uint8_t* panel = run.panels + p * run.panel_bytes + span * span_bytes;
      task.sums = sums.data + p * sums.panel_stride;
      task.panel_count = stays_float || quantized ? std::min(kPanelsOfTile, run.panel_count - p) : 1;
      if (stays_float) {
        task.panels = panel;
        kernels_.multiply[format](task);
      } else if (quantized) {
        for (int i = 0; i < task.panel_count; ++i)
          kernels_.unpack[format](panel + i * run.panel_bytes, task.cols,
                                  memory.unpacked.data() + int64_t{i} * kernels_.unpacked_bytes);
        task.panels = memory.unpacked.data();
        task.panel_stride = kernels_.unpacked_bytes;
        kernels_.multiply_unpacked[format](task);
      } else {
        kernels_.expand[format](panel, task.cols, memory.expanded.data());
        task.panels = reinterpret_cast<const uint8_t*>(memory.expanded.data());
        kernels_.multiply[index_of(Format::kF32)](task);
      }
    }
  }
}

}  // namespace ferrum::cpu
