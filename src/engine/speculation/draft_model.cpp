#include "engine/speculation/draft_model.h"

#include <algorithm>

#include "base/error.h"

namespace ferrum {
namespace {

void require_same_vocabulary(const Checkpoint& draft, const Checkpoint& target, const Tokenizer* theirs) {
  const auto refuse = [&](const std::string& why) {
    fail(ErrorCode::kBadArgument, "{} cannot draft for {}: {}", in_quotes(draft.model().name),
         in_quotes(target.model().name), why);
  };
  const std::unique_ptr<const Tokenizer> mine = draft.load_tokenizer();
  if (!mine || !theirs) {
    if (draft.model().vocab != target.model().vocab)
      refuse(fmt::format("its vocabulary has {} tokens, not {}", draft.model().vocab, target.model().vocab));
    return;
  }
  for (TokenId id = 0; id < std::max(mine->size(), theirs->size()); ++id) {
    const std::string_view spelled = id < mine->size() ? mine->spelling(id) : "";
    const std::string_view wanted = id < theirs->size() ? theirs->spelling(id) : "";
    if (spelled != wanted)
      refuse(
          fmt::format("token {} of its vocabulary is {}, not {}", id, in_quotes(spelled), in_quotes(wanted)));
  }
}

}  // namespace

DraftModel::DraftModel(const std::filesystem::path& path, const Checkpoint& target,
                       const Tokenizer* tokenizer)
    : checkpoint_(Checkpoint::open(path)), target_vocab_(target.model().vocab) {
  if (checkpoint_->model().keeps_states())
    fail(ErrorCode::kUnsupported, "{} cannot draft: the state of its recurrent layers cannot be taken back",
         in_quotes(checkpoint_->model().name));
  require_same_vocabulary(*checkpoint_, target, tokenizer);
}

void DraftModel::run_beside(const RunnerOptions& runner) {
  options_ = runner;
  options_.max_context = std::min(runner.max_context, checkpoint_->model().context);
  options_.max_outputs = options_.max_sequences;
  options_.max_vectors = 0;
  options_.adapters = 0;  // they are of the model that it drafts for
}

void DraftModel::load(const std::shared_ptr<Backend>& backend, PrefixCache::Reuse reuse,
                      const LoadProgress& progress) {
  runner_ = std::make_unique<Runner>(backend, checkpoint_, options_, progress);
  drafter_ =
      std::make_unique<ModelDrafter>(*runner_, ModelDrafter::Limits{.batch_tokens = options_.max_tokens,
                                                                    .max_context = options_.max_context,
                                                                    .vocab = target_vocab_,
                                                                    .cache = runner_->cache_options(reuse)});
}

}  // namespace ferrum
