// The fields common to all generation requests: how tokens are drawn, and where an answer ends.
#pragma once
#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server {

constexpr int kMaxTokens = 1 << 30;  // the limit of fields that count tokens

// Reads the sampling fields of OpenAI, Ferrum and llama-server into `request`; values of missing fields are
// unchanged. Does not read the prompt, the number of tokens and logprobs.
void read_sampling(Fields& fields, Request& request);

}  // namespace ferrum::server
