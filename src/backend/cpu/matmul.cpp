#include "backend/cpu/matmul.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum::cpu {
namespace {

// A span of each fits, with a tile's inputs, into a first-level cache of 32 KiB.
constexpr int kPanelsOfTile = 2;

int index_of(Format format) { return static_cast<int>(format); }

// Prefetches into the second-level cache.
void prefetch(const uint8_t* data, int64_t bytes) {
  for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(data + at, 0, 2);
}

}  // namespace

Matmul::Matmul(const Kernels& kernels, Activations activations, int workers, Room room)
    : kernels_(kernels), activations_(activations), room_(room), memory_(static_cast<size_t>(workers)) {
  const auto lanes = static_cast<size_t>(kernels.lanes);
  for (Memory& memory : memory_) {
    memory.sums.grow(size_t{2} * kPanelsAtOnce * (kMaxBatch + kTilePadding) * lanes, room);
    memory.unpacked.grow(static_cast<size_t>(kPanelsOfTile) * static_cast<size_t>(kernels.unpacked_bytes),
                         room);
    memory.expanded.grow(kSpan * lanes, room);
  }
}

Form Matmul::form_for(Format format) const {
  if (activations_ == Activations::kFloat32) return Form::kFloats;
  if (!is_float(format)) return Form::kQuantized;
  const bool pairs = activations_ == Activations::kBf16 && kernels_.has_pair_dot;
  return format == Format::kBF16 && pairs ? Form::kHalves : Form::kFloats;
}

void Matmul::add_form(Forms& forms, Format format) const {
  const Form form = form_for(format);
  forms.quantized |= form == Form::kQuantized;
  forms.floats |= form == Form::kFloats;
  forms.halves |= form == Form::kHalves;
}

Forms Matmul::forms_for(const CpuWeight& w) const {
  Forms forms;
  w.each_format([&](Format format) { add_form(forms, format); });
  return forms;
}

Forms Matmul::forms_for(const WeightShape& w) const {
  Forms forms;
  for (const Format format : w.formats) add_form(forms, format);
  return forms;
}

void Matmul::reserve(const WeightShape& w) {
  if (!w.has_orders) return;
  for (Memory& memory : memory_) memory.ordered.grow(static_cast<size_t>(w.cols), room_);
}

size_t Matmul::bytes() const {
  size_t bytes = 0;
  for (const Memory& m : memory_)
    bytes += m.sums.bytes() + m.unpacked.bytes() + m.expanded.bytes() + m.ordered.bytes();
  return bytes;
}

void Matmul::take_input(Tensor row, Taker taker, const InputArray& to, SpanPlace place, int worker) const {
  const Forms forms = forms_for(taker.weight);
  for (int i = 0; i < taker.weight.orders(); ++i, place.first += place.order_stride) {
    const int32_t* order = taker.weight.order(taker.group, i);
    if (order == nullptr) {
      take_spans(row, forms, to, place);
      continue;
    }
    float* ordered = memory_[static_cast<size_t>(worker)].ordered.data();
    for (int col = 0; col < row.cols; ++col) ordered[col] = *row.at<float>(0, order[col]);
    take_spans({ordered, DType::kF32, 1, row.cols, row.cols}, forms, to, place);
  }
}

void Matmul::take_spans(Tensor row, Forms forms, const InputArray& to, SpanPlace place) const {
  const float* x = row.at<float>(0);
  if (forms.quantized) kernels_.quantize(x, row.cols, to.quantized() + place.first, place.stride);
  int64_t span = place.first;
  for (int col = 0; col < row.cols; col += kSpan, span += place.stride) {
    const int count = std::min(kSpan, row.cols - col);
    if (forms.floats) {
      float* values = to.floats()[span].values;
      std::copy_n(x + col, count, values);
      std::fill(values + count, values + kSpan, 0.0f);
    }
    if (forms.halves) {
      uint16_t* values = to.halves()[span].values;
      kernels_.convert[static_cast<int>(DType::kBF16)](values, x + col, count);
      std::fill(values + count, values + kSpan, uint16_t{0});
    }
  }
}

