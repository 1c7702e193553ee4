// Computes embeddings of texts, or logits of their labels: packs texts of any length into ragged steps,
// without padding, and keeps nothing between them.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "cache/block_table.h"
#include "checkpoint/checkpoint.h"
#include "engine/step_builder.h"
#include "engine/text_inputs.h"
#include "models/loader.h"
#include "models/text_head.h"

namespace ferrum {

struct TextEncoderOptions {
  int longest_text = 0;    // tokens
  int step_tokens = 2048;  // of one step, at least the longest text
};

// Bytes that an encoder of texts takes beside its weights.
uint64_t text_encoder_bytes(const ModelDescription& model, const TextEncoderOptions& options);

class TextEncoder {
 public:
  // Errors: kUnsupported for a model that makes nothing of a text as a whole; those of load_model.
  TextEncoder(std::shared_ptr<Backend> backend, std::shared_ptr<const Checkpoint> checkpoint,
              const TextEncoderOptions& options, const LoadProgress& progress = {});

  const Checkpoint& checkpoint() const { return *checkpoint_; }
  int width() const;  // of what is made of a text

  // [texts, width()], not normalised. What a text gives depends on no other text. REQUIRES: each text has at
  // least one token and at most options.longest_text. Error kNotFinite naming the text by its number, from 0;
  // kBadFile if the checkpoint's file was cut meanwhile.
  std::vector<float> compute(std::span<const TextTokens> texts);

 private:
  // The texts of one step.
  std::span<const TextTokens> next_step(std::span<const TextTokens> texts) const;
  void compute_step(std::span<const TextTokens> texts, std::span<float> results);

  std::shared_ptr<const Checkpoint> checkpoint_;  // outlives the model, whose weights may look into it
  std::shared_ptr<Backend> backend_;
  TextEncoderOptions options_;
  std::unique_ptr<Model> model_;
  TextHead head_;
  StepBuilder builder_;
  std::unique_ptr<Buffer> starts_buffer_;
  std::vector<BlockId> blocks_;
};

// The first `dimensions` numbers of an embedding (0: all), of length 1 where it is normalised or shortened.
// REQUIRES: dimensions ≤ row.size().
std::vector<float> finished_embedding(std::span<const float> row, int dimensions, bool normalizes);

}  // namespace ferrum
