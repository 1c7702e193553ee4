#include "backend/observers/observing_backend.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "base/numbers.h"

namespace ferrum {
namespace {

std::string shape_of(const Tensor& t) { return fmt::format("[{}, {}]", t.rows, t.cols); }

std::string shape_of(const Weight& w) {
  return w.groups() == 1 ? fmt::format("[{}, {}]", w.rows(), w.cols())
                         : fmt::format("[{}, {}, {}]", w.groups(), w.rows(), w.cols());
}

double tensor_bytes(const Tensor& t) {
  return static_cast<double>(t.rows) * t.cols * static_cast<double>(size_of(t.dtype));
}

// Parts of a tensor's name: "blk.3.attn_q.weight", "model.layers.3.mlp.experts.17.gate_proj.weight".
struct NameParts {
  std::optional<int> layer;  // the first number
  std::string label;         // the part after it, without numbers and "weight"
};

NameParts parts_of(std::string_view name) {
  NameParts parts;
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('.'));
    name.remove_prefix(std::min(part.size() + 1, name.size()));
    if (const std::optional<int> number = whole_number<int>(part)) {
      if (!parts.layer) parts = {.layer = number, .label = {}};
    } else if (part != "weight") {
      parts.label += (parts.label.empty() ? "" : ".") + std::string(part);
    }
  }
  return parts;
}

// The maximum number of a weight's groups that the rows can choose.
double groups_chosen(const OperationCall& call, const Weight& w) {
  if (call.experts_per_token == 0) return w.groups();
  const int64_t chosen = int64_t{call.in.rows} * call.experts_per_token;
  return static_cast<double>(std::min<int64_t>(chosen, w.groups()));
}

}  // namespace

std::string describe(const OperationCall& call) {
  std::string text(call.name);
  if (!call.in.empty()) text += " " + shape_of(call.in);
  for (const Weight* w : {call.weight, call.second_weight})
    if (w != nullptr) text += " × " + shape_of(*w);
  if (!call.out.empty()) text += " -> " + shape_of(call.out);
  return text;
}

std::unique_ptr<Weight> ObservingBackend::pack(const WeightSource& source) {
  std::unique_ptr<Weight> weight = inner().pack(source);  // validates it
  Known known;
  size_t bytes = 0;
  for (const WeightSource::Part& part : source.parts) {
    for (const HostTensor& tensor : part) bytes += tensor.byte_size();
    const NameParts name = parts_of(part.front().name);
    known.layer = name.layer;
    known.label += (known.label.empty() ? "" : "+") + name.label;
  }
  known.group_bytes = bytes / static_cast<size_t>(source.groups);
  known_[weight.get()] = std::move(known);
  return weight;
}

double ObservingBackend::bytes_from_memory(const OperationCall& call) {
  if (call.name == "embed") return tensor_bytes(call.out);  // a row of the table for each token
  if (call.name == "attend") {
    std::vector<int32_t> context(static_cast<size_t>(call.step->shape.sequences));
    inner().download(std::as_writable_bytes(std::span(context)),
                     call.step->context_len.first_rows(call.step->shape.sequences));
    if (call.window > 0)
      for (int32_t& tokens : context) tokens = std::min(tokens, call.window);
    const double positions = std::accumulate(context.begin(), context.end(), 0.0);
    double block = 0;
    for (const Tensor& part : call.kv->block(0)) block += tensor_bytes(part);
    return positions * block / call.kv->block_tokens;
  }
  double bytes = 0;
  for (const Weight* w : {call.weight, call.second_weight})
    if (w != nullptr) bytes += static_cast<double>(known_.at(w).group_bytes) * groups_chosen(call, *w);
  return bytes;
}

double ObservingBackend::bytes_of(const OperationCall& call) {
  return bytes_from_memory(call) + tensor_bytes(call.in) + tensor_bytes(call.out);
}

