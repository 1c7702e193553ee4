// OpenAI's API: requests from JSON, responses to JSON. The shapes are those of its published description
// (openapi.yaml); docs/serving.md names the extensions.
#pragma once
#include "server/api/api_request.h"
#include "server/api/fields.h"

namespace ferrum::server::openai {

// /v1/chat/completions and /v1/completions. `engine` runs the model that `model_of` names. Throws ApiError.
ApiRequest chat_completion(Fields& body, const Engine& engine);
ApiRequest completion(Fields& body, const Engine& engine);

}  // namespace ferrum::server::openai
