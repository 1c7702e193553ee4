// The allocations of a decoder, made once: activations for the largest step, and the blocks of the KV cache.
#include "base/check.h"
#include "models/decoder.h"

namespace ferrum {

size_t kv_bytes_of_token(const HeadShape& heads, DType kv_dtype) {
  const size_t scales = kv_dtype == DType::kI8 ? heads.kv_heads * sizeof(float) : 0;
  return (heads.k_width() + heads.v_width()) * size_of(kv_dtype) + 2 * scales;
}

Decoder::Decoder(Backend& backend, DecoderConfig config, DecoderWeights weights, const DecoderLimits& limits)
    : backend_(backend), config_(config), limits_(limits), weights_(std::move(weights)) {
  check(limits_.max_tokens > 0 && limits_.max_outputs > 0 && limits_.kv_blocks > 0,
        "a decoder has room for a step");
  check_equal(static_cast<int>(weights_.layers.size()), config_.layers, "layers loaded");
  allocate_activations();
  allocate_kv();
}

Tensor Decoder::allocate(DType dtype, int rows, int cols) {
  buffers_.push_back(backend_.allocate(static_cast<size_t>(rows) * cols * size_of(dtype)));
  return {buffers_.back()->data(), dtype, rows, cols, cols};
}

void Decoder::allocate_activations() {
  const int tokens = limits_.max_tokens;
  Activations& a = activations_;
  a.residual = allocate(DType::kF32, tokens, config_.hidden);
  a.hidden = allocate(DType::kF32, tokens, config_.hidden);
  a.branch = allocate(DType::kF32, tokens, config_.hidden);
  a.qkv = allocate(DType::kF32, tokens, config_.heads.qkv_width());
  a.attention = allocate(DType::kF32, tokens, config_.heads.out_width());
  if (config_.ffn > 0) a.ffn = allocate(DType::kF32, tokens, config_.ffn);
  if (config_.experts > 0) {
    a.router = allocate(DType::kF32, tokens, config_.experts);
    a.routing.expert_ids = allocate(DType::kI32, tokens, config_.routing.top_k);
    a.routing.weights = allocate(DType::kF32, tokens, config_.routing.top_k);
  }
  a.last = allocate(DType::kF32, limits_.max_outputs, config_.hidden);
}

void Decoder::allocate_kv() {
  const int rows = limits_.kv_blocks * limits_.block_tokens;
  const int block_width = config_.heads.k_width() * limits_.block_tokens;
  for (int i = 0; i < config_.layers; ++i) {
    const Tensor k = allocate(limits_.kv_dtype, limits_.kv_blocks, block_width);
    const Tensor v = allocate(limits_.kv_dtype, rows, config_.heads.v_width());
    kv_.push_back({k, v, limits_.block_tokens});
    if (limits_.kv_dtype == DType::kI8)
      for (Tensor* scales : {&kv_.back().k_scales, &kv_.back().v_scales})
        *scales = allocate(DType::kF32, rows, config_.heads.kv_heads);
  }
}

size_t Decoder::activation_bytes(const DecoderConfig& c, const DecoderLimits& limits) {
  const size_t per_token = size_t{3} * c.hidden + c.heads.qkv_width() + c.heads.out_width() + c.ffn +
                           c.experts + (c.experts > 0 ? 2 * c.routing.top_k : 0);
  return (per_token * limits.max_tokens + static_cast<size_t>(limits.max_outputs) * c.hidden) * sizeof(float);
}

size_t Decoder::kv_bytes(const DecoderConfig& c, const DecoderLimits& limits) {
  return kv_bytes_of_token(c.heads, limits.kv_dtype) * c.layers * limits.kv_blocks * limits.block_tokens;
}

size_t Decoder::block_bytes() const {
  return kv_bytes_of_token(config_.heads, limits_.kv_dtype) * config_.layers * limits_.block_tokens;
}

template <class Byte, class Visit>
void Decoder::walk_block(int block, std::span<Byte> contents, const Visit& visit) const {
  check_equal(contents.size(), block_bytes(), "bytes of a block");
  for (const KvLayer& kv : kv_)
    for (const Tensor& part : kv.block(block)) {
      if (part.empty()) continue;
      visit(part, contents.first(part.bytes()));
      contents = contents.subspan(part.bytes());
    }
}

void Decoder::read_block(int block, std::span<std::byte> contents) {
  walk_block(block, contents,
             [this](Tensor rows, std::span<std::byte> part) { backend_.download(part, rows); });
}

void Decoder::write_block(int block, std::span<const std::byte> contents) {
  walk_block(block, contents,
             [this](Tensor rows, std::span<const std::byte> part) { backend_.upload(rows, part); });
}

Decoder::Activations Decoder::Activations::for_step(const StepShape& shape) const {
  const auto rows = [&](const Tensor& t) { return t.empty() ? t : t.first_rows(shape.tokens); };
  return {.residual = rows(residual),
          .hidden = rows(hidden),
          .branch = rows(branch),
          .qkv = rows(qkv),
          .attention = rows(attention),
          .ffn = rows(ffn),
          .router = rows(router),
          .routing = {rows(routing.expert_ids), rows(routing.weights)},
          .last = last.first_rows(shape.outputs)};
}

}  // namespace ferrum
