#include "backend/observers/checking_backend.h"

#include <cmath>
#include <cstring>

#include "backend/observers/observing_backend.h"
#include "base/log.h"
#include "tensor/half.h"

namespace ferrum {
namespace {

class CheckedWeight final : public Weight {
 public:
  CheckedWeight(const WeightSource& source, Backend& inner, Backend& reference)
      : Weight(source), of_inner(inner.pack(source)), of_reference(reference.pack(source)) {}

  std::unique_ptr<Weight> of_inner;
  std::unique_ptr<Weight> of_reference;
};

const CheckedWeight& as_checked(const Weight& w) { return dynamic_cast<const CheckedWeight&>(w); }

float element(const Tensor& t, int row, int col) {
  switch (t.dtype) {
    case DType::kF32:
      return *t.at<float>(row, col);
    case DType::kF16:
      return float_from_f16(*t.at<uint16_t>(row, col));
    case DType::kBF16:
      return float_from_bf16(*t.at<uint16_t>(row, col));
    case DType::kI32:
      return static_cast<float>(*t.at<int32_t>(row, col));
    case DType::kI8:
      return static_cast<float>(*t.at<int8_t>(row, col));
  }
  return 0;
}

double root_mean_square(const Tensor& t) {
  double squares = 0;
  for (int r = 0; r < t.rows; ++r)
    for (int c = 0; c < t.cols; ++c) squares += std::pow(static_cast<double>(element(t, r, c)), 2);
  return std::sqrt(squares / std::max(1.0, static_cast<double>(t.rows) * t.cols));
}

bool agree(float expected, float actual, double allowed) {
  if (std::isnan(expected) || std::isnan(actual)) return std::isnan(expected) && std::isnan(actual);
  return expected == actual || std::abs(static_cast<double>(expected) - actual) <= allowed;
}

}  // namespace

std::string Disagreement::message() const {
  return fmt::format("{}: {} at row {}, column {} is {}, not {} as in the reference (± {:.3g})", operation,
                     output, row, col, actual, expected, allowed);
}

CheckingBackend::CheckingBackend(Backend& inner, OnDisagreement on_disagreement,
                                 const CheckTolerances& tolerances)
    : BackendAround(inner), on_disagreement_(on_disagreement), tolerances_(tolerances) {}

CheckingBackend::CheckingBackend(std::unique_ptr<Backend> inner, OnDisagreement on_disagreement,
                                 const CheckTolerances& tolerances)
    : BackendAround(*inner),
      owned_(std::move(inner)),
      on_disagreement_(on_disagreement),
      tolerances_(tolerances) {}

std::unique_ptr<Weight> CheckingBackend::pack(const WeightSource& source) {
  return std::make_unique<CheckedWeight>(source, inner(), reference_);
}

void CheckingBackend::run(const StepShape&, const std::function<void()>& body) { body(); }

Tensor CheckingBackend::host(Tensor device) {
  if (device.empty()) return device;
  const size_t bytes =
      static_cast<size_t>(device.rows) * static_cast<size_t>(device.cols) * size_of(device.dtype);
  copies_.push_back(std::make_unique<std::byte[]>(bytes));
  inner().download({copies_.back().get(), bytes}, device);
  return {copies_.back().get(), device.dtype, device.rows, device.cols, device.cols};
}

Step CheckingBackend::host(const Step& step) {
  Step copy = step;
  for (Tensor Step::*tensor : {&Step::tokens, &Step::positions, &Step::query_start, &Step::context_len,
                               &Step::output_rows, &Step::types, &Step::state_slots})
    copy.*tensor = host(step.*tensor);
  for (size_t i = 0; i < step.kv.size(); ++i)
    copy.kv[i] = {host(step.kv[i].slots), host(step.kv[i].block_table)};
  return copy;
}

Norm CheckingBackend::host(const Norm& norm) {
  return {norm.kind, host(norm.weight), host(norm.bias), norm.eps};
}

AttentionLayer CheckingBackend::host(const AttentionLayer& layer) {
  AttentionLayer copy = layer;
  copy.rope.cos_sin = host(layer.rope.cos_sin);
  copy.q_norm = host(layer.q_norm);
  copy.k_norm = host(layer.k_norm);
  copy.v_norm = host(layer.v_norm);
  copy.sinks = host(layer.sinks);
  copy.slopes = host(layer.slopes);
  return copy;
}

void CheckingBackend::finish(const std::string& what, std::initializer_list<Output> outputs) {
  const std::string operation = fmt::format("#{} {}", operations_++, what);
  for (const Output& output : outputs) compare(operation, output);
  copies_.clear();
}

void CheckingBackend::take(Disagreement d) {
  constexpr int kMostLogged = 20;
  switch (on_disagreement_) {
    case OnDisagreement::kThrow:
      throw CheckFailure(d.message());
    case OnDisagreement::kCollect:
      disagreements_.push_back(std::move(d));
      return;
    case OnDisagreement::kLog:
      if (logged_ < kMostLogged) log::error("check: {}", d.message());
      if (++logged_ == kMostLogged) log::error("check: further differences are not logged");
  }
}

void CheckingBackend::compare(const std::string& operation, const Output& output) {
  const Tensor actual = host(output.device);
  double allowed = output.tolerance * root_mean_square(output.expected);
  if (actual.dtype == DType::kI8 && allowed > 0) allowed = 1;  // a byte may be rounded to its neighbour
  for (int r = 0; r < actual.rows; ++r) {
    for (int c = 0; c < actual.cols; ++c) {
      const float want = element(output.expected, r, c);
      const float have = element(actual, r, c);
      if (agree(want, have, allowed)) continue;
      take({operation, output.name, r, c, want, have, allowed});
      return;
    }
  }
}

void CheckingBackend::embed(Tensor out, const Weight& table, Tensor tokens) {
  const Tensor expected = host(out);
  reference_.embed(expected, *as_checked(table).of_reference, host(tokens));
  inner().embed(out, *as_checked(table).of_inner, tokens);
  finish(describe({.name = "embed", .out = out, .in = tokens, .weight = &table}),
         {{"out", out, expected, tolerances_.rounded}});
}

void CheckingBackend::norm(Tensor out, Tensor x, const Norm& norm) {
  const Tensor expected = host(out);
  reference_.norm(expected, host(x), host(norm));
  inner().norm(out, x, norm);
  finish(describe({.name = "norm", .out = out, .in = x}), {{"out", out, expected, tolerances_.rounded}});
}

void CheckingBackend::add_norm(Tensor out, Tensor residual, Tensor x, float scale, const Norm& norm) {
  const Tensor expected = host(out);
  const Tensor sum = host(residual);
  reference_.add_norm(expected, sum, host(x), scale, host(norm));
  inner().add_norm(out, residual, x, scale, norm);
  finish(describe({.name = "add_norm", .out = out, .in = x}),
         {{"out", out, expected, tolerances_.rounded}, {"residual", residual, sum, tolerances_.rounded}});
}

void CheckingBackend::add(Tensor to, Tensor x, float scale) {
  const Tensor expected = host(to);
  reference_.add(expected, host(x), scale);
  inner().add(to, x, scale);
  finish(describe({.name = "add", .out = to, .in = x}), {{"to", to, expected, tolerances_.rounded}});
}

void CheckingBackend::scale(Tensor x, float factor, float cap) {
  const Tensor expected = host(x);
  reference_.scale(expected, factor, cap);
  inner().scale(x, factor, cap);
  finish(describe({.name = "scale", .out = x, .in = x}), {{"x", x, expected, tolerances_.rounded}});
}

void CheckingBackend::linear(Tensor out, Tensor x, const Weight& w) {
  const Tensor expected = host(out);
  reference_.linear(expected, host(x), *as_checked(w).of_reference);
  inner().linear(out, x, *as_checked(w).of_inner);
  finish(describe({.name = "linear", .out = out, .in = x, .weight = &w}),
         {{"out", out, expected, tolerances_.product}});
}

void CheckingBackend::linear_heads(Tensor out, Tensor x, const Weight& w) {
  const Tensor expected = host(out);
  reference_.linear_heads(expected, host(x), *as_checked(w).of_reference);
  inner().linear_heads(out, x, *as_checked(w).of_inner);
  finish(describe({.name = "linear_heads", .out = out, .in = x, .weight = &w}),
         {{"out", out, expected, tolerances_.product}});
}

void CheckingBackend::linear_chosen(Tensor out, Tensor x, const Weight& w, Tensor matrix) {
  const Tensor expected = host(out);
  reference_.linear_chosen(expected, host(x), *as_checked(w).of_reference, host(matrix));
  inner().linear_chosen(out, x, *as_checked(w).of_inner, matrix);
  finish(describe({.name = "linear_chosen", .out = out, .in = x, .weight = &w}),
         {{"out", out, expected, tolerances_.product}});
}

void CheckingBackend::expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) {
  const Tensor expected = host(out);
  reference_.expand(expected, host(x), *as_checked(w).of_reference, activation);
  inner().expand(out, x, *as_checked(w).of_inner, activation);
  finish(describe({.name = "expand", .out = out, .in = x, .weight = &w}),
         {{"out", out, expected, tolerances_.product}});
}