double ObservingBackend::arithmetic_of(const OperationCall& call) const {
  if (call.name == "embed") return 0;
  double operations = 0;
  for (const Weight* w : {call.weight, call.second_weight})
    if (w != nullptr)
      operations += 2.0 * w->rows() * w->cols() * call.in.rows *
                    (call.experts_per_token > 0 ? call.experts_per_token : w->groups());
  return operations;
}

// The operations of a layer follow its first product, whose weight identifies the layer.
void ObservingBackend::pass_on(OperationCall call, FunctionRef<void()> operation) {
  if (call.weight != nullptr)
    layer_ = known_.at(call.weight).layer;
  else if (call.name == "gather_rows" || call.name == "scatter_rows" || call.name == "pool" ||
           call.name == "copy_blocks" || call.name == "copy_states" || call.name == "draw")
    layer_.reset();
  call.layer = layer_;
  observe(call, operation);
}

void ObservingBackend::run(const StepShape&, const std::function<void()>& body) { body(); }

void ObservingBackend::embed(Tensor out, const Weight& table, Tensor tokens) {
  pass_on({.name = "embed", .out = out, .in = tokens, .weight = &table},
          [&] { inner().embed(out, table, tokens); });
}

void ObservingBackend::norm(Tensor out, Tensor x, const Norm& norm) {
  pass_on({.name = "norm", .out = out, .in = x}, [&] { inner().norm(out, x, norm); });
}

void ObservingBackend::add_norm(Tensor out, Tensor residual, Tensor x, float scale, const Norm& norm) {
  pass_on({.name = "add_norm", .out = out, .in = x},
          [&] { inner().add_norm(out, residual, x, scale, norm); });
}

void ObservingBackend::add(Tensor to, Tensor x, float scale) {
  pass_on({.name = "add", .out = to, .in = x}, [&] { inner().add(to, x, scale); });
}

void ObservingBackend::scale(Tensor x, float factor, float cap) {
  pass_on({.name = "scale", .out = x, .in = x}, [&] { inner().scale(x, factor, cap); });
}

void ObservingBackend::linear(Tensor out, Tensor x, const Weight& w) {
  pass_on({.name = "linear", .out = out, .in = x, .weight = &w}, [&] { inner().linear(out, x, w); });
}

void ObservingBackend::linear_heads(Tensor out, Tensor x, const Weight& w) {
  pass_on({.name = "linear_heads", .out = out, .in = x, .weight = &w},
          [&] { inner().linear_heads(out, x, w); });
}

void ObservingBackend::linear_chosen(Tensor out, Tensor x, const Weight& w, Tensor matrix) {
  pass_on({.name = "linear_chosen", .out = out, .in = x, .weight = &w, .experts_per_token = 1},
          [&] { inner().linear_chosen(out, x, w, matrix); });
}

void ObservingBackend::expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) {
  pass_on({.name = "expand", .out = out, .in = x, .weight = &w},
          [&] { inner().expand(out, x, w, activation); });
}

void ObservingBackend::activate(Tensor out, Tensor x, const Activation& activation) {
  pass_on({.name = "activate", .out = out, .in = x}, [&] { inner().activate(out, x, activation); });
}

void ObservingBackend::apply_gate(Tensor x, Tensor gates, GateKind f) {
  pass_on({.name = "apply_gate", .out = x, .in = gates}, [&] { inner().apply_gate(x, gates, f); });
}

void ObservingBackend::scatter_rows(Tensor to, Tensor x, Tensor rows) {
  pass_on({.name = "scatter_rows", .out = to, .in = x}, [&] { inner().scatter_rows(to, x, rows); });
}

void ObservingBackend::gather_rows(Tensor out, Tensor x, Tensor rows) {
  pass_on({.name = "gather_rows", .out = out, .in = x}, [&] { inner().gather_rows(out, x, rows); });
}

void ObservingBackend::add_low_rank(Tensor out, Tensor x, const LowRanks& adapters, const AdapterRows& rows,
                                    Tensor room) {
  pass_on({.name = "add_low_rank", .out = out, .in = x},
          [&] { inner().add_low_rank(out, x, adapters, rows, room); });
}

