// The wiring of a text model: embeddings, layers of attention and feed-forward parts with their norms, the
// head. Architectures differ in the switches of their description, not in code here.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "models/adapted_backend.h"
#include "models/feed_forward.h"
#include "models/kv_layers.h"
#include "models/layer_mixer.h"
#include "models/model.h"
#include "models/mtp_head.h"
#include "models/state_layers.h"

namespace ferrum {

// The sizes for which a decoder allocates. Nothing grows later.
struct DecoderLimits {
  int max_tokens = 512;   // rows of one step
  int max_outputs = 1;    // rows of one step that logits are read of
  int max_positions = 0;  // length of the longest sequence
  KvSizes kv;             // for all sequences
  int state_slots = 0;    // of recurrent layers
  int mtp_rows = 0;       // hidden states of a block that are kept for an MTP head (HiddenCarry)
  int adapters = 0;       // in use at once
};

struct DecoderLayer {
  Norm before_attention, after_attention, before_ffn, after_ffn;  // kNone where the wiring has none
  std::vector<LayerMixer> mixers;  // what they give is added; none: a feed-forward part alone
  std::optional<FeedForward> feed_forward;
  // What the layer adds for a token by itself: out · (f(gate · x) ⊙ the token's values for this layer).
  struct PerToken {
    std::unique_ptr<Weight> gate, out;  // [width, hidden], [hidden, width]; null: nothing
    Norm norm;                          // of what is added
    Activation activation;
  } per_token;
  float scale = 1;  // of the residual behind the layer
};

struct DecoderWeights {
  std::unique_ptr<Weight> embedding;  // [vocab, hidden]
  std::unique_ptr<Weight> head;       // [vocab, hidden]; null: the embedding serves as head
  std::unique_ptr<Weight> positions;  // [positions, hidden], added to embeddings; null: none
  Norm final_norm;
  // Of what layers add for tokens by themselves; null: nothing. [rows, layers × width], [layers × width,
  // hidden]
  std::unique_ptr<Weight> per_token_embedding, per_token_projection;
  Norm per_token_norm;               // of each layer's values of the projection
  std::vector<DecoderLayer> layers;  // and behind the last, that of the MTP head
  std::optional<MtpWeights> mtp;
  std::vector<WeightOrigin> origins;             // of the weights
  std::vector<std::unique_ptr<Buffer>> buffers;  // behind the norms and the rotation tables
};

class Decoder final : public Model {
 public:
  // Allocates activations and KV blocks. The backend must outlive the decoder.
  Decoder(Backend& backend, const ModelDescription& model, DecoderWeights weights,
          const DecoderLimits& limits);

  void forward(const Step& step, Tensor logits) override;
  void forward_mtp(const Step& step, Tensor logits) override;
  AdapterTables* adapters() override { return adapted_ ? &adapted_->tables() : nullptr; }
  Tensor hidden_states(int outputs) const override { return a_.last_hidden.first_rows(outputs); }

  // A block's contents are, for each layer of the group, its keys, its values, and of an int8 cache the
  // scales of both. The group behind the last is the states', slot by slot.
  void copy_blocks(int group, Tensor from_to) override;
  size_t block_bytes(int group) const override;
  void copy_states(Tensor from_to) override;
  void read_block(int group, int block, std::span<std::byte> contents) override;
  void write_block(int group, int block, std::span<const std::byte> contents) override;

  // Bytes that the constructor allocates.
  static size_t activation_bytes(const ModelDescription& model, const DecoderLimits& limits);
  static size_t kv_bytes(KvLayout layout, const ModelDescription& model, const DecoderLimits& limits);

 private:
  struct Activations {
    Activations(Arena& arena, const ModelDescription& model, const DecoderLimits& limits);

    Tensor residual, hidden, branch;  // [tokens, hidden]
    Tensor parallel;                  // [tokens, hidden], or empty: of a second part beside the first
    // [tokens, layers × width], or empty: of all layers; of the projection; and [tokens, width]
    Tensor per_token, per_token_projected, per_token_gate;
    AttentionScratch attention;
    FeedForwardScratch feed_forward;
    // The rows that are read out, from the last layer on that mixes positions.
    Tensor last_residual, last_hidden;  // [outputs, hidden]
    Tensor last_attended;               // [outputs, widest output]
    Tensor last_per_token;              // [outputs, layers × width], or empty
    Tensor mtp_input;                   // [tokens, 2 hidden], or empty
  };
  // The rows that a layer computes: views of the activations.
  struct Rows {
    Tensor residual, hidden, branch, parallel;
    Tensor per_token;
  };

  Rows rows_of(const Step& step) const;
  // Into `rows.residual`.
  void embed(const Step& step, const Rows& rows, const Weight& table);
  void embed_per_token(const Step& step, const Rows& rows);
  // Adds the branch to the residual, with what the layer adds by itself, and normalises it for what follows.
  void finish_layer(size_t index, const Rows& rows, const Norm& next);
  void layer(size_t index, const Step& step, Rows& rows);
  // Leaves in rows.branch what the layer's mixers give.
  void mix(size_t index, const Step& step, Rows& rows);
  // What the layer keeps of the context alone.
  void store(size_t index, const Step& step, const Rows& rows);
  LayerMixer::Memory memory_of(size_t index) const;
  Tensor gathered(const Step& step, const Tensor& room, const Tensor& from);
  Rows read_out(const Step& step, const Rows& rows, bool with_hidden);
  void compute_logits(Tensor logits, Tensor hidden, const Weight& head);
  // The input of the MTP head's layer, normalised, in `rows.hidden`. Reads the hidden states that are there,
  // where the rows before have theirs in the same step.
  enum class Before { kInStep, kCarried };
  void begin_mtp(const Step& step, const Rows& rows, Before before);
  Tensor kept(const Step& step, const Rows& rows);
  // All hidden states that are kept for the MTP head, [blocks × mtp_rows + 1, hidden].
  Tensor carried() const;
  bool is_last(size_t layer) const { return layer + 1 >= model_.layers.size(); }
  // Layers in which all rows are computed: behind the last that keeps something those alone that are read
  // out, unless an MTP head needs the hidden states of all.
  size_t whole_layers() const {
    return model_.mtp ? model_.layers.size() : static_cast<size_t>(last_keeping_layer(model_)) + 1;
  }
  static Step of_outputs(const Step& step);
  bool ends_rows(size_t layer) const { return layer + 1 == whole_layers() && !model_.mtp; }
  bool keeps_kv(size_t layer, int group) const;
  // The rows of a block in each tensor of the group, with the part of `contents` that is theirs.
  template <class Byte, class Visit>
  void walk_block(int group, int block, std::span<Byte> contents, const Visit& visit) const;

  void begin(const Step& step);
  static AdaptedBackend::Limits adapter_limits(const DecoderLimits& limits);

  std::unique_ptr<AdaptedBackend> adapted_;  // null: there are no adapters
  Backend& backend_;                         // the former, if it is there
  ModelDescription model_;
  DecoderLimits limits_;
  DecoderWeights weights_;
  BackendArena arena_;
  Activations a_;
  // [layers], then with an MTP head that of its layer, and the hidden states that it needs of each block.
  std::vector<KvLayer> kv_;
  std::vector<StateLayer> states_;  // [layers]
};

}  // namespace ferrum