void CheckingBackend::activate(Tensor out, Tensor x, const Activation& activation) {
  const Tensor expected = host(out);
  reference_.activate(expected, host(x), activation);
  inner().activate(out, x, activation);
  finish(describe({.name = "activate", .out = out, .in = x}), {{"out", out, expected, tolerances_.rounded}});
}

void CheckingBackend::apply_gate(Tensor x, Tensor gates, GateKind f) {
  const Tensor expected = host(x);
  reference_.apply_gate(expected, host(gates), f);
  inner().apply_gate(x, gates, f);
  finish(describe({.name = "apply_gate", .out = x, .in = gates}), {{"x", x, expected, tolerances_.rounded}});
}

void CheckingBackend::gather_rows(Tensor out, Tensor x, Tensor rows) {
  const Tensor expected = host(out);
  reference_.gather_rows(expected, host(x), host(rows));
  inner().gather_rows(out, x, rows);
  finish(describe({.name = "gather_rows", .out = out, .in = x}), {{"out", out, expected, 0}});
}

void CheckingBackend::scatter_rows(Tensor to, Tensor x, Tensor rows) {
  const Tensor expected = host(to);
  reference_.scatter_rows(expected, host(x), host(rows));
  inner().scatter_rows(to, x, rows);
  finish(describe({.name = "scatter_rows", .out = to, .in = x}), {{"to", to, expected, 0}});
}

