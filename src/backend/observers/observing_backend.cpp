#include "backend/observers/observing_backend.h"

namespace ferrum {
namespace {

std::string shape_of(const Tensor& t) { return fmt::format("[{}, {}]", t.rows, t.cols); }

std::string shape_of(const Weight& w) {
  return w.groups() == 1 ? fmt::format("[{}, {}]", w.rows(), w.cols())
                         : fmt::format("[{}, {}, {}]", w.groups(), w.rows(), w.cols());
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
  size_t bytes = 0;
  for (const WeightSource::Part& part : source.parts)
    for (const HostTensor& tensor : part) bytes += tensor.byte_size();
  std::unique_ptr<Weight> weight = inner_.pack(source);
  group_bytes_[weight.get()] = bytes / static_cast<size_t>(source.groups);
  return weight;
}

size_t ObservingBackend::group_bytes(const Weight& w) const {
  const auto found = group_bytes_.find(&w);
  return found == group_bytes_.end() ? 0 : found->second;
}

void ObservingBackend::run(const StepShape&, const std::function<void()>& body) { body(); }

void ObservingBackend::embed(Tensor out, const Weight& table, Tensor tokens) {
  observe({.name = "embed", .out = out, .in = tokens, .weight = &table},
          [&] { inner_.embed(out, table, tokens); });
}

void ObservingBackend::rms_norm(Tensor out, Tensor x, Tensor weight, float eps) {
  observe({.name = "rms_norm", .out = out, .in = x}, [&] { inner_.rms_norm(out, x, weight, eps); });
}

void ObservingBackend::add_rms_norm(Tensor out, Tensor residual, Tensor x, Tensor weight, float eps) {
  observe({.name = "add_rms_norm", .out = out, .in = x},
          [&] { inner_.add_rms_norm(out, residual, x, weight, eps); });
}

void ObservingBackend::linear(Tensor out, Tensor x, const Weight& w) {
  observe({.name = "linear", .out = out, .in = x, .weight = &w}, [&] { inner_.linear(out, x, w); });
}

void ObservingBackend::swiglu(Tensor out, Tensor x, const Weight& gate_up) {
  observe({.name = "swiglu", .out = out, .in = x, .weight = &gate_up},
          [&] { inner_.swiglu(out, x, gate_up); });
}

void ObservingBackend::gather_rows(Tensor out, Tensor x, Tensor rows) {
  observe({.name = "gather_rows", .out = out, .in = x}, [&] { inner_.gather_rows(out, x, rows); });
}

void ObservingBackend::rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  observe({.name = "rope_and_store", .in = qkv, .step = &step, .kv = &kv},
          [&] { inner_.rope_and_store(qkv, kv, step, layer); });
}

void ObservingBackend::attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step,
                              const AttentionLayer& layer) {
  observe({.name = "attend", .out = out, .in = qkv, .step = &step, .kv = &kv},
          [&] { inner_.attend(out, qkv, kv, step, layer); });
}

void ObservingBackend::copy_blocks(KvLayer kv, Tensor from_to) {
  observe({.name = "copy_blocks", .in = from_to, .kv = &kv}, [&] { inner_.copy_blocks(kv, from_to); });
}

void ObservingBackend::route(Routing out, Tensor router_logits, const RoutingRule& rule) {
  observe({.name = "route", .out = out.weights, .in = router_logits, .experts_per_token = rule.top_k},
          [&] { inner_.route(out, router_logits, rule); });
}

void ObservingBackend::experts(Tensor out, Tensor x, const Routing& routing, const Weight& gate_up,
                               const Weight& down) {
  observe({.name = "experts",
           .out = out,
           .in = x,
           .weight = &gate_up,
           .second_weight = &down,
           .experts_per_token = routing.expert_ids.cols},
          [&] { inner_.experts(out, x, routing, gate_up, down); });
}

}  // namespace ferrum
