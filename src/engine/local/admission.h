// From a request to a job: everything that can be wrong with a request is found here, on the caller's thread.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "engine/local/adapter_store.h"
#include "engine/local/answer_grammars.h"
#include "engine/loop/sequence.h"
#include "engine/prompt_builder.h"
#include "engine/replay/replay.h"

namespace ferrum {

// The breakers of the last strings that requests named: requests of one client name the same ones, and to
// find them the whole vocabulary is read. For any thread.
class BreakerCache {
 public:
  std::shared_ptr<const DryBreakers> of(const Tokenizer& tokenizer, const std::vector<std::string>& strings);

 private:
  std::mutex mutex_;  // of what follows
  std::vector<std::string> strings_;
  std::shared_ptr<const DryBreakers> breakers_;
};

class Admission {
 public:
  struct Limits {
    int context = 0;       // tokens of the longest sequence
    int block_tokens = 0;  // of a block of the cache
  };
  // All outlive this. `replay`: where answers are recorded, else null.
  Admission(const Checkpoint& checkpoint, const PromptBuilder& prompts, const Limits& limits, Replay* replay);

  // Of requests that come from now on.
  void use(AdapterStore& adapters) { adapters_ = &adapters; }

  // Null for a request that is refused: its sink received one ErrorEvent with the reason. For any thread.
  std::shared_ptr<Job> admit(Request request, const std::shared_ptr<EventSink>& sink);

 private:
  // Throws Error for a request's mistakes.
  std::shared_ptr<Job> job_for(Request request, const std::shared_ptr<const tools::ToolList>& functions,
                               std::shared_ptr<EventSink> sink);
  // Takes the recorded answer that the job gives, as it is: the job's grammar, which it may break, goes.
  void set_script(Job& job, const Request& request);
  // How long the answers may become, by the context. Throws ContextFull.
  void set_limits(Job& job, const Request& request) const;
  // Where a later prompt may turn away from this one: behind the system's turn, where the first turn ends,
  // and near the prompt's own end, where the answer begins.
  std::vector<int> kept_states(std::span<const TokenId> prompt) const;
  SequenceFacts facts_of(const Request& request, std::span<const TokenId> prompt);
  // The tokens that end an answer to this prompt for the model. Those of a gap end it where it asks for one.
  std::vector<TokenId> model_ends(std::span<const TokenId> prompt) const;
  // The job's adapter and what it shares in the cache.
  void set_adapter(Job& job, const Request& request);
  // How the answers are divided into parts, and what they may be.
  // What begins a call within a thought, and so ends the thought; null: nothing.
  std::shared_ptr<const grammar::ByteSearch> calls_in_thoughts(const Request& request,
                                                               const tools::ToolList& functions) const;
  void set_form(Job& job, const Request& request, const std::shared_ptr<const tools::ToolList>& functions);

  const PromptBuilder& prompts_;
  Replay* replay_;
  AdapterStore* adapters_ = nullptr;  // null: the engine has no room for them
  int vocab_;
  int context_;
  int block_tokens_;
  bool keeps_states_;                 // the model has recurrent layers
  std::vector<TokenId> stop_tokens_;  // sorted
  BreakerCache breakers_;
  AnswerGrammars grammars_;
};

}  // namespace ferrum
