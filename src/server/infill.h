// POST /infill: llama-server's way to have a gap in a text filled in.
#pragma once
#include "server/api/api_request.h"
#include "server/api/fields.h"

namespace ferrum::server {

// input_prefix, input_suffix, prompt (the beginning of what is to be filled in), input_extra (other files),
// and the fields of completions. The answer has llama-server's shape: content, stop, tokens_predicted, ….
// 400 where the model has no tokens for it.
ApiRequest infill(Fields& body, const Engine& engine);

}  // namespace ferrum::server
