// What the server says of itself and its models.
#pragma once
#include <vector>

#include "server/api/json.h"
#include "server/model_pool.h"

namespace ferrum::server {

using Models = std::vector<ModelPool::Entry>;

// As /v1/models has it, in OpenAI's shape and with the context's length where the model is loaded.
Json model_json(const ModelPool::Entry& model);
Json models_json(const Models& models);

// {"status": "ok"}, or why it makes no sense to send requests here: "loading", "draining", or "stuck" with
// the model and how long its step has taken. For those who deal requests out, and those who restart what
// hangs.
Json health_json(const Models& models, bool draining);

// What each model is and takes.
Json props_json(const Models& models);

}  // namespace ferrum::server
