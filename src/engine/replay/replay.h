// Recorded answers in place of a model's (ferrum/engine.h: ReplayOptions).
//
// The answers are what is drawn, whatever the logits: each request is given the tokens of one of them when it
// is admitted. All else is the engine's own: rendering, prefix cache, batches, stop strings, events, usage.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/function_ref.h"
#include "checkpoint/checkpoint.h"
#include "engine/replay/recorded_answers.h"
#include "engine/sampling/sampler.h"
#include "ferrum/engine.h"
#include "models/decoder.h"
#include "models/model.h"

namespace ferrum {

class Replay {
 public:
  // Errors kNotFound, kIo, kBadFile naming file and line; kBadTemplate; kBadArgument for piece_bytes.
  explicit Replay(const ReplayOptions& options);

  std::shared_ptr<const Checkpoint> checkpoint() const { return checkpoint_; }
  std::unique_ptr<Model> model(Backend& backend, const DecoderLimits& limits) const;
  // Call once, before requests come. `end`: the token that a model would end its answers with.
  void encode(const Tokenizer& tokenizer, TokenId end);

  // The tokens that the answers to this request consist of, in the order of the calls: its end token is the
  // last. `facts` are the request's: the answer is repeated where it must be longer, and a thought is cut to
  // its budget. `prompt`: as the model reads it. For any thread. Error kBadArgument: none is recorded for it.
  std::vector<TokenId> script(const Request& request, const SequenceFacts& facts,
                              FunctionRef<std::string()> prompt);

 private:
  RecordedAnswers answers_;
  std::shared_ptr<const Checkpoint> checkpoint_;
  std::vector<std::vector<TokenId>> tokens_;  // of each answer
  TokenId end_ = 0;
  TokenId filler_ = 0;  // for an empty answer that must not end
};

}  // namespace ferrum
