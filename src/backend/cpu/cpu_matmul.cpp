// Products with weights: linear and expand.
#include <algorithm>

#include "backend/cpu/added_ranks.h"
#include "backend/cpu/cpu_backend.h"
#include "base/check.h"

namespace ferrum {
namespace {

using cpu::as_cpu;
using cpu::CpuWeight;
using cpu::Inputs;
using cpu::kMaxBatch;
using cpu::PanelSums;
using cpu::RankSums;

// Of few tokens a worker can keep the sums of more panels than kPanelsAtOnce. That pays where adapters add to
// them: the columns that these panels need are read one after the other in each row of an adapter's matrix.
constexpr int kPanelsWithAdapters = 32;
constexpr int kFewTokens =
    (kMaxBatch + cpu::kTilePadding) * cpu::kPanelsAtOnce / kPanelsWithAdapters - cpu::kTilePadding;

// Calls body(panels) for as many panels at a time as a worker keeps the sums of.
template <class Body>
void in_chunks(Range panels, int tokens, const RankSums* added, const Body& body) {
  const bool more = added != nullptr && tokens <= kFewTokens;
  const int64_t together = more ? kPanelsWithAdapters : cpu::kPanelsAtOnce;
  for (int64_t p = panels.begin; p < panels.end; p += together)
    body(Range{p, std::min(p + together, panels.end)});
}

}  // namespace

Inputs CpuBackend::inputs_of(Tensor x, const CpuWeight& w, const cpu::InputArray& memory,
                             const RankSums* added) {
  const int64_t order_stride = cpu::spans_of(x.cols) * x.rows;
  const auto take = [&](Range rows, int worker) {
    for (int t = static_cast<int>(rows.begin); t < rows.end; ++t)
      memory_.matmul.take_input(x.row(t), {w, 0}, memory, {t, x.rows, order_stride}, worker);
  };
  if (added == nullptr || added->units() == 0)
    pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int worker) noexcept {
      take({begin, end}, worker);
    });
  else  // each worker takes its part of both
    pool_.parallel_for(pool_.size(), [&](int64_t begin, int64_t end, int worker) noexcept {
      for (auto part = static_cast<int>(begin); part < end; ++part) {
        take(part_of(x.rows, pool_.size(), part), worker);
        added->make_inner(part_of(added->units(), pool_.size(), part));
      }
    });
  return memory.inputs(x.rows, memory_.matmul.forms_for(w), order_stride);
}

void CpuBackend::linear(Tensor out, Tensor x, const Weight& weight) { multiply(out, x, weight, nullptr); }

void CpuBackend::linear_adapted(Tensor out, Tensor x, const Weight& weight, const AddedRanks& added) {
  multiply(out, x, weight, &added);
}

void CpuBackend::multiply(Tensor out, Tensor x, const Weight& weight, const AddedRanks* added) {
  const CpuWeight& w = as_cpu(weight);
  check_equal(x.cols, w.cols(), "input width");
  check_equal(out.cols, w.rows(), "output width");
  each_block(x, added, [&](int first, Tensor some, const RankSums* sums) {
    const Inputs inputs = inputs_of(some, w, memory_.inputs, sums);
    const Tensor to = out.rows_at(first, some.rows);
    pool_.parallel_for(w.panels(), [&](int64_t begin, int64_t end, int worker) noexcept {
      multiply_to(to, w, 0, {begin, end}, inputs, worker, sums);
    });
  });
}

// body(first, rows of x, what is added to their product, or null) for as many rows at once as the memory of
// products holds.
template <class Body>
void CpuBackend::each_block(Tensor x, const AddedRanks* added, const Body& body) const {
  static_assert(kMaxBatch == kAdapterBlock, "rows are sorted within what is multiplied at once");
  for (int first = 0; first < x.rows; first += kMaxBatch) {
    const Tensor some = x.rows_at(first, std::min(kMaxBatch, x.rows - first));
    if (added == nullptr) {
      body(first, some, nullptr);
      continue;
    }
    const AddedRanks of_some = {added->adapters, added->rows.at(first, some.rows), added->room, {}};
    const RankSums sums(kernels_, of_some, some);
    body(first, some, &sums);
  }
}

