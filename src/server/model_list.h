// /v1/models and /v1/models/{name}.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "server/api/json.h"
#include "server/model_pool.h"

namespace ferrum::server {

// In Anthropic's format, of which `query` may ask for a page, or in OpenAI's. Throws ApiError 503 while the
// first model is being loaded.
Json list_models(const ModelPool& models, std::string_view query, bool anthropic_format);

// Of a model, an alias, or "model:adapter". Throws ApiError 404.
Json show_model(const ModelPool& models, const std::string& name, bool anthropic_format);

// The model for requests without a model name. Throws ApiError 503 while it is not loaded.
std::shared_ptr<Engine> first_engine(const ModelPool& models);

}  // namespace ferrum::server
