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
  bool usage = false;
};
StreamOptions read_stream(Fields& body);
// Which answers are the best is known at the end: 400 for best_of in a stream.
void refuse_best_of(const StreamOptions& stream, const Request& request);

// OpenAI's fields that do not change the answer.
void read_hints(Fields& body);
// Those, and what responses honour but completions do not: store, metadata and the like.
void read_completion_hints(Fields& body);
// OpenAI's fields that are not supported, or not yet.
void refuse_unserved(Fields& body);

}  // namespace ferrum::server::openai
