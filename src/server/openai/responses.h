// POST /v1/responses, and what belongs to it.
#pragma once
#include <memory>

#include "server/api/api_request.h"
#include "server/openai/response_store.h"

namespace ferrum::server::openai {

// The engine is the one that `model_of` names. What is answered is put into the store, unless the request
// says not to. Errors: ApiError; 404 for a previous_response_id that is not in the store.
ApiRequest response(Fields& body, const Engine& engine, const std::shared_ptr<ResponseStore>& store);

// POST /v1/responses/input_tokens
Json response_input_tokens(Fields& body, const Engine& engine, ResponseStore& store);

}  // namespace ferrum::server::openai