LowRanks CheckingBackend::host(const LowRanks& adapters) {
  LowRanks copies = adapters;
  for (std::vector<LowRank>& parts : copies)
    for (LowRank& part : parts) part.a = host(part.a), part.b = host(part.b);
  return copies;
}

void CheckingBackend::add_low_rank(Tensor out, Tensor x, const LowRanks& adapters, const AdapterRows& rows,
                                   Tensor room) {
  const Tensor expected = host(out);
  reference_.add_low_rank(expected, host(x), host(adapters), host(rows), {});
  inner().add_low_rank(out, x, adapters, rows, room);
  finish(describe({.name = "add_low_rank", .out = out, .in = x}),
         {{"out", out, expected, tolerances_.rounded}});
}

void CheckingBackend::linear_adapted(Tensor out, Tensor x, const Weight& w, const AddedRanks& added) {
  const Tensor expected = host(out);
  const LowRanks adapters = host(added.adapters);
  reference_.linear_adapted(expected, host(x), *as_checked(w).of_reference,
                            {adapters, host(added.rows), host(added.room), {}});
  inner().linear_adapted(out, x, *as_checked(w).of_inner, added);
  finish(describe({.name = "linear_adapted", .out = out, .in = x, .weight = &w}),
         {{"out", out, expected, tolerances_.product}});
}