void ObservingBackend::linear_adapted(Tensor out, Tensor x, const Weight& w, const AddedRanks& added) {
  pass_on({.name = "linear_adapted", .out = out, .in = x, .weight = &w},
          [&] { inner().linear_adapted(out, x, w, added); });
}

void ObservingBackend::expand_adapted(Tensor out, Tensor x, const Weight& w, const Activation& activation,
                                      const AddedRanks& added) {
  pass_on({.name = "expand_adapted", .out = out, .in = x, .weight = &w},
          [&] { inner().expand_adapted(out, x, w, activation, added); });
}

void ObservingBackend::add_low_rank_of_tokens(Tensor out, Tensor tokens, const LowRanks& adapters,
                                              const AdapterRows& rows) {
  pass_on({.name = "add_low_rank_of_tokens", .out = out, .in = tokens},
          [&] { inner().add_low_rank_of_tokens(out, tokens, adapters, rows); });
}

void ObservingBackend::pool(Tensor out, Tensor x, Tensor starts, Pooling how) {
  pass_on({.name = "pool", .out = out, .in = x}, [&] { inner().pool(out, x, starts, how); });
}

void ObservingBackend::rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  pass_on({.name = "rope_and_store", .in = qkv, .step = &step, .kv = &kv},
          [&] { inner().rope_and_store(qkv, kv, step, layer); });
}

void ObservingBackend::attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step,
                              const AttentionLayer& layer) {
  pass_on({.name = "attend", .out = out, .in = qkv, .step = &step, .kv = &kv, .window = layer.window},
          [&] { inner().attend(out, qkv, kv, step, layer); });
}

void ObservingBackend::copy_blocks(KvLayer kv, Tensor from_to) {
  pass_on({.name = "copy_blocks", .in = from_to, .kv = &kv}, [&] { inner().copy_blocks(kv, from_to); });
}

void ObservingBackend::convolve(Tensor x, StateLayer state, const Step& step,
                                const Convolution& convolution) {
  pass_on({.name = "convolve", .out = x, .in = x}, [&] { inner().convolve(x, state, step, convolution); });
}

void ObservingBackend::delta_rule(Tensor out, Tensor x, StateLayer state, const Step& step,
                                  const DeltaRule& rule) {
  pass_on({.name = "delta_rule", .out = out, .in = x},
          [&] { inner().delta_rule(out, x, state, step, rule); });
}

void ObservingBackend::state_space(Tensor out, Tensor x, StateLayer state, const Step& step,
                                   const StateSpace& space) {
  pass_on({.name = "state_space", .out = out, .in = x},
          [&] { inner().state_space(out, x, state, step, space); });
}

void ObservingBackend::copy_states(StateLayer state, Tensor from_to) {
  pass_on({.name = "copy_states", .in = from_to}, [&] { inner().copy_states(state, from_to); });
}

void ObservingBackend::route(Routing out, Tensor router_logits, const RoutingRule& rule) {
  pass_on({.name = "route", .out = out.weights, .in = router_logits, .experts_per_token = rule.top_k},
          [&] { inner().route(out, router_logits, rule); });
}

void ObservingBackend::experts(Tensor out, Tensor x, const Routing& routing, const Weight& up,
                               const Weight& down, const Activation& activation) {
  pass_on({.name = "experts",
           .out = out,
           .in = x,
           .weight = &up,
           .second_weight = &down,
           .experts_per_token = routing.expert_ids.cols},
          [&] { inner().experts(out, x, routing, up, down, activation); });
}

void ObservingBackend::draw(const DrawResults& out, Tensor logits, const Draws& draws, int first) {
  pass_on({.name = "draw", .out = out.drawn.rows_at(first, draws.draws.rows), .in = logits},
          [&] { inner().draw(out, logits, draws, first); });
}

}  // namespace ferrum
