// What every way of asking for text has in common: how it is drawn, and where it ends.
#pragma once
#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server {

constexpr int kMaxTokens = 1 << 30;  // that anyone asks for

// Reads OpenAI's fields of sampling and Ferrum's own beside them, of which the model's recommendation holds
// where they are silent. Not the prompt, nor how many tokens, nor logprobs.
void read_sampling(Fields& fields, Request& request);

}  // namespace ferrum::server
