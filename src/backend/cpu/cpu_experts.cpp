// The mixture of experts.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "backend/cpu/cpu_backend.h"
#include "base/check.h"

namespace ferrum {

using cpu::as_cpu;
using cpu::CpuWeight;
using cpu::Inputs;
using cpu::kMaxBatch;

void CpuBackend::experts(Tensor out, Tensor x, const Routing& routing, const Weight& up, const Weight& down,
                         const Activation& activation) {
  const Expansion up_by = {as_cpu(up), activation};
  const CpuWeight& down_w = as_cpu(down);
  check_equal(x.cols, up_by.w.cols(), "input width");
  check_equal(up_by.width(), down_w.cols(), "expanded width");
  check_equal(out.cols, down_w.rows(), "output width");
  const int step = memory_.experts.tokens_for(routing.expert_ids.cols, std::max(down_w.cols(), out.cols));
  for (int first = 0; first < x.rows; first += step) {
    const int count = std::min(step, x.rows - first);
    const Routing part = {routing.expert_ids.rows_at(first, count), routing.weights.rows_at(first, count)};
    memory_.experts.assign(part, up_by.w.groups());
    experts_of_batch(out.rows_at(first, count), x.rows_at(first, count), part, up_by, down_w);
  }
}

// Calls body(expert, its slots) for every expert, with at most kMaxBatch of its tokens at a time.
template <class Body>
void CpuBackend::each_batch(const Body& body) const {
  for (const int32_t expert : memory_.experts.chosen()) {
    const Range slots = memory_.experts.slots_of(expert);
    for (int64_t slot = slots.begin; slot < slots.end; slot += kMaxBatch)
      body(expert, slot, static_cast<int>(std::min<int64_t>(kMaxBatch, slots.end - slot)));
  }
}

// Each worker takes its share of every expert's panels, so that the work on a popular expert is divided too.
void CpuBackend::experts_of_batch(Tensor out, Tensor x, const Routing& routing, const Expansion& up,
                                  const CpuWeight& down) {
  const int width = down.cols();
  const int pairs = memory_.experts.pairs();
  const Tensor inner = {memory_.experts.inner(), DType::kF32, pairs, width, width};
  const Tensor result = {memory_.experts.result(), DType::kF32, pairs, out.cols, out.cols};

  // Quantised once for all experts, unless their columns have different orders.
  const cpu::Forms forms = memory_.matmul.forms_for(up.w);
  const bool is_gathered = x.rows > 1 || up.w.has_orders();
  Inputs tokens;
  if (up.w.has_orders()) {
    take_slots([&](int slot) { return x.row(memory_.experts.token_of(slot)); }, up.w,
               memory_.experts.gathered_array());
  } else {
    tokens = inputs_of(x, up.w, memory_.experts.token_inputs());
    if (is_gathered) gather_inputs(tokens, up.w.cols());
  }
  pool_.on_each_worker([&](int worker) noexcept {
    each_batch([&](int expert, int64_t slot, int count) {
      const Inputs inputs = is_gathered ? memory_.experts.gathered(slot, count, up.w.cols(), forms) : tokens;
      expand_to(inner.rows_at(static_cast<int>(slot), count), up, expert,
                part_of(up.panels(), pool_.size(), worker), inputs, worker);
    });
  });

  take_slots([&](int slot) { return inner.row(slot); }, down, memory_.experts.inner_array());
  const cpu::Forms inner_forms = memory_.matmul.forms_for(down);
  pool_.on_each_worker([&](int worker) noexcept {
    each_batch([&](int expert, int64_t slot, int count) {
      const Inputs inputs = memory_.experts.inner_inputs(slot, count, width, inner_forms);
      multiply_to(result.rows_at(static_cast<int>(slot), count), down, expert,
                  part_of(down.panels(), pool_.size(), worker), inputs, worker);
    });
  });

  const int top_k = routing.expert_ids.cols;
  pool_.parallel_for(out.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      std::fill_n(out.at<float>(t), out.cols, 0.0f);
      for (int i = 0; i < top_k; ++i)
        kernels_.add_scaled(out.at<float>(t), result.at<float>(memory_.experts.slot(t, i, top_k)),
                            *routing.weights.at<float>(t, i), out.cols);
    }
  });
}

void CpuBackend::linear_chosen(Tensor out, Tensor x, const Weight& weight, Tensor matrix) {
  const CpuWeight& w = as_cpu(weight);
  check_equal(x.cols, w.cols(), "input width");
  check_equal(out.cols, w.rows(), "output width");
  const int step = memory_.experts.tokens_for(1, std::max(w.cols(), w.rows()));
  const cpu::Forms forms = memory_.matmul.forms_for(w);
  for (int first = 0; first < out.rows; first += step) {
    const int count = std::min(step, out.rows - first);
    memory_.experts.assign({matrix.rows_at(first, count), {}}, w.groups());
    const Tensor result = {memory_.experts.result(), DType::kF32, count, w.rows(), w.rows()};
    take_slots([&](int slot) { return x.row(first + memory_.experts.token_of(slot)); }, w,
               memory_.experts.gathered_array());
    pool_.on_each_worker([&](int worker) noexcept {
      each_batch([&](int group, int64_t slot, int rows) {
        multiply_to(result.rows_at(static_cast<int>(slot), rows), w, group,
                    part_of(w.panels(), pool_.size(), worker),
                    memory_.experts.gathered(slot, rows, w.cols(), forms), worker);
      });
    });
    pool_.parallel_for(count, [&](int64_t begin, int64_t end, int) noexcept {
      for (int i = static_cast<int>(begin); i < end; ++i)
        std::copy_n(result.at<float>(memory_.experts.slot(i, 0, 1)), w.rows(), out.at<float>(first + i));
    });
  }
}

// Copies each pair's input behind the others of its expert. The slots of one batch of one expert are laid out
// like the tokens of any other product.
void CpuBackend::gather_inputs(const Inputs& tokens, int cols) {
  const cpu::InputArray& gathered = memory_.experts.gathered_array();
  pool_.parallel_for(memory_.experts.pairs(), [&](int64_t begin, int64_t end, int) noexcept {
    for (int64_t slot = begin; slot < end; ++slot) {
      const cpu::SpanPlace place = memory_.experts.place_of(static_cast<int>(slot), cols);
      const int token = memory_.experts.token_of(static_cast<int>(slot));
      for (int64_t span = 0; span < cpu::spans_of(cols); ++span) {
        const int64_t from = span * tokens.stride + token;
        const int64_t to = place.first + span * place.stride;
        if (tokens.quantized != nullptr) gathered.quantized()[to] = tokens.quantized[from];
        if (tokens.floats != nullptr) gathered.floats()[to] = tokens.floats[from];
        if (tokens.halves != nullptr) gathered.halves()[to] = tokens.halves[from];
      }
    }
  });
}

void CpuBackend::take_slots(FunctionRef<Tensor(int)> row_of_slot, const CpuWeight& w,
                            const cpu::InputArray& to) {
  pool_.parallel_for(memory_.experts.pairs(), [&](int64_t begin, int64_t end, int worker) noexcept {
    for (int slot = static_cast<int>(begin); slot < end; ++slot)
      memory_.matmul.take_input(row_of_slot(slot), {w, memory_.experts.expert_of(slot)}, to,
                                memory_.experts.place_of(slot, w.cols()), worker);
  });
}

}  // namespace ferrum
