// The wiring of an encoder: embeddings of tokens, positions and types, and layers of attention that sees both
// ways. It keeps nothing: a step holds all tokens of each of its texts.
#pragma once
#include <memory>
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "models/attention.h"
#include "models/decoder.h"
#include "models/feed_forward.h"
#include "models/model.h"

namespace ferrum {

struct EncoderLayer {
  // kNone where the wiring has none.
  Norm before_attention, after_attention, second_attention, before_ffn, after_ffn;
  Attention attention;
  FeedForward feed_forward;
};

struct EncoderWeights {
  std::unique_ptr<Weight> embedding;  // [vocab, hidden]
  std::unique_ptr<Weight> positions;  // [positions, hidden], from a text's first; null: none
  std::unique_ptr<Weight> types;      // [types, hidden]; null: none
  Norm embedding_norm, final_norm;
  std::vector<EncoderLayer> layers;
  std::vector<std::unique_ptr<Buffer>> buffers;  // behind the norms and the rotation tables
};

class Encoder final : public Model {
 public:
  // Allocates activations, and room for the keys and values of one layer. The backend must outlive the
  // encoder.
  Encoder(Backend& backend, const ModelDescription& model, EncoderWeights weights,
          const DecoderLimits& limits);

  // REQUIRES: `logits` is empty, as an encoder has none.
  void forward(const Step& step, Tensor logits) override;
  void forward_mtp(const Step& step, Tensor logits) override;
  Tensor hidden_states(int outputs) const override { return result_.first_rows(outputs); }

  void copy_blocks(int, Tensor) override {}
  void copy_states(Tensor) override {}
  size_t block_bytes(int) const override { return 0; }
  void read_block(int, int, std::span<std::byte>) override {}
  void write_block(int, int, std::span<const std::byte>) override {}

  // Bytes that the constructor allocates.
  static size_t bytes(KvLayout layout, const ModelDescription& model, const DecoderLimits& limits);

 private:
  struct Activations {
    Activations(KvLayout layout, Arena& arena, const ModelDescription& model, const DecoderLimits& limits);

    Tensor hidden, branch;  // [tokens, hidden]
    Tensor normed;          // [tokens, hidden], or empty; the layer's input where there is a second norm
    AttentionScratch attention;
    FeedForwardScratch feed_forward;
    Tensor last_hidden, last_branch;  // [outputs, hidden]
    Tensor last_attended;             // [outputs, widest output]
    std::vector<KvLayer> kv;
  };

  void embed(const Step& step, Tensor x, Tensor room);
  // The rows that are read out, of the last layer.
  Tensor gathered(Tensor room, Tensor from, const Step& step);

  Backend& backend_;
  ModelDescription model_;
  EncoderWeights weights_;
  BackendArena arena_;
  Activations a_;
  Tensor result_;
};

}  // namespace ferrum
