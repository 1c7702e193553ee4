#include "engine/local/text_admission.h"

#include <chrono>
#include <cstdint>
#include <new>
#include <utility>

#include "base/error.h"
#include "engine/loop/current_error.h"

namespace ferrum {
namespace {

using Result = TextRequest::Result;

constexpr double kMaxDeadline = 1e9;
// Of the hidden states that a request may ask for: their numbers wait for the reader.
constexpr int64_t kMostStateNumbers = int64_t{1} << 24;

}  // namespace

TextAdmission::TextAdmission(const ModelDescription& model, const Tokenizer& tokenizer, int most_tokens)
    : model_(model), tokenizer_(tokenizer), most_tokens_(most_tokens) {}

TextUse TextAdmission::use() const {
  const TextHeadDescription& head = model_.text_head;
  TextUse use;
  use.kind = head.classifies ? TextUse::Kind::kScores : TextUse::Kind::kEmbeddings;
  use.dimensions = head.width(model_.hidden);
  use.labels = head.labels;
  for (const auto& [name, text] : head.prompts) use.prompts.push_back(name);
  use.most_tokens = most_tokens_;
  use.reads_instructions = head.reads_instructions();
  return use;
}

void TextAdmission::validate(const TextRequest& r) const {
  const TextHeadDescription& head = model_.text_head;
  const int width = head.width(model_.hidden);
  if (r.texts.empty()) fail(ErrorCode::kBadArgument, "there are no texts");
  if (r.result == Result::kEmbeddings && head.classifies)
    fail(ErrorCode::kBadArgument, "the model scores texts, and makes no embeddings");
  if ((r.result == Result::kScores || r.result == Result::kLogits) && !head.classifies)
    fail(ErrorCode::kBadArgument, "the model makes embeddings, and scores no texts");
  if (r.dimensions != 0 && r.result != Result::kEmbeddings)
    fail(ErrorCode::kBadArgument, "dimensions are of embeddings");
  if (r.dimensions < 0 || r.dimensions > width)
    fail(ErrorCode::kBadArgument,
         "dimensions must be from 1 to {}, which embeddings of this model have, not {}", width, r.dimensions);
  if (r.most_tokens < 0 || r.most_tokens > most_tokens_)
    fail(ErrorCode::kBadArgument, "a text of this model has 1 to {} tokens, not {}", most_tokens_,
         r.most_tokens);
  if (!r.instruction.empty() && !head.reads_instructions())
    fail(ErrorCode::kBadArgument, "the model reads no instruction beside its texts");
  if (!(r.deadline_seconds >= 0 && r.deadline_seconds <= kMaxDeadline))
    fail(ErrorCode::kBadArgument, "deadline_seconds must be from 0 to {}, not {}", kMaxDeadline,
         r.deadline_seconds);
}

TextTokens TextAdmission::tokens_of(const TextRequest::Text& text, const TextRequest& request,
                                    std::string_view prompt, const TextInputs& inputs) const {
  const TooLong too_long = request.too_long == TextRequest::TooLong::kCut ? TooLong::kCut : TooLong::kRefused;
  if (const auto* string = std::get_if<std::string>(&text)) return inputs.single(prompt, *string, too_long);
  if (const auto* tokens = std::get_if<TokenPrompt>(&text)) return inputs.ready(tokens->ids, too_long);
  const auto& pair = std::get<TextPair>(text);
  if (!model_.text_head.classifies)
    fail(ErrorCode::kBadArgument, "a pair of texts is for a model that scores texts");
  return inputs.pair(pair.first, pair.second, too_long, request.instruction);
}

std::shared_ptr<TextJob> TextAdmission::job_for(TextRequest request) const {
  validate(request);
  const TextInputs inputs(model_, tokenizer_, request.most_tokens > 0 ? request.most_tokens : most_tokens_);
  const std::string_view prompt = inputs.prompt(request.prompt_name);
  auto job = std::make_shared<TextJob>();
  for (size_t i = 0; i < request.texts.size(); ++i) {
    try {
      job->texts.push_back(tokens_of(request.texts[i], request, prompt, inputs));
    } catch (const Error& e) {
      if (request.texts.size() == 1) throw;
      fail(e.code(), "text {}: {}", i, e.what());
    }
    job->tokens += job->texts.back().tokens.size();
  }
  if (request.result == Result::kStates) {
    const int64_t most = kMostStateNumbers / model_.hidden;
    if (static_cast<int64_t>(job->tokens) > most)
      fail(ErrorCode::kBadArgument,
           "hidden states of {} tokens are wanted; a request gets those of at most {}", job->tokens, most);
  }
  if (request.deadline_seconds > 0)
    job->deadline = job->submitted + std::chrono::duration_cast<Clock::duration>(
                                         std::chrono::duration<double>(request.deadline_seconds));
  request.texts.clear();
  job->request = std::move(request);
  return job;
}

std::shared_ptr<TextJob> TextAdmission::admit(TextRequest request,
                                              const std::shared_ptr<EventSink>& sink) const {
  try {
    std::shared_ptr<TextJob> job = job_for(std::move(request));
    job->sink = sink;
    return job;
  } catch (const Error& e) {
    sink->push(event_of(e));
  } catch (const std::bad_alloc&) {
    sink->push(ErrorEvent{std::string(name_of(ErrorCode::kNoMemory)), "out of memory for this request"});
  }
  return nullptr;
}

}  // namespace ferrum
