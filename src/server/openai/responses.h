// POST /v1/responses and its related routes.
#pragma once
#include <memory>

#include "server/api/api_request.h"
#include "server/openai/background_responses.h"
#include "server/openai/response_store.h"

namespace ferrum::server::openai {

struct KeptResponses {
  std::shared_ptr<ResponseStore> store;
  BackgroundResponses background;
};

// `engine` runs the model that `model_of` names. The response is stored unless the request declines that.
// `kept` must outlive the request. Throws ApiError; 404 for a previous_response_id that is not in the store.
ApiRequest response(Fields& body, const Engine& engine, KeptResponses& kept);

// GET /v1/responses/{id}: the response as it is now, or with the query stream=true its events, after the one
// whose sequence number is starting_after. Errors: ApiError; 404 if it is not in the store.
Reply kept_response(const std::string& id, std::string_view query, KeptResponses& kept);

// POST /v1/responses/{id}/cancel: the response, as JSON. Throws ApiError: 404, or 400 for a response that was
// not created in the background.
std::string cancelled_response(const std::string& id, KeptResponses& kept);

// DELETE /v1/responses/{id}: what is answered. One that is running is cancelled. Throws ApiError 404.
Json delete_response(const std::string& id, KeptResponses& kept);

// GET /v1/responses/{id}/input_items: a page of a list, by the query's `order` (desc, or asc), `after` and
// `limit`. Throws ApiError: 404, or 400 for a value of these.
Json input_items(const std::string& id, std::string_view query, const KeptResponses& kept);

// POST /v1/responses/input_tokens
Json response_input_tokens(Fields& body, const Engine& engine, ResponseStore& store);

}  // namespace ferrum::server::openai