void CheckingBackend::expand_adapted(Tensor out, Tensor x, const Weight& w, const Activation& activation,
                                     const AddedRanks& added) {
  const Tensor expected = host(out);
  const LowRanks adapters = host(added.adapters);
  reference_.expand_adapted(expected, host(x), *as_checked(w).of_reference, activation,
                            {adapters, host(added.rows), host(added.room), host(added.product)});
  inner().expand_adapted(out, x, *as_checked(w).of_inner, activation, added);
  finish(describe({.name = "expand_adapted", .out = out, .in = x, .weight = &w}),
         {{"out", out, expected, tolerances_.product}});
}

void CheckingBackend::add_low_rank_of_tokens(Tensor out, Tensor tokens, const LowRanks& adapters,
                                             const AdapterRows& rows) {
  const Tensor expected = host(out);
  reference_.add_low_rank_of_tokens(expected, host(tokens), host(adapters), host(rows));
  inner().add_low_rank_of_tokens(out, tokens, adapters, rows);
  finish(describe({.name = "add_low_rank_of_tokens", .out = out, .in = tokens}),
         {{"out", out, expected, tolerances_.rounded}});
}

void CheckingBackend::pool(Tensor out, Tensor x, Tensor starts, Pooling how) {
  const Tensor expected = host(out);
  reference_.pool(expected, host(x), host(starts), how);
  inner().pool(out, x, starts, how);
  finish(describe({.name = "pool", .out = out, .in = x}), {{"out", out, expected, tolerances_.rounded}});
}

void CheckingBackend::rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  const Tensor expected = host(qkv);
  const KvLayer blocks = host(kv);
  reference_.rope_and_store(expected, blocks, host(step), host(layer));
  inner().rope_and_store(qkv, kv, step, layer);
  const double rounded = tolerances_.rounded;
  const double stored = kv.k.dtype == DType::kF32 ? rounded : tolerances_.half;
  finish(describe({.name = "rope_and_store", .in = qkv}),
         {{"qkv", qkv, expected, rounded},
          {"k", kv.k, blocks.k, stored},
          {"v", kv.v, blocks.v, stored},
          {"k_scales", kv.k_scales, blocks.k_scales, rounded},
          {"v_scales", kv.v_scales, blocks.v_scales, rounded}});
}

void CheckingBackend::attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step,
                             const AttentionLayer& layer) {
  const Tensor expected = host(out);
  reference_.attend(expected, host(qkv), host(kv), host(step), host(layer));
  inner().attend(out, qkv, kv, step, layer);
  finish(describe({.name = "attend", .out = out, .in = qkv}), {{"out", out, expected, tolerances_.rounded}});
}

void CheckingBackend::copy_blocks(KvLayer kv, Tensor from_to) {
  const KvLayer blocks = host(kv);
  reference_.copy_blocks(blocks, host(from_to));
  inner().copy_blocks(kv, from_to);
  finish(describe({.name = "copy_blocks", .in = from_to}), {{"k", kv.k, blocks.k, 0},
                                                            {"v", kv.v, blocks.v, 0},
                                                            {"k_scales", kv.k_scales, blocks.k_scales, 0},
                                                            {"v_scales", kv.v_scales, blocks.v_scales, 0}});
}

void CheckingBackend::convolve(Tensor x, StateLayer state, const Step& step, const Convolution& convolution) {
  const Tensor expected = host(x);
  const StateLayer states = {host(state.inputs), {}};
  reference_.convolve(expected, states, host(step),
                      {host(convolution.weight), host(convolution.bias), convolution.silu});
  inner().convolve(x, state, step, convolution);
  finish(describe({.name = "convolve", .out = x, .in = x}),
         {{"x", x, expected, tolerances_.rounded}, {"inputs", state.inputs, states.inputs, 0}});
}

