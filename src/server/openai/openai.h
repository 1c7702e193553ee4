// OpenAI's API: requests from JSON, answers to JSON. The shapes are those of its published description
// (openapi.yaml); what goes beyond them is named in docs/serving.md.
#pragma once
#include "server/api/api_request.h"
#include "server/api/fields.h"

namespace ferrum::server::openai {

// messages, how the prompt ends, and the options of the chat template.
ChatPrompt chat_prompt(Fields& body, const Engine& engine);

// /v1/chat/completions and /v1/completions. The engine is the one that `model_of` names. Errors: ApiError.
ApiRequest chat_completion(Fields& body, const Engine& engine);
ApiRequest completion(Fields& body, const Engine& engine);

}  // namespace ferrum::server::openai
