// Computes embeddings of texts, or logits of their labels: packs texts of any length into ragged steps,
// without padding, and keeps nothing between them.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string_view>
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
  // How a text becomes one vector, in place of what the model's files say. Error kBadArgument for a model
  // that scores texts.
  std::optional<TextPooling> pooling{};
  bool gives_states = false;  // states() is called
};

// "mean", "cls", "last" or "max". Error kBadArgument for another name.
TextPooling pooling_named(std::string_view name);

// Bytes that an encoder of texts takes beside its weights. Errors as TextEncoder's.
uint64_t text_encoder_bytes(KvLayout layout, const ModelDescription& model,
                            const TextEncoderOptions& options);

class TextEncoder {
 public:
  // Errors: kUnsupported for a model that makes nothing of a text as a whole; those of load_model.
  TextEncoder(std::shared_ptr<Backend> backend, std::shared_ptr<const Checkpoint> checkpoint,
              const TextEncoderOptions& options, const LoadProgress& progress = {});

  // As the files and the options describe it.
  const ModelDescription& model() const { return description_; }
  int width() const;  // of what is made of a text
  Backend& backend() { return *backend_; }

  // Whether the texts fit one step.
  bool fits(size_t texts, size_t tokens) const;
  // What is made of the texts of one step, [texts, width()], not normalised, perhaps not finite. Error
  // kBadFile if the checkpoint's file was cut meanwhile. REQUIRES: fits().
  std::vector<float> compute(std::span<const TextTokens* const> texts);
  // The hidden states of their tokens behind the last norm, text after text, [tokens, hidden].
  std::vector<float> states(std::span<const TextTokens* const> texts);

  // Of texts for as many steps as they take: [texts, width()], not normalised. What a text gives depends on
  // no other text. REQUIRES: each text has at least one token and at most options.longest_text. Error
  // kNotFinite naming the text by its number, from 0; kBadFile if the checkpoint's file was cut meanwhile.
  std::vector<float> compute(std::span<const TextTokens> texts);

 private:
  // How many of the texts make the next step.
  size_t next_step(std::span<const TextTokens* const> texts) const;
  std::vector<float> run(std::span<const TextTokens* const> texts, Outputs outputs);

  std::shared_ptr<const Checkpoint> checkpoint_;  // outlives the model, whose weights may look into it
  std::shared_ptr<Backend> backend_;
  TextEncoderOptions options_;
  ModelDescription description_;
  std::unique_ptr<Model> model_;
  TextHead head_;
  BackendArena arena_;
  StepUpload upload_;
  StepBuilder builder_;
  std::vector<BlockId> blocks_;
};

}  // namespace ferrum
