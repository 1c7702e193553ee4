// llama-server's limits of an answer that goes on with a text line by line, as editors ask for one.
#pragma once
#include <chrono>

#include "server/api/answering.h"
#include "server/api/fields.h"

namespace ferrum::server {

struct LineLimits {
  // The answer ends before a line, other than its first, that begins with fewer spaces and tabs; 0: any.
  int indent = 0;
  // Once this time has passed since its first text, the answer ends with the text that ends a line; 0: none.
  std::chrono::milliseconds time{0};
};

// n_indent and t_max_predict_ms.
LineLimits read_line_limits(Fields& body);

// The streams, each of one choice, whose answers end by these limits as by max_tokens.
Streams within(Streams streams, const LineLimits& limits,
               const AnswerClock& clock = std::chrono::steady_clock::now);

}  // namespace ferrum::server
