// Products with weights: linear, swiglu, and the mixture of experts.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "backend/cpu/cpu_backend.h"
#include "base/check.h"

namespace ferrum {
namespace {

using cpu::as_cpu;
using cpu::Batch;
using cpu::CpuWeight;
using cpu::kMaxBatch;
using cpu::kRowTile;

constexpr int kGateRows = 32;  // gate and up are computed for so many rows at a time and then joined

int64_t tiles_of(int64_t rows) { return (rows + kRowTile - 1) / kRowTile; }

// The rows in tiles [begin, end).
Range rows_in(int64_t begin, int64_t end, int64_t rows) {
  return {begin * kRowTile, std::min<int64_t>(end * kRowTile, rows)};
}

Tensor rows_from(Tensor t, int first, int count) {
  return {t.address(first, 0), t.dtype, count, t.cols, t.stride};
}

}  // namespace

void CpuBackend::reserve_for_gate_and_experts(const CpuWeight& w) {
  for (auto& memory : gate_up_) memory.grow(size_t{2} * kMaxBatch * kGateRows);
  expert_memory_.reserve(w.groups(), w.cols());
  const auto largest_batch = static_cast<size_t>(std::max(kMaxBatch, expert_memory_.capacity()));
  if (identity_.size() >= largest_batch) return;
  identity_.grow(largest_batch);
  std::iota(identity_.data(), identity_.data() + largest_batch, 0);
}

Batch CpuBackend::batch_of(Tensor x, const CpuWeight& w, const cpu::QuantizedArray& memory) {
  Batch batch = {x.at<float>(0), x.stride, {}, identity_.data(), x.rows};
  if (!matmul_.quantizes(w)) return batch;
  batch.quantized = memory.rows_of(x.cols);
  pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int64_t t = begin; t < end; ++t)
      kernels_.quantize(x.at<float>(static_cast<int>(t)), x.cols, batch.quantized, t);
  });
  return batch;
}

void CpuBackend::linear(Tensor out, Tensor x, const Weight& weight) {
  const CpuWeight& w = as_cpu(weight);
  check_equal(x.cols, w.cols(), "input width");
  check_equal(out.cols, w.rows(), "output width");
  const int step = cpu::batch_rows(x.cols);
  for (int first = 0; first < x.rows; first += step) {
    const Batch batch = batch_of(rows_from(x, first, std::min(step, x.rows - first)), w, inputs_);
    pool_.parallel_for(tiles_of(w.rows()), [&](int64_t begin, int64_t end, int worker) noexcept {
      const Range rows = rows_in(begin, end, w.rows());
      matmul_.multiply(w, 0, rows, batch, out.at<float>(first, static_cast<int>(rows.begin)), out.stride,
                       worker);
    });
  }
}

void CpuBackend::multiply_gated(const CpuWeight& gate_up, int group, Range rows, const Batch& batch,
                                float* out, int64_t stride, int worker) const {
  const int width = gate_up.rows() / 2;
  float* gate = gate_up_[static_cast<size_t>(worker)].data();
  float* up = gate + kMaxBatch * kGateRows;
  for (int64_t r = rows.begin; r < rows.end; r += kGateRows) {
    const Range part = {r, std::min<int64_t>(r + kGateRows, rows.end)};
    matmul_.multiply(gate_up, group, part, batch, gate, kGateRows, worker);
    matmul_.multiply(gate_up, group, {width + part.begin, width + part.end}, batch, up, kGateRows, worker);
    for (int t = 0; t < batch.count; ++t)
      kernels_.silu_multiply(out + t * stride + (r - rows.begin), gate + t * kGateRows, up + t * kGateRows,
                             static_cast<int>(part.size()));
  }
}

void CpuBackend::swiglu(Tensor out, Tensor x, const Weight& weight) {
  const CpuWeight& w = as_cpu(weight);
  check_equal(x.cols, w.cols(), "input width");
  check_equal(out.cols * 2, w.rows(), "swiglu width");
  const int step = cpu::batch_rows(x.cols);
  for (int first = 0; first < x.rows; first += step) {
    const Batch batch = batch_of(rows_from(x, first, std::min(step, x.rows - first)), w, inputs_);
    pool_.parallel_for(tiles_of(out.cols), [&](int64_t begin, int64_t end, int worker) noexcept {
      const Range rows = rows_in(begin, end, out.cols);
      multiply_gated(w, 0, rows, batch, out.at<float>(first, static_cast<int>(rows.begin)), out.stride,
                     worker);
    });
  }
}

