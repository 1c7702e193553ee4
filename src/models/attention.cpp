#include "models/attention.h"

#include <algorithm>

namespace ferrum {

AttentionScratch::AttentionScratch(Arena& arena, const ModelDescription& model, int tokens, int outputs) {
  int qkv_width = 0, out_width = 0, gate_width = 0, query_latent_width = 0, latents_width = 0;
  int wave_in = 0, wave_out = 0;
  for (const LayerDescription& layer : model.layers) {
    const AttentionDescription& a = layer.attention;
    qkv_width = std::max(qkv_width, a.qkv_width());
    out_width = std::max(out_width, a.out_width());
    query_latent_width = std::max(query_latent_width, a.query_latent);
    latents_width = std::max(latents_width, a.q_heads * a.latent);
    if (a.gate != OutputGate::kNone)
      gate_width = std::max(gate_width, a.gate_per_head ? a.q_heads : a.out_width());
  }
  if (model.has(Mixer::kDelta)) {
    const DeltaDescription& d = model.delta;
    qkv_width = std::max(qkv_width, d.in_width());
    out_width = std::max({out_width, d.value_width(), 2 * d.rank});
    wave_in = d.in_width();
    wave_out = d.value_width();
  }
  if (model.has(Mixer::kConvolution)) {
    qkv_width = std::max(qkv_width, 3 * model.convolution.width);
    out_width = std::max(out_width, model.convolution.width);
    wave_in = std::max(wave_in, model.convolution.width);
  }
  if (model.has(Mixer::kStateSpace)) {
    qkv_width = std::max(qkv_width, model.state_space.in_width());
    out_width = std::max(out_width, model.state_space.width());
    wave_in = std::max(wave_in, model.state_space.in_width());
    wave_out = std::max(wave_out, model.state_space.width());
  }
  qkv = arena.allocate(DType::kF32, tokens, qkv_width);
  attended = arena.allocate(DType::kF32, tokens, out_width);
  if (wave_in > 0) wave.in = arena.allocate(DType::kF32, outputs, wave_in);
  if (wave_out > 0) wave.out = arena.allocate(DType::kF32, outputs, wave_out);
  if (gate_width > 0) gates = arena.allocate(DType::kF32, tokens, gate_width);
  if (query_latent_width > 0) query_latent = arena.allocate(DType::kF32, tokens, query_latent_width);
  if (latents_width > 0) latents = arena.allocate(DType::kF32, tokens, latents_width);
}

Tensor Attention::qkv(const AttentionScratch& s, int tokens) const {
  return shaped(s.qkv, tokens, p_.qkv->rows());
}

void Attention::store(Backend& b, Tensor x, const KvLayer& kv, const Step& step,
                      const AttentionScratch& s) const {
  const Tensor projected = qkv(s, x.rows);
  b.linear(projected, x, *p_.qkv);
  b.rope_and_store(projected, kv, step, p_.layer);
}

Tensor Attention::attend(Backend& b, Tensor x, const KvLayer& kv, const Step& step,
                         const AttentionScratch& s) const {
  const Tensor attended = shaped(s.attended, x.rows, p_.out->cols());
  b.attend(attended, qkv(s, x.rows), kv, step, p_.layer);
  if (!p_.gate) return attended;
  const Tensor gates = shaped(s.gates, x.rows, p_.gate->rows());
  b.linear(gates, x, *p_.gate);
  b.apply_gate(attended, gates, p_.gate_kind);
  return attended;
}

}  // namespace ferrum
