// The complete events that a client of the engine receives.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ferrum/engine.h"

namespace ferrum::test {

// One choice of a request with logprobs.
struct ReadAnswer {
  std::string text;
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;  // of the tokens, and of each one's alternatives
  std::optional<FinishEvent> finish;
};

struct Answers {
  std::vector<ReadAnswer> choices;
  std::string error;  // its message
};

inline void take(const Event& event, Answers& answers) {
  if (const auto* text = std::get_if<TextEvent>(&event)) {
    answers.choices[static_cast<size_t>(text->choice)].text += text->text;
  } else if (const auto* token = std::get_if<TokenEvent>(&event)) {
    ReadAnswer& answer = answers.choices[static_cast<size_t>(token->choice)];
    answer.tokens.push_back(token->token.id);
    answer.logprobs.push_back(token->token.logprob);
    for (const TokenChance& other : token->top) answer.logprobs.push_back(other.logprob);
  } else if (const auto* finish = std::get_if<FinishEvent>(&event)) {
    answers.choices[static_cast<size_t>(finish->choice)].finish = *finish;
  } else {
    answers.error = std::get<ErrorEvent>(event).message;
  }
}

// Reads to the end, or cancels after this many events.
inline Answers read(EventStream& stream, int choices, int cancel_after = -1) {
  Answers answers = {std::vector<ReadAnswer>(static_cast<size_t>(choices)), {}};
  for (int events = 0;; ++events) {
    if (events == cancel_after) stream.cancel();
    const std::optional<Event> event = stream.next();
    if (!event) return answers;
    take(*event, answers);
  }
}

inline std::filesystem::path demonstration(const char* name) {
  return std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / (std::string(name) + ".gguf");
}

}  // namespace ferrum::test
