// What chat completions and completions have in common.
#pragma once
#include <string>

#include "server/api/answering.h"
#include "server/api/fields.h"
#include "server/api/ids.h"

namespace ferrum::server::openai {

struct Head {
  std::string id;
  int64_t created = now();
  std::string model;
};

// What a token adds to the text, or "bytes:\\xe2\\x82" for a token that is part of a character: distinct
// tokens have distinct texts.
std::string token_text(const TokenChance& token);
// {"token", "logprob", "bytes", "top_logprobs"}
Json token_json(const TokenEvent& event);

const char* finish_reason(const FinishEvent& finish);

// Of all choices of all prompts.
class UsageSum {
 public:
  void add(size_t prompt, const Usage& usage);
  Json json() const;

 private:
  std::vector<Usage> prompts_;  // each prompt counts once, however many choices it has
  int64_t generated_ = 0;
  int64_t reasoning_ = 0;
  int64_t accepted_ = 0;
  int64_t rejected_ = 0;
};

// stream and stream_options.
struct StreamOptions {
  Delivery delivery = Delivery::kWhole;
  bool usage = false;             // in a chunk of its own at the end
  bool continuous_usage = false;  // in every chunk
};
StreamOptions read_stream(Fields& body);
// The usage so far of one choice, as each chunk has it with continuous_usage.
Json usage_so_far(int prompt_tokens, int generated_tokens);
// best_of cannot be streamed, since the best answers are known at the end. n × best_of × prompts is bounded.
void check_choices(Fields& body, const StreamOptions& stream, const Request& request, size_t prompts);

// OpenAI's fields that do not change the answer.
void read_hints(Fields& body);
// Those, and what responses honour but completions do not: store, metadata and the like.
void read_completion_hints(Fields& body);
// OpenAI's fields that are not supported, or not yet.
void refuse_unserved(Fields& body);

}  // namespace ferrum::server::openai