// Each worker takes the inputs of the heads whose panels it multiplies, a batch of rows after the other.
void CpuBackend::linear_heads(Tensor out, Tensor x, const Weight& weight) {
  const CpuWeight& w = as_cpu(weight);
  check_equal(x.cols, w.groups() * w.cols(), "width of all heads' inputs");
  check_equal(out.cols, w.groups() * w.rows(), "width of all heads' outputs");
  const cpu::Forms forms = memory_.matmul.forms_for(w);
  const int64_t panels = w.panels();
  pool_.parallel_for(w.groups() * panels, [&](int64_t begin, int64_t end, int worker) noexcept {
    const cpu::InputArray& memory = memory_.head_inputs[static_cast<size_t>(worker)];
    for (int64_t at = begin; at < end;) {
      const int head = static_cast<int>(at / panels);
      const Range own = {at % panels, std::min(panels, at % panels + end - at)};
      for (int first = 0; first < x.rows; first += cpu::kHeadBatch) {
        const int tokens = std::min(cpu::kHeadBatch, x.rows - first);
        const int64_t order_stride = cpu::spans_of(w.cols()) * tokens;
        const Tensor from = x.rows_at(first, tokens).columns(head * w.cols(), w.cols());
        for (int t = 0; t < tokens; ++t)
          memory_.matmul.take_input(from.row(t), {w, head}, memory, {t, tokens, order_stride}, worker);
        multiply_to(out.rows_at(first, tokens).columns(head * w.rows(), w.rows()), w, head, own,
                    memory.inputs(tokens, forms, order_stride), worker);
      }
      at += own.size();
    }
  });
}

void CpuBackend::multiply_to(Tensor out, const CpuWeight& w, int group, Range panels, const Inputs& inputs,
                             int worker, const RankSums* added) const {
  in_chunks(panels, inputs.tokens, added, [&](Range some) {
    const PanelSums sums = memory_.matmul.multiply(w, group, some, inputs, worker);
    w.each_run(group, some, [&](const cpu::PanelRun& run) {
      if (added != nullptr) added->add_to(run, sums.from(run.first_panel - some.begin));
      kernels_.copy_sums({out.at<float>(0, run.first_row), out.stride, inputs.tokens, run.rows},
                         sums.from(run.first_panel - some.begin));
    });
  });
}

void CpuBackend::expand(Tensor out, Tensor x, const Weight& weight, const Activation& activation) {
  multiply_and_activate(out, x, weight, activation, nullptr);
}

void CpuBackend::expand_adapted(Tensor out, Tensor x, const Weight& weight, const Activation& activation,
                                const AddedRanks& added) {
  multiply_and_activate(out, x, weight, activation, &added);
}

void CpuBackend::multiply_and_activate(Tensor out, Tensor x, const Weight& weight,
                                       const Activation& activation, const AddedRanks* added) {
  const Expansion by = {as_cpu(weight), activation};
  check_equal(x.cols, by.w.cols(), "input width");
  check_equal(out.cols, by.width(), "expanded width");
  each_block(x, added, [&](int first, Tensor some, const RankSums* sums) {
    const Inputs inputs = inputs_of(some, by.w, memory_.inputs, sums);
    const Tensor to = out.rows_at(first, some.rows);
    pool_.parallel_for(by.panels(), [&](int64_t begin, int64_t end, int worker) noexcept {
      expand_to(to, by, 0, {begin, end}, inputs, worker, sums);
    });
  });
}

void CpuBackend::expand_to(Tensor out, const Expansion& by, int group, Range panels, const Inputs& inputs,
                           int worker, const RankSums* added) const {
  const CpuWeight& w = by.w;
  const Activation& a = by.activation;
  const cpu::ActivationConstants constants = {a.limit, a.alpha, a.positive, a.negative, a.beta};
  const auto gate_sums = kernels_.gate_sums[static_cast<int>(a.kind)];
  const auto apply_sums = kernels_.apply_sums[static_cast<int>(a.kind)];
  check(a.gated || apply_sums != nullptr, "an activation that is defined without a gate");
  const int64_t half = w.panels() / 2;  // the middle of the rows begins a panel
  in_chunks(panels, inputs.tokens, added, [&](Range some) {
    const PanelSums sums = memory_.matmul.multiply(w, group, some, inputs, worker);
    PanelSums up = {};
    if (a.gated)
      up = memory_.matmul.multiply(w, group, {half + some.begin, half + some.end}, inputs, worker,
                                   cpu::Matmul::Set::kSecond);
    if (added != nullptr && a.gated)
      w.each_run(group, {half + some.begin, half + some.end}, [&](const cpu::PanelRun& run) {
        added->add_to(run, up.from(run.first_panel - half - some.begin));
      });
    w.each_run(group, some, [&](const cpu::PanelRun& run) {
      const int64_t first = run.first_panel - some.begin;
      if (added != nullptr) added->add_to(run, sums.from(first));
      const cpu::SumRows to = {out.at<float>(0, run.first_row), out.stride, inputs.tokens, run.rows};
      if (a.gated)
        gate_sums(to, sums.from(first), up.from(first), constants);
      else
        apply_sums(to, sums.from(first), constants);
    });
  });
}

}  // namespace ferrum
