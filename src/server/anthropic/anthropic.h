// Anthropic's Messages API: requests from JSON, responses to JSON. The shapes are those of its public
// documentation (docs.anthropic.com, version 2023-06-01); docs/serving.md names the extensions.
#pragma once
#include "server/api/api_request.h"
#include "server/http/message.h"

namespace ferrum::server::anthropic {

// POST /v1/messages. `engine` runs the model that `model_of` names. Throws ApiError.
ApiRequest message(Fields& body, const Engine& engine);

// POST /v1/messages/count_tokens: {"input_tokens": …}
Json count_tokens(Fields& body, const Engine& engine);

// {"type": "error", "error": {"type", "message"}}, with the status and headers of the other APIs' errors.
HttpResponse error_response(const ApiError& error);

}  // namespace ferrum::server::anthropic
