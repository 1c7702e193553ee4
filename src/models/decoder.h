// The decoder shared by Llama, Mistral, Qwen2, Qwen3 and Qwen3-MoE: they differ in which weights are present.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"

namespace ferrum {

// Precision of the angles per position. kFloat32: as in training, and as transformers computes them for a
// loaded checkpoint. kStored: rounded to the float type of the checkpoint's weights, as in transformers after
// `model.to(dtype)`, for comparison with numbers from such a model.
enum class RopePrecision { kFloat32, kStored };

// The sizes for which a decoder allocates. Nothing grows later.
struct DecoderLimits {
  int max_tokens = 512;   // rows of one step
  int max_outputs = 1;    // rows of one step that logits are read of
  int max_positions = 0;  // length of the longest sequence
  int kv_blocks = 0;      // of the cache, for all sequences
  int block_tokens = 16;
  DType kv_dtype = DType::kF16;
  RopePrecision rope_precision = RopePrecision::kFloat32;
};

// Keys and values of one token in one layer's cache, with the scales of an int8 cache.
size_t kv_bytes_of_token(const HeadShape& heads, DType kv_dtype);

struct DecoderConfig {
  int layers = 0;
  int hidden = 0;
  int vocab = 0;
  int ffn = 0;      // width of the widest dense layer; 0 without dense layers
  int experts = 0;  // 0: no layer has any
  RoutingRule routing;
  HeadShape heads;
};

struct DecoderLayer {
  Norm attention_norm, ffn_norm;     // [1, hidden]
  AttentionLayer attention;          // with q_norm, k_norm where the model has them
  std::unique_ptr<Weight> qkv, out;  // [qkv_width, hidden], [hidden, q_width]
  std::unique_ptr<Weight> gate_up,
      down;                        // dense: [2 ffn, hidden], [hidden, ffn]; else one such group per expert
  std::unique_ptr<Weight> router;  // [experts, hidden]; null for a dense layer
};

struct DecoderWeights {
  std::unique_ptr<Weight> embedding;  // [vocab, hidden]
  std::unique_ptr<Weight> head;       // [vocab, hidden]; null: the embedding serves as head
  Norm final_norm;                    // [1, hidden]
  std::vector<DecoderLayer> layers;
  std::vector<std::unique_ptr<Buffer>> buffers;  // behind the norms and the rotation table
};

class Decoder {
 public:
  // Allocates activations and KV blocks. The backend must outlive the decoder.
  Decoder(Backend& backend, DecoderConfig config, DecoderWeights weights, const DecoderLimits& limits);

  // logits [step.shape.outputs, vocab] f32
  void forward(const Step& step, Tensor logits);

  // from_to [n, 2] i32, on the device: block onto block of every layer's keys and values.
  void copy_blocks(Tensor from_to);

  // One block's keys and values of every layer, as they are stored: for each layer keys, values, and of an
  // int8 cache the scales of both. `contents` [block_bytes]. Not within a step.
  size_t block_bytes() const;
  void read_block(int block, std::span<std::byte> contents);
  void write_block(int block, std::span<const std::byte> contents);

  const DecoderConfig& config() const { return config_; }
  const DecoderLimits& limits() const { return limits_; }

  // Bytes that the constructor allocates.
  static size_t activation_bytes(const DecoderConfig& config, const DecoderLimits& limits);
  static size_t kv_bytes(const DecoderConfig& config, const DecoderLimits& limits);

 private:
  struct Activations {                // each as tall as a step may be
    Tensor residual, hidden, branch;  // [tokens, hidden]
    Tensor qkv;                       // [tokens, qkv_width]
    Tensor attention;                 // [tokens, q_width]
    Tensor ffn;                       // [tokens, ffn]
    Tensor router;                    // [tokens, experts]
    Routing routing;                  // [tokens, top_k]
    Tensor last;                      // [outputs, hidden]
    Activations for_step(const StepShape& shape) const;
  };

  void allocate_activations();
  void allocate_kv();
  Tensor allocate(DType dtype, int rows, int cols);
  // The rows of a block in each tensor of the cache, with the part of `contents` that is theirs.
  template <class Byte, class Visit>
  void walk_block(int block, std::span<Byte> contents, const Visit& visit) const;
  Tensor attention(const DecoderLayer& layer, const KvLayer& kv, const Step& step, const Activations& a);
  Tensor feed_forward(const DecoderLayer& layer, const Activations& a);

  Backend& backend_;
  DecoderConfig config_;
  DecoderLimits limits_;
  DecoderWeights weights_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  Activations activations_;
  std::vector<KvLayer> kv_;  // [layers]
};

}  // namespace ferrum
