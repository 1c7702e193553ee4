// What all requests for text have in common: how tokens are drawn, and where an answer ends.
#pragma once
#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server {

constexpr int kMaxTokens = 1 << 30;  // of any field that counts tokens

// Reads the sampling fields of OpenAI, Ferrum and llama-server into `request`, whose values stay where a
// field is missing. Does not read the prompt, the number of tokens and logprobs.
void read_sampling(Fields& fields, Request& request);

}  // namespace ferrum::server
