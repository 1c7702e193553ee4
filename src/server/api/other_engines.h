// Fields that vLLM and llama-server have beside OpenAI's. Their clients send many of them in every request,
// mostly with the values that those engines use anyway.
#pragma once
#include "server/api/fields.h"

namespace ferrum::server {

// Reads all of them that nothing else honours: at their defaults they ask for nothing, those that do not
// change the answer are hints, others are refused. Sources: ChatCompletionRequest, CompletionRequest and
// SamplingParams of vLLM 0.11; the README of llama.cpp's tools/server.
void read_other_engines(Fields& body);

}  // namespace ferrum::server
