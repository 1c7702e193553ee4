// Shared by chat completions, completions and responses.
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

// The text of a token, or "bytes:\\xe2\\x82" for a token that is part of a character, so that distinct tokens
// have distinct texts.
std::string token_text(const TokenChance& token);
// {"token", "logprob", "bytes", "top_logprobs"}
Json token_json(const TokenEvent& event);

const char* finish_reason(const FinishEvent& finish);

// The usage of all choices of all prompts.
class UsageSum {
 public:
  void add(size_t prompt, const Usage& usage);
  Json json() const;

 private:
  std::vector<Usage> prompts_;  // each prompt counts once, whatever its number of choices
  int64_t generated_ = 0;
  int64_t reasoning_ = 0;
  int64_t accepted_ = 0;
  int64_t rejected_ = 0;
};

// The fields stream and stream_options.
struct StreamOptions {
  Delivery delivery = Delivery::kWhole;
  bool usage = false;             // in a separate chunk at the end
  bool continuous_usage = false;  // in every chunk
};
StreamOptions read_stream(Fields& body);
// The usage of one choice so far, for each chunk with continuous_usage.
Json usage_so_far(int prompt_tokens, int generated_tokens);
// Refuses best_of in a stream, since the best are known at the end, and more than 2,048 answers in total.
void check_choices(Fields& body, const StreamOptions& stream, const Request& request, size_t prompts);

// Reads OpenAI's fields that do not change the answer.
void read_hints(Fields& body);
// Reads those and the fields that responses honour but completions do not: store, metadata and others.
void read_completion_hints(Fields& body);
// Refuses OpenAI's fields that are not supported.
void refuse_unserved(Fields& body);

}  // namespace ferrum::server::openai