PanelSums Matmul::multiply(const CpuWeight& w, int group, Range panels, const Inputs& inputs, int worker,
                           Set set) const {
  check(inputs.tokens <= kMaxBatch && panels.size() * (inputs.tokens + kTilePadding) <=
                                          int64_t{kPanelsAtOnce} * (kMaxBatch + kTilePadding),
        "memory for the sums");
  const Memory& memory = memory_[static_cast<size_t>(worker)];
  const int lanes = kernels_.lanes;
  const int64_t panel_stride = static_cast<int64_t>(inputs.tokens + kTilePadding) * lanes;
  const PanelSums sums = {
      memory.sums.data() +
          (set == Set::kSecond ? int64_t{kPanelsAtOnce} * (kMaxBatch + kTilePadding) * lanes : 0),
      panel_stride};

  const float* bias = w.bias(group);
  w.each_run(group, panels, [&](const PanelRun& run) {
    const PanelSums of_run = sums.from(run.first_panel - panels.begin);
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
  const Form form = form_for(run.format);
  const bool stays_float = is_float(run.format);
  const bool quantized = form == Form::kQuantized;
  const auto multiply =
      form == Form::kHalves ? kernels_.multiply_pairs : kernels_.formats.of[format].multiply;
  PanelTask task = {.panels = run.panels,
                    .panel_stride = run.panel_bytes,
                    .panel_count = run.panel_count,
                    .cols = cols,
                    .inputs = inputs.from_span(form, run.order, 0),
                    .input_stride = inputs.stride,
                    .tokens = inputs.tokens,
                    .sums = sums.data,
                    .sums_stride = sums.panel_stride};
  if (inputs.tokens <= kernels_.formats.of[format].direct_tokens && (stays_float || quantized))
    return multiply(task);

  // Columns are the outer loop, so that the inputs of a few spans stay in the second-level cache for all
  // panels.
  const auto span_bytes = static_cast<int64_t>(panel_bytes(run.format, kernels_.lanes, kSpan));
  for (int64_t span = 0; span < spans_of(cols); ++span) {
    task.inputs = inputs.from_span(form, run.order, span);
    task.cols = static_cast<int>(std::min<int64_t>(kSpan, cols - span * kSpan));
    for (int p = 0; p < run.panel_count; p += task.panel_count) {
      const uint8_t* panel = run.panels + p * run.panel_bytes + span * span_bytes;
      task.sums = sums.data + p * sums.panel_stride;
      task.panel_count = stays_float || quantized ? std::min(kPanelsOfTile, run.panel_count - p) : 1;
      if (stays_float) {
        task.panels = panel;
        multiply(task);
      } else if (quantized) {
        for (int i = 0; i < task.panel_count; ++i)
          kernels_.formats.of[format].unpack(panel + i * run.panel_bytes, task.cols,
                                             memory.unpacked.data() + int64_t{i} * kernels_.unpacked_bytes);
        // Prefetch the next panel while this one is multiplied.
        const bool ends_span = p + task.panel_count == run.panel_count && span + 1 < spans_of(cols);
        const uint8_t* next =
            ends_span ? run.panels + (span + 1) * span_bytes : panel + task.panel_count * run.panel_bytes;
        for (int i = 0; i < task.panel_count; ++i) prefetch(next + i * run.panel_bytes, span_bytes);
        task.panels = memory.unpacked.data();
        task.panel_stride = kernels_.unpacked_bytes;
        kernels_.formats.of[format].multiply_unpacked(task);
      } else {
        kernels_.formats.of[format].expand(panel, task.cols, memory.expanded.data());
        task.panels = reinterpret_cast<const uint8_t*>(memory.expanded.data());
        kernels_.formats.of[index_of(Format::kF32)].multiply(task);
      }
    }
  }
}

}  // namespace ferrum::cpu
