#include "engine/replay/replay.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "engine/replay/even_model.h"
#include "engine/replay/replay_checkpoint.h"
#include "engine/replay/replay_vocabulary.h"
#include "text/chat_context.h"
#include "text/chat_template.h"

namespace ferrum {
namespace {

constexpr int kLargestPiece = 64;  // bytes

std::string read_template(const std::filesystem::path& path) {
  if (path.empty()) return std::string(kChatMlTemplate);
  std::string source(MappedFile::open(path)->text());
  try {
    ChatTemplate{source};
  } catch (const Error& e) {
    fail(e.code(), "{}: {}", in_quotes(path.string()), e.what());
  }
  return source;
}

std::shared_ptr<const Checkpoint> checkpoint_of(const RecordedAnswers& answers,
                                                const ReplayOptions& options) {
  if (options.piece_bytes < 1 || options.piece_bytes > kLargestPiece)
    fail(ErrorCode::kBadArgument, "piece_bytes must be from 1 to {}, not {}", kLargestPiece,
         options.piece_bytes);
  std::string chat_template = read_template(options.chat_template);
  std::vector<std::string> texts;
  for (size_t i = 0; i < answers.size(); ++i) texts.push_back(answers.text(i));
  TokenizerSpec vocabulary = replay_vocabulary(chat_template, texts, options.piece_bytes);
  return std::make_shared<ReplayCheckpoint>(options.answers.filename().string(), std::move(chat_template),
                                            std::move(vocabulary));
}

// What has been said since the model spoke last. Clients put remarks of their own behind the question, so
// that it is not always the last message.
std::string since_last_answer(const std::vector<ChatMessage>& messages) {
  const auto spoken = std::ranges::find(messages.rbegin(), messages.rend(), "assistant", &ChatMessage::role);
  std::string text;
  for (auto message = spoken.base(); message != messages.end(); ++message) {
    if (message != spoken.base()) text += '\n';
    text += message->content;
  }
  return text;
}

// As the answer would have come if its thoughts had been ended when their budget was spent.
std::vector<TokenId> within_budget(const std::vector<TokenId>& answer, const ThoughtBudget& budget) {
  ThoughtScan scan = budget.scan();
  std::vector<bool> is_thought;
  for (const TokenId id : answer) {
    const bool before = scan.inside();
    scan.take(id);
    is_thought.push_back(before);
    if (before && !scan.inside())  // what has turned out to be the closing mark
      for (size_t i = 0; i < std::min(scan.mark_tokens(), is_thought.size()); ++i)
        is_thought[is_thought.size() - 1 - i] = false;
  }
  std::vector<TokenId> kept;
  size_t spent = 0;
  for (size_t i = 0; i < answer.size(); ++i)
    if (!is_thought[i] || spent++ < budget.tokens) kept.push_back(answer[i]);
  return kept;
}

}  // namespace

Replay::Replay(const ReplayOptions& options)
    : answers_(options.answers), checkpoint_(checkpoint_of(answers_, options)) {}

std::unique_ptr<Model> Replay::model(Backend& backend, const DecoderLimits& limits) const {
  return std::make_unique<EvenModel>(backend, limits, checkpoint_->model().hidden);
}

void Replay::encode(const Tokenizer& tokenizer, TokenId end) {
  for (size_t i = 0; i < answers_.size(); ++i)
    tokens_.push_back(tokenizer.encode({answers_.text(i), true}, {.add_special = false}));
  end_ = end;
  filler_ = tokenizer.encode({"\n", true}, {.add_special = false}).front();
}

std::vector<TokenId> Replay::script(const Request& request, const SequenceFacts& facts,
                                    FunctionRef<std::string()> prompt) {
  const auto* const chat = std::get_if<ChatPrompt>(&request.prompt);
  const std::string news = chat != nullptr ? since_last_answer(chat->messages) : prompt();
  std::vector<TokenId> script = tokens_[answers_.take(news, prompt)];
  if (facts.thoughts) script = within_budget(script, *facts.thoughts);

  const auto must_not_come = [&](TokenId id) {
    return std::ranges::find(facts.forbidden, id) != facts.forbidden.end();
  };
  std::erase_if(script, must_not_come);
  for (size_t i = 0; i < std::min(script.size(), facts.min_tokens);)
    if (std::ranges::find(facts.ends, script[i]) != facts.ends.end())
      script.erase(script.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  if (must_not_come(end_)) {
    if (script.empty()) script.push_back(filler_);
    return script;
  }
  if (script.empty() && facts.min_tokens > 0) script.push_back(filler_);
  for (size_t i = 0; script.size() < facts.min_tokens; ++i) script.push_back(script[i]);
  script.push_back(end_);
  return script;
}

}  // namespace ferrum
