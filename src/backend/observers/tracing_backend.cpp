#include "backend/observers/tracing_backend.h"

#include <algorithm>

namespace ferrum {

TracingBackend::TracingBackend(Backend& inner, TraceFile& trace, TraceFile::Track track, std::string pass)
    : ObservingBackend(inner), trace_(trace), track_(track), pass_(std::move(pass)) {}

void TracingBackend::run(const StepShape& shape, const std::function<void()>& body) {
  if (paused_) return ObservingBackend::run(shape, body);
  const auto begin = Clock::now();
  last_end_ = begin;
  ObservingBackend::run(shape, body);
  end_layer();
  trace_.slice(track_, pass_, begin, Clock::now(),
               {{"rows", shape.tokens}, {"sequences", shape.sequences}, {"outputs", shape.outputs}});
}

void TracingBackend::observe(const OperationCall& call, FunctionRef<void()> operation) {
  if (paused_) return operation();
  if (call.layer != layer_) end_layer();
  if (call.layer && !layer_) {
    layer_ = call.layer;
    layer_begin_ = last_end_;
  }

  inner().synchronize();
  const auto begin = Clock::now();
  operation();
  inner().synchronize();
  last_end_ = Clock::now();

  const double seconds = std::chrono::duration<double>(last_end_ - begin).count();
  const double bytes = bytes_of(call);
  TraceFile::Argument layer = {"layer", {}};
  if (call.layer) layer.value = *call.layer;
  TraceFile::Argument share = {"share of limit", {}};
  if (limits_.bytes_per_second > 0 && limits_.operations_per_second > 0) {
    const double least = std::max(bytes_from_memory(call) / limits_.bytes_per_second,
                                  arithmetic_of(call) / limits_.operations_per_second);
    if (least > 0) share.value = least / seconds;
  }
  std::string name(call.name);
  if (call.weight != nullptr) name.append(" ").append(label(*call.weight));
  trace_.slice(track_, name, begin, last_end_,
               {layer,
                {"what", describe(call)},
                {"bytes", static_cast<int64_t>(bytes)},
                {"GB/s", bytes / seconds * 1e-9},
                share});
}

void TracingBackend::end_layer() {
  if (!layer_) return;
  trace_.slice(track_, "layer " + std::to_string(*layer_), layer_begin_, last_end_);
  layer_.reset();
}

}  // namespace ferrum
