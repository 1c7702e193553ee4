#include "server/views.h"

namespace ferrum::server {

Json model_json(const ModelPool::Entry& model) {
  Json json = {{"id", model.name}, {"object", "model"}, {"created", model.created}, {"owned_by", "ferrum"}};
  if (model.engine) json["context_length"] = model.engine->info().context;
  return json;
}

Json models_json(const Models& models) {
  Json data = Json::array();
  for (const ModelPool::Entry& model : models) {
    data.push_back(model_json(model));
    for (const std::string& alias : model.aliases) {
      Json json = model_json(model);
      json["id"] = alias;
      json["alias_of"] = model.name;
      data.push_back(std::move(json));
    }
  }
  return {{"object", "list"}, {"data", std::move(data)}};
}

Json health_json(const Models& models, bool draining) {
  for (const ModelPool::Entry& model : models) {
    if (!model.engine) continue;
    if (const EngineStats stats = model.engine->stats(); stats.stalled)
      return {{"status", "stuck"}, {"model", model.name}, {"seconds_in_step", stats.seconds_in_step}};
  }
  return {{"status", draining ? "draining" : models.empty() ? "loading" : "ok"}};
}

Json props_json(const Models& models) {
  Json all = Json::array();
  for (const ModelPool::Entry& model : models) {
    Json json = {{"id", model.name},
                 {"aliases", model.aliases},
                 {"state", model.engine    ? "loaded"
                           : model.loading ? "loading"
                                           : "unloaded"}};
    if (model.engine) {
      const ModelInfo& info = model.engine->info();
      const MemoryPlan& memory = model.engine->memory();
      json.update({{"name", info.name},
                   {"architecture", info.architecture},
                   {"format", info.format},
                   {"parameters", info.parameters},
                   {"context_length", info.context},
                   {"chat_template", info.has_chat_template},
                   {"reasons", info.reasons},
                   {"memory",
                    {{"weights_bytes", memory.weights},
                     {"kv_bytes", memory.kv},
                     {"kv_tokens", memory.tokens},
                     {"activations_bytes", memory.activations}}}});
    }
    all.push_back(std::move(json));
  }
  return all;
}

}  // namespace ferrum::server
