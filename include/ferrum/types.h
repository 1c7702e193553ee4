// The nouns of the public interface: what one asks for and what one is told.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ferrum {

// Asking
// ------------------------------------------------------------------------------------------------------------

struct ChatMessage {
  std::string role;     // "system", "user", "assistant", "tool"
  std::string content;  // never read as control tokens, whatever it spells
};

// A conversation, rendered with the model's chat template.
struct ChatPrompt {
  std::vector<ChatMessage> messages;
  std::string template_options;  // a JSON object of further template variables, e.g. {"enable_thinking":
                                 // false}; or empty
};

// Text to be continued as it stands, after the vocabulary's BOS if it has one. Control tokens are not
// recognised.
struct TextPrompt {
  std::string text;
};

struct TokenPrompt {
  std::vector<int32_t> ids;
};

struct SamplingOptions {
  float temperature = 0.8f;         // ≥ 0; 0: always the most likely token
  int top_k = 40;                   // ≥ 0; 0: off
  float top_p = 0.95f;              // (0, 1]; 1: off
  float min_p = 0.05f;              // [0, 1]; 0: off
  float repetition_penalty = 1.0f;  // > 0; 1: off
  int repetition_window = 64;       // last tokens that the penalty looks at; -1: all
  std::optional<uint64_t> seed;     // same seed, same model, same backend: same text
};

struct Request {
  std::variant<ChatPrompt, TextPrompt, TokenPrompt> prompt;
  SamplingOptions sampling;
  int max_tokens = -1;            // -1: until the model stops or the context is full
  std::vector<std::string> stop;  // the answer ends before the first of these, which is not part of it
  enum class EndOfText { kStops, kIgnored } end_of_text = EndOfText::kStops;
};

// Being told
// --------------------------------------------------------------------------------------------------------

struct TextEvent {
  std::string text;  // whole characters
};

enum class FinishReason {
  kStop,       // the model ended its answer, or a stop string was met
  kMaxTokens,  // max_tokens were generated
  kContext,    // the context is full
  kCancelled,
};

struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompt: not computed again
  int generated_tokens = 0;
  double prompt_seconds = 0;  // until the first token
  double decode_seconds = 0;  // from the first token to the last
};

struct FinishEvent {
  FinishReason reason = FinishReason::kStop;
  std::string stop;  // the stop string that was met, if one was
  Usage usage;
};

struct ErrorEvent {
  std::string code;  // stable: "bad_argument", "context_full", …
  std::string message;
};

using Event = std::variant<TextEvent, FinishEvent, ErrorEvent>;

}  // namespace ferrum
