// POST /infill: llama-server's route for filling a gap in a text.
#pragma once
#include "server/api/api_request.h"
#include "server/api/fields.h"

namespace ferrum::server {

// input_prefix, input_suffix, prompt (the beginning of the text in the gap), input_extra (other files),
// and the fields of completions. The answer has llama-server's shape: content, stop, tokens_predicted, ….
// 400 where the vocabulary has no tokens for it.
ApiRequest infill(Fields& body, const Engine& engine);

}  // namespace ferrum::server
