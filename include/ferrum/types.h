// The nouns of the public interface: what one asks for and what one is told.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ferrum {

// Asking ----

struct ChatMessage {
  std::string role;     // "system", "user", "assistant", "tool"
  std::string content;  // never read as control tokens, whatever it spells
};

// A conversation, rendered with the model's chat template.
struct ChatPrompt {
  std::vector<ChatMessage> messages;
  std::string template_options;  // a JSON object of further template variables, e.g. {"enable_thinking":
                                 // false}; or empty
  // kContinued: the last message, an assistant's, is how the answer begins, and is not told again.
  enum class LastMessage { kAnswered, kContinued } last_message = LastMessage::kAnswered;
};

// Text to be continued as it stands, after the vocabulary's BOS if it has one. Control tokens are not
// recognised.
struct TextPrompt {
  std::string text;
};

struct TokenPrompt {
  std::vector<int32_t> ids;
};

using Prompt = std::variant<ChatPrompt, TextPrompt, TokenPrompt>;

// How the next token is drawn. In this order: logit bias; repetition, presence, frequency and DRY penalties;
// temperature; top-k; typical; top-p; min-p; XTC. With mirostat it takes the place of all after temperature.
// The formulas and their sources stand in engine/sampling/.
struct SamplingOptions {
  // Added to tokens' logits, by id: from −100 to 100, or −infinity for tokens that are never drawn.
  std::map<int32_t, float> logit_bias;

  float repetition_penalty = 1.0f;  // [0.01, 100]; 1: off
  int repetition_window = 64;       // last tokens, of prompt and answer, that the penalty looks at; -1: all
  float presence_penalty = 0;       // [-2, 2]; 0: off; for tokens that the answer has
  float frequency_penalty = 0;      // [-2, 2]; 0: off; times how often the answer has them
  // Don't repeat yourself: against repetitions of what stands in prompt and answer.
  float dry_multiplier = 0;    // [0, 100]; 0: off
  float dry_base = 1.75f;      // [1, 10]
  int dry_allowed_length = 2;  // ≥ 1: tokens that may be repeated for nothing
  int dry_window = -1;         // last tokens that it looks at; -1: all
  // No repetition reaches over a token whose text contains one of these.
  std::vector<std::string> dry_breakers = {"\n", ":", "\"", "*"};

  float temperature = 0.8f;      // [0, 100]; 0: always the most likely token
  int top_k = 40;                // ≥ 0; 0: off
  float typical_p = 1.0f;        // (0, 1]; 1: off
  float top_p = 0.95f;           // (0, 1]; 1: off
  float min_p = 0.05f;           // [0, 1]; 0: off
  float xtc_probability = 0;     // [0, 1]; 0: off; how often the likeliest tokens are left out
  float xtc_threshold = 0.1f;    // [0, 1]; from which probability, all but the last of them
  int mirostat = 0;              // 0: off; 1 or 2: its version
  float mirostat_tau = 5.0f;     // [0, 100]: surprise aimed at, bits per token
  float mirostat_eta = 0.1f;     // [0, 1]: how fast
  std::optional<uint64_t> seed;  // same seed, same model, same backend: same text
};

struct Request {
  Prompt prompt;
  SamplingOptions sampling;
  int choices = 1;  // answers to the one prompt, each drawn by itself
  // So many are drawn, and the `choices` whose tokens have the highest mean log probability are told once all
  // have ended, the best first; 0: as many as are told, as they come.
  int best_of = 0;
  int priority = 0;             // higher ones are served first
  double deadline_seconds = 0;  // from being submitted to the last token; 0: none
  std::string cache_salt;       // only requests of the same salt share what was computed of their prompts
  int max_tokens = -1;          // -1: until the model stops or the context is full
  // Until the answer has so many tokens, none that would end it can be drawn. (A stop string may still end
  // it.)
  int min_tokens = 0;
  std::vector<std::string> stop;     // the answer ends before the first of these, which is not part of it
  std::vector<int32_t> stop_tokens;  // the answer ends with the first of these as well, which has no text
  // kIgnored: the model's own stop tokens can never be drawn.
  enum class EndOfText { kStops, kIgnored } end_of_text = EndOfText::kStops;
  // When the context is full the answer ends; or, kShifts, it goes on without half of the tokens that come
  // after the first `keep_tokens`, as often as needed. What the model then sees it reads anew.
  enum class ContextEnd { kFinishes, kShifts } context_end = ContextEnd::kFinishes;
  // Of the prompt, as far as the context allows. The very first hold much of all later attention (Xiao et al.
  // 2023, arXiv 2309.17453): without them a model loses its way.
  int keep_tokens = 4;
  std::optional<int> logprobs;  // 0 to 20: tells a TokenEvent of each token, with so many alternatives
  // 0 to 20: tells a PromptEvent, with so many alternatives to each token. Nothing of the prompt is then
  // taken from the prefix cache. With max_tokens 0 there is nothing else to tell.
  std::optional<int> prompt_logprobs;
};

// Being told ----

// `choice` counts the answers to one request from 0.

struct TextEvent {
  int choice = 0;
  std::string text;  // whole characters
};

// How likely the model itself found a token: before logit bias, penalties, temperature and all that follows.
struct TokenChance {
  int32_t id = 0;
  std::string bytes;  // what it adds to a text, not always whole characters; a control token's spelling
  float logprob = 0;  // natural logarithm
};

// Comes before the TextEvent that has the last of its text, if Request::logprobs asks for it. Not told of the
// token that ends the answer, nor of one that has part in a stop string that was met.
struct TokenEvent {
  int choice = 0;
  TokenChance token;
  std::vector<TokenChance> top;  // the most likely first; the token itself may be among them
};

struct PromptToken {
  TokenChance token;             // of the first, which nothing comes before, the logprob is NaN
  std::vector<TokenChance> top;  // the most likely first; the token itself may be among them
};

// All of the prompt, once for all choices, before anything else is told of them, if Request::prompt_logprobs
// asks for it.
struct PromptEvent {
  std::vector<PromptToken> tokens;
};

enum class FinishReason {
  kStop,       // the model ended its answer, or a stop string was met
  kMaxTokens,  // max_tokens were generated
  kContext,    // the context is full
  kCancelled,
};

// What a choice took. Its times: submitted, admitted to the batch, first token drawn, last token drawn, told.
struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompt: not computed again
  int generated_tokens = 0;
  int reasoning_tokens = 0;   // of those: between <think> and </think>, these included
  int drafted_tokens = 0;     // tried by speculation
  int accepted_tokens = 0;    // of those: they were right
  int shifted_tokens = 0;     // that left the context to make room (Request::ContextEnd)
  int preemptions = 0;        // how often it made room for others, to wait and to be computed again
  double queue_seconds = 0;   // submitted to admitted (for the first time); to its end, if it never was
  double prompt_seconds = 0;  // submitted to the first token, queue_seconds included; 0 if there is none
  double decode_seconds = 0;  // from the first token to the last, times after preemptions included
  double total_seconds = 0;   // submitted to its end
};

struct FinishEvent {
  int choice = 0;
  FinishReason reason = FinishReason::kStop;
  std::string stop;  // the stop string that was met, if one was
  Usage usage;
};

struct ErrorEvent {
  std::string code;  // stable: "bad_argument", "context_full", …
  std::string message;
};

using Event = std::variant<TextEvent, TokenEvent, PromptEvent, FinishEvent, ErrorEvent>;

}  // namespace ferrum
