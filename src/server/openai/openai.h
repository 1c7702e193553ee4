// OpenAI's API: requests from JSON, answers to JSON. The shapes are those of its published description
// (openapi.yaml); what goes beyond them is named in docs/serving.md.
#pragma once
#include "server/api/api_request.h"
#include "server/api/fields.h"

namespace ferrum::server::openai {

// messages and chat_template_kwargs.
ChatPrompt chat_prompt(Fields& body);

// /v1/chat/completions and /v1/completions. The engine is the one that `model_of` names. Errors: ApiError.
ApiRequest chat_completion(Fields& body, const Engine& engine);
ApiRequest completion(Fields& body, const Engine& engine);

}  // namespace ferrum::server::openai
