#include "models/adapted_backend.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum {
namespace {

constexpr int kExpertRows = 32;  // rows whose experts are computed one product after the other, at once

int expanded_width(const ModelDescription& model) {
  int width = 0;
  for (int i = 0; i < model.depth_with_mtp(); ++i) {
    const FeedForwardDescription& f = model.layer(i).feed_forward;
    width = std::max({width, f.experts == 0 ? f.width : 0, f.shared_width, f.beside_width});
  }
  return std::max((model.gated ? 2 : 1) * width, model.per_layer_width);
}

// Bits are copied whatever they mean.
Tensor as_floats(Tensor t) {
  t.dtype = DType::kF32;
  return t;
}

}  // namespace

AdaptedBackend::Room::Room(Arena& arena, const ModelDescription& model, const Limits& limits)
    : low(arena.allocate(DType::kF32, 1,
                         int64_t{AdapterTables::kMostRanks} * std::min(limits.tokens, kAdapterBlock))) {
  if (const int width = expanded_width(model); width > 0)
    expanded = arena.allocate(DType::kF32, limits.tokens, width);
  if (model.experts() == 0) return;
  int in = model.hidden, width = 0;
  for (int i = 0; i < model.depth_with_mtp(); ++i) {
    const FeedForwardDescription& f = model.layer(i).feed_forward;
    in = std::max(in, f.latent_width);
    if (f.experts > 0) width = std::max(width, f.width);
  }
  const int rows = std::min(kExpertRows, limits.tokens), top_k = model.routing.top_k;
  const int pairs = rows * top_k;
  inputs = arena.allocate(DType::kF32, pairs, in);
  up = arena.allocate(DType::kF32, pairs, (model.gated ? 2 : 1) * width);
  inner = arena.allocate(DType::kF32, pairs, width);
  down = arena.allocate(DType::kF32, pairs, in);
  sum = arena.allocate(DType::kF32, rows, in);
  ids = arena.allocate(DType::kI32, rows, top_k);
  weights = arena.allocate(DType::kF32, rows, top_k);
}

AdaptedBackend::AdaptedBackend(Backend& inner, const ModelDescription& model, const Limits& limits,
                               std::vector<WeightOrigin> origins)
    : ForwardingBackend(inner),
      arena_(inner),
      room_(arena_, model, limits),
      tables_(model, std::move(origins), limits.slots, inner.low_rank_dtype()) {}

size_t AdaptedBackend::bytes(const ModelDescription& model, const Limits& limits) {
  CountingArena arena;
  Room(arena, model, limits);
  return arena.bytes();
}

void AdaptedBackend::begin(const Step& step) {
  shape_ = step.shape;
  adapters_ = step.adapters;
  output_adapters_ = step.output_adapters;
}

// Where as many rows are read out as there are, they are the same, in the same order.
const StepAdapters* AdaptedBackend::adapters_of(int rows) const {
  if (adapters_.rows.empty()) return nullptr;
  if (rows == shape_.tokens) return &adapters_;
  check_equal(rows, shape_.outputs, "rows of a product: those of a step, or those read out");
  return &output_adapters_;
}

Tensor AdaptedBackend::low_of(int rows, const AdapterTables::Entry& entry) const {
  return shaped(room_.low, std::min(rows, kAdapterBlock), std::max(entry.most_ranks, 1));
}

void AdaptedBackend::add_adapters(Tensor out, Tensor x, const AdapterTables::Entry& entry,
                                  const AdapterRows& rows) {
  const int together = std::min(room_.low.cols / AdapterTables::kMostRanks, kAdapterBlock);
  for (int first = 0; first < out.rows; first += together) {
    const int count = std::min(together, out.rows - first);
    inner().add_low_rank(out.rows_at(first, count), x.rows_at(first, count), entry.ranks,
                         rows.at(first, count), low_of(count, entry));
  }
}

const AdapterTables::Entry* AdaptedBackend::added_to(const Weight& w, const StepAdapters* adapters) const {
  return adapters == nullptr ? nullptr : tables_.product(w);
}

