// The server's reports about itself and its models.
#pragma once
#include <string>
#include <vector>

#include "server/api/json.h"
#include "server/model_pool.h"

namespace ferrum::server {

using Models = std::vector<ModelPool::Entry>;

// An entry of /v1/models in OpenAI's format; "context_length" only while the model is loaded.
Json model_json(const ModelPool::Entry& model);
// The model's name with one of its adapters: "model:adapter".
std::string adapted_name(const std::string& model, const std::string& adapter);
// That of one of its adapters, with "parent" and "adapter".
Json adapter_json(const ModelPool::Entry& model, const std::string& adapter);
// /v1/models: each model, each of its aliases as an entry of its own with "alias_of", and each of its
// adapters.
Json models_json(const Models& models);

// {"status": "ok"}, or why this server should not get requests: "loading", "draining", or "stuck" with the
// model and how long its step has taken. For load balancers, and for supervisors that restart a server that
// hangs.
Json health_json(const Models& models, bool draining);

// Each model's facts, the sampling that requests get which ask for none, and the memory that it takes.
Json props_json(const Models& models);

}  // namespace ferrum::server