void CpuBackend::route(Routing out, Tensor router_logits, const RoutingRule& rule) {
  const int experts = router_logits.cols;
  check(rule.top_k >= 1 && rule.top_k <= experts, "as many experts as are chosen");
  pool_.parallel_for(router_logits.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      const float* logits = router_logits.at<float>(t);
      int32_t* ids = out.expert_ids.at<int32_t>(t);
      float* weights = out.weights.at<float>(t);
      const float highest = *std::max_element(logits, logits + experts);
      // Each round takes the largest of those behind the one taken before, in falling order, ties by rising
      // id.
      float last = std::numeric_limits<float>::infinity();
      int last_id = -1;
      float chosen = 0;
      for (int i = 0; i < rule.top_k; ++i) {
        int best = -1;
        for (int e = 0; e < experts; ++e) {
          const bool is_behind = logits[e] < last || (logits[e] == last && e > last_id);
          if (is_behind && (best < 0 || logits[e] > logits[best])) best = e;
        }
        if (best < 0) best = 0;  // what is left are NaNs; the weights will be, too
        ids[i] = best;
        weights[i] = std::exp(logits[best] - highest);
        chosen += weights[i];
        last = logits[best];
        last_id = best;
      }
      const float total = kernels_.sum_of_exp(logits, experts, highest);
      // Renormalised or not, a NaN among the logits makes the weights NaN.
      const float divisor = rule.renormalize ? chosen + 0 * total : total;
      for (int i = 0; i < rule.top_k; ++i) weights[i] /= divisor;
    }
  });
}

void CpuBackend::experts(Tensor out, Tensor x, const Routing& routing, const Weight& gate_up,
                         const Weight& down) {
  const CpuWeight& gate_up_w = as_cpu(gate_up);
  const CpuWeight& down_w = as_cpu(down);
  check_equal(x.cols, gate_up_w.cols(), "input width");
  check_equal(gate_up_w.rows(), 2 * down_w.cols(), "width of gate and up");
  check_equal(out.cols, down_w.rows(), "output width");
  const int step = expert_memory_.tokens_for(routing.expert_ids.cols, std::max(down_w.cols(), out.cols));
  for (int first = 0; first < x.rows; first += step) {
    const int count = std::min(step, x.rows - first);
    expert_memory_.assign(routing, first, count, gate_up_w.groups());
    const Routing part = {rows_from(routing.expert_ids, first, count),
                          rows_from(routing.weights, first, count)};
    experts_of_batch(rows_from(out, first, count), rows_from(x, first, count), part, gate_up_w, down_w);
  }
}

// Each worker takes its share of every expert's rows, so that a popular expert is everyone's work.
void CpuBackend::experts_of_batch(Tensor out, Tensor x, const Routing& routing, const CpuWeight& gate_up,
                                  const CpuWeight& down) {
  const int width = down.cols();
  float* inner = expert_memory_.inner();
  float* result = expert_memory_.result();
  // The slots of an expert in batches that the memory of a worker holds.
  const auto each_batch = [&](const Batch& of, const int32_t* rows, const auto& multiply) {
    for (int e = 0; e < gate_up.groups(); ++e) {
      const Range slots = expert_memory_.slots_of(e);
      for (int64_t slot = slots.begin; slot < slots.end; slot += kMaxBatch) {
        Batch batch = of;
        batch.rows = rows + slot;
        batch.count = static_cast<int>(std::min<int64_t>(kMaxBatch, slots.end - slot));
        multiply(e, slot, batch);
      }
    }
  };

  const Batch inputs = batch_of(x, gate_up, inputs_);
  pool_.parallel_for(tiles_of(width), [&](int64_t begin, int64_t end, int worker) noexcept {
    const Range rows = rows_in(begin, end, width);
    each_batch(inputs, expert_memory_.tokens(), [&](int expert, int64_t slot, const Batch& batch) {
      multiply_gated(gate_up, expert, rows, batch, inner + slot * width + rows.begin, width, worker);
    });
  });

  const Tensor inner_rows = {inner, DType::kF32, expert_memory_.pairs(), width, width};
  const Batch inners = batch_of(inner_rows, down, expert_memory_.quantized_inner());
  pool_.parallel_for(tiles_of(out.cols), [&](int64_t begin, int64_t end, int worker) noexcept {
    const Range rows = rows_in(begin, end, out.cols);
    each_batch(inners, identity_.data(), [&](int expert, int64_t slot, const Batch& batch) {
      matmul_.multiply(down, expert, rows, batch, result + slot * out.cols + rows.begin, out.cols, worker);
    });
  });

  const int top_k = routing.expert_ids.cols;
  pool_.parallel_for(out.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      float* sum = out.at<float>(t);
      std::fill_n(sum, out.cols, 0.0f);
      for (int i = 0; i < top_k; ++i) {
        const int slot = expert_memory_.slot(t, i, top_k);
        kernels_.add_scaled(sum, result + static_cast<int64_t>(slot) * out.cols,
                            *routing.weights.at<float>(t, i), out.cols);
      }
    }
  });
}

}  // namespace ferrum