void AdaptedBackend::embed(Tensor out, const Weight& table, Tensor tokens) {
  inner().embed(out, table, tokens);
  const StepAdapters* adapters = adapters_of(out.rows);
  if (adapters == nullptr) return;
  if (const AdapterTables::Entry* entry = tables_.lookup(table))
    inner().add_low_rank_of_tokens(out, tokens, entry->ranks, adapters->rows);
}

void AdaptedBackend::linear(Tensor out, Tensor x, const Weight& w) {
  const StepAdapters* adapters = adapters_of(x.rows);
  const AdapterTables::Entry* entry = added_to(w, adapters);
  if (entry == nullptr) return inner().linear(out, x, w);
  inner().linear_adapted(out, x, w, {entry->ranks, adapters->rows, low_of(x.rows, *entry), {}});
}

void AdaptedBackend::linear_heads(Tensor out, Tensor x, const Weight& w) {
  inner().linear_heads(out, x, w);
  const StepAdapters* adapters = adapters_of(x.rows);
  if (const AdapterTables::Entry* entry = added_to(w, adapters)) add_adapters(out, x, *entry, adapters->rows);
}

void AdaptedBackend::expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) {
  const StepAdapters* adapters = adapters_of(x.rows);
  const AdapterTables::Entry* entry = added_to(w, adapters);
  if (entry == nullptr) return inner().expand(out, x, w, activation);
  inner().expand_adapted(
      out, x, w, activation,
      {entry->ranks, adapters->rows, low_of(x.rows, *entry), shaped(room_.expanded, x.rows, w.rows())});
}

void AdaptedBackend::experts(Tensor out, Tensor x, const Routing& routing, const Weight& up,
                             const Weight& down, const Activation& activation) {
  Backend& b = inner();
  b.experts(out, x, routing, up, down, activation);
  const StepAdapters* adapters = adapters_of(x.rows);
  if (adapters == nullptr || adapters->expert_rows.empty()) return;
  const int top_k = routing.expert_ids.cols, width = out.cols;
  const auto add_to = [&](Tensor to, Tensor from, const Weight& w, const AdapterRows& rows) {
    if (const AdapterTables::Entry* entry = tables_.product(w)) add_adapters(to, from, *entry, rows);
  };
  for (int first = 0; first < adapters->expert_rows.rows; first += kExpertRows) {
    const int count = std::min(kExpertRows, adapters->expert_rows.rows - first);
    const int pairs = count * top_k;
    const Tensor rows = adapters->expert_rows.rows_at(first, count);
    const Tensor ids = shaped(room_.ids, count, top_k), weights = shaped(room_.weights, count, top_k);
    b.gather_rows(as_floats(ids), as_floats(routing.expert_ids), rows);
    b.gather_rows(weights, routing.weights, rows);
    const Tensor chosen = shaped(room_.ids, pairs, 1);
    AdapterRows of_pairs = adapters->pairs.at(first * top_k, pairs);
    of_pairs.matrix = chosen;
    of_pairs.matrices = up.groups();

    const Tensor inputs = shaped(room_.inputs, pairs, x.cols);
    b.gather_rows(inputs, x, adapters->pair_rows.rows_at(first * top_k, pairs));
    const Tensor product = shaped(room_.up, pairs, up.rows());
    b.linear_chosen(product, inputs, up, chosen);
    add_to(product, inputs, up, of_pairs);
    const Tensor expanded = shaped(room_.inner, pairs, down.cols());
    b.activate(expanded, product, activation);
    const Tensor given = shaped(room_.down, pairs, width);
    b.linear_chosen(given, expanded, down, chosen);
    add_to(given, expanded, down, of_pairs);

    const Tensor by_row = shaped(room_.down, count, top_k * width), sum = shaped(room_.sum, count, width);
    b.apply_gate(by_row, weights, GateKind::kItself);
    b.norm(sum, by_row.columns(0, width), {});  // a copy
    for (int i = 1; i < top_k; ++i) b.add(sum, by_row.columns(i * width, width), 1);
    b.scatter_rows(out, sum, rows);
  }
}

}  // namespace ferrum
