// llama-server's "timings": how long an answer took, by the server's own clock.
#pragma once
#include "ferrum/types.h"
#include "server/api/fields.h"

namespace ferrum::server::openai {

// Whether `timings_per_token` asks for them. They come once, with the end of the answer.
bool read_timings(Fields& body);

// Times are in milliseconds, rates in tokens per second. The prompt's time begins when the request is
// admitted and ends with the first token, so the rest of the answer is one token less: predicted_per_second
// is (predicted_n − 1) / predicted_ms. Rates of what took no time are 0.
Json timings_json(const Usage& usage);

}  // namespace ferrum::server::openai
