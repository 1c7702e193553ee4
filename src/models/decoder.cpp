#include "models/decoder.h"

namespace ferrum {

void Decoder::forward(const Step& step, Tensor logits) {
  Backend& b = backend_;
  const Activations a = activations_.for_step(step.shape);
  const std::vector<DecoderLayer>& layers = weights_.layers;

  b.embed(a.residual, *weights_.embedding, step.tokens);
  b.norm(a.hidden, a.residual, layers.front().attention_norm);

  for (size_t i = 0; i < layers.size(); ++i) {
    const Norm& next_norm = i + 1 < layers.size() ? layers[i + 1].attention_norm : weights_.final_norm;
    const Tensor attended = attention(layers[i], kv_[i], step, a);
    b.add_norm(a.hidden, a.residual, attended, 1, layers[i].ffn_norm);
    const Tensor fed = feed_forward(layers[i], a);
    b.add_norm(a.hidden, a.residual, fed, 1, next_norm);
  }

  if (step.shape.outputs == 0) return;
  b.gather_rows(a.last, a.hidden, step.output_rows);
  b.linear(logits, a.last, weights_.head ? *weights_.head : *weights_.embedding);
}

void Decoder::copy_blocks(Tensor from_to) {
  for (const KvLayer& kv : kv_) backend_.copy_blocks(kv, from_to);
}

Tensor Decoder::attention(const DecoderLayer& layer, const KvLayer& kv, const Step& step,
                          const Activations& a) {
  Backend& b = backend_;
  b.linear(a.qkv, a.hidden, *layer.qkv);
  b.rope_and_store(a.qkv, kv, step, layer.attention);
  b.attend(a.attention, a.qkv, kv, step, layer.attention);
  b.linear(a.branch, a.attention, *layer.out);
  return a.branch;
}

Tensor Decoder::feed_forward(const DecoderLayer& layer, const Activations& a) {
  Backend& b = backend_;
  const Activation silu = {.kind = Activation::Kind::kSilu, .gated = true};
  if (layer.router) {
    b.linear(a.router, a.hidden, *layer.router);
    b.route(a.routing, a.router, config_.routing);
    b.experts(a.branch, a.hidden, a.routing, *layer.gate_up, *layer.down, silu);
  } else {
    b.expand(a.ffn, a.hidden, *layer.gate_up, silu);
    b.linear(a.branch, a.ffn, *layer.down);
  }
  return a.branch;
}

}  // namespace ferrum
