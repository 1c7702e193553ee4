#include "models/text_head.h"

#include <utility>

#include "base/check.h"

namespace ferrum {
namespace {

using Function = TextLayer::Function;

Pooling pooling_of(TextPooling pooling) {
  switch (pooling) {
    case TextPooling::kMean:
      return Pooling::kMean;
    case TextPooling::kMeanOfRoot:
      return Pooling::kMeanOfRoot;
    case TextPooling::kWeightedMean:
      return Pooling::kWeightedMean;
    case TextPooling::kMax:
      return Pooling::kMax;
    case TextPooling::kFirst:
      return Pooling::kFirst;
    case TextPooling::kLast:
      return Pooling::kLast;
  }
  return Pooling::kMean;
}

// out = f(x · wᵀ + bias)
void apply(Backend& b, Tensor out, Tensor x, const Weight& w, Function f) {
  switch (f) {
    case Function::kNone:
      return b.linear(out, x, w);
    case Function::kTanh:
      b.linear(out, x, w);
      return b.scale(out, 1, 1);
    case Function::kSilu:
      return b.expand(out, x, w, {.kind = Activation::Kind::kSilu, .gated = false});
    case Function::kGelu:
      return b.expand(out, x, w, {.kind = Activation::Kind::kGelu, .gated = false});
    case Function::kGeluTanh:
      return b.expand(out, x, w, {.kind = Activation::Kind::kGeluTanh, .gated = false});
  }
}

}  // namespace

TextHead::TextHead(Backend& backend, const ModelDescription& model, TextHeadWeights weights, int max_texts)
    : backend_(backend), weights_(std::move(weights)), arena_(backend) {
  for (const TextPooling pooling : model.text_head.pooling) pooling_.push_back(pooling_of(pooling));
  check(!pooling_.empty(), "a head that pools");
  pooled_ =
      arena_.allocate(DType::kF32, max_texts, int64_t{model.hidden} * static_cast<int>(pooling_.size()));
  for (const TextHeadWeights::Layer& layer : weights_.layers)
    layers_.push_back(arena_.allocate(DType::kF32, max_texts, layer.weight->rows()));
}

size_t TextHead::bytes(const ModelDescription& model, int max_texts) {
  CountingArena arena;
  const TextHeadDescription& head = model.text_head;
  arena.allocate(DType::kF32, max_texts, int64_t{model.hidden} * static_cast<int>(head.pooling.size()));
  for (const TextLayer& layer : head.layers) arena.allocate(DType::kF32, max_texts, layer.out);
  return arena.bytes();
}

Tensor TextHead::compute(Tensor rows, Tensor starts) {
  const int texts = starts.rows - 1;
  Tensor x = pooled_.first_rows(texts);
  for (size_t i = 0; i < pooling_.size(); ++i)
    backend_.pool(x.columns(static_cast<int>(i) * rows.cols, rows.cols), rows, starts, pooling_[i]);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const TextHeadWeights::Layer& layer = weights_.layers[i];
    const Tensor out = layers_[i].first_rows(texts);
    apply(backend_, out, x, *layer.weight, layer.function);
    if (layer.norm.kind != Norm::Kind::kNone) backend_.norm(out, out, layer.norm);
    x = out;
  }
  return x;
}

}  // namespace ferrum