void CheckingBackend::delta_rule(Tensor out, Tensor x, StateLayer state, const Step& step,
                                 const DeltaRule& rule) {
  const Tensor expected = host(out);
  const StateLayer states = {{}, host(state.memory)};
  DeltaRule host_rule = rule;
  host_rule.decay = host(rule.decay);
  host_rule.step_bias = host(rule.step_bias);
  host_rule.norm.weight = host(rule.norm.weight);
  reference_.delta_rule(expected, host(x), states, host(step), host_rule);
  inner().delta_rule(out, x, state, step, rule);
  finish(describe({.name = "delta_rule", .out = out, .in = x}),
         {{"out", out, expected, tolerances_.rounded},
          {"memory", state.memory, states.memory, tolerances_.rounded}});
}

void CheckingBackend::state_space(Tensor out, Tensor x, StateLayer state, const Step& step,
                                  const StateSpace& space) {
  const Tensor expected = host(out);
  const StateLayer states = {{}, host(state.memory)};
  StateSpace host_space = space;
  for (Tensor* tensor : {&host_space.decay, &host_space.step_bias, &host_space.skip, &host_space.norm.weight})
    *tensor = host(*tensor);
  reference_.state_space(expected, host(x), states, host(step), host_space);
  inner().state_space(out, x, state, step, space);
  finish(describe({.name = "state_space", .out = out, .in = x}),
         {{"out", out, expected, tolerances_.rounded},
          {"memory", state.memory, states.memory, tolerances_.rounded}});
}

void CheckingBackend::copy_states(StateLayer state, Tensor from_to) {
  const StateLayer states = {host(state.inputs), host(state.memory)};
  reference_.copy_states(states, host(from_to));
  inner().copy_states(state, from_to);
  finish(describe({.name = "copy_states", .in = from_to}),
         {{"inputs", state.inputs, states.inputs, 0}, {"memory", state.memory, states.memory, 0}});
}

void CheckingBackend::route(Routing out, Tensor router_logits, const RoutingRule& rule) {
  const Routing expected = {host(out.expert_ids), host(out.weights)};
  RoutingRule host_rule = rule;
  host_rule.selection_bias = host(rule.selection_bias);
  host_rule.expert_scales = host(rule.expert_scales);
  reference_.route(expected, host(router_logits), host_rule);
  inner().route(out, router_logits, rule);
  finish(describe({.name = "route", .out = out.weights, .in = router_logits}),
         {{"expert_ids", out.expert_ids, expected.expert_ids, 0},
          {"weights", out.weights, expected.weights, tolerances_.rounded}});
}

void CheckingBackend::experts(Tensor out, Tensor x, const Routing& routing, const Weight& up,
                              const Weight& down, const Activation& activation) {
  const Tensor expected = host(out);
  reference_.experts(expected, host(x), {host(routing.expert_ids), host(routing.weights)},
                     *as_checked(up).of_reference, *as_checked(down).of_reference, activation);
  inner().experts(out, x, routing, *as_checked(up).of_inner, *as_checked(down).of_inner, activation);
  finish(describe({.name = "experts", .out = out, .in = x, .weight = &up, .second_weight = &down}),
         {{"out", out, expected, tolerances_.experts}});
}

void CheckingBackend::draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) {
  const DrawResults expected = {host(out.drawn), host(out.top_ids), host(out.top_logprobs)};
  const Tensor rows = host(logits);
  reference_.draw(expected, rows,
                  {host(draws.draws), host(draws.groups), host(draws.edits), host(draws.masks)}, first);
  inner().draw(out, logits, draws, first);
  const double rounded = tolerances_.rounded;
  finish(describe({.name = "draw", .out = out.drawn.rows_at(first, draws.draws.rows), .in = logits}),
         {{"state", states_of(out.drawn), states_of(expected.drawn), 0},
          {"token", tokens_of(out.drawn), tokens_of(expected.drawn), 0},
          {"logprob", logprobs_of(out.drawn), logprobs_of(expected.drawn), rounded},
          {"top_ids", out.top_ids, expected.top_ids, 0},
          {"top_logprobs", out.top_logprobs, expected.top_logprobs, rounded},
          {"logits", logits, rows, 0}});
}

}  // namespace ferrum
