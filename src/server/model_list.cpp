#include "server/model_list.h"

#include "server/adapters.h"
#include "server/anthropic/models.h"
#include "server/api/api_error.h"
#include "server/views.h"

namespace ferrum::server {

Json list_models(const ModelPool& models, std::string_view query, bool anthropic_format) {
  const Models all = models.all();
  if (all.empty()) throw ApiError(503, "loading", "", "the model is being loaded");
  const Json list = models_json(all);
  if (!anthropic_format) return list;
  std::vector<anthropic::ListedModel> listed;
  for (const Json& model : list.at("data")) listed.push_back({model.at("id"), model.at("created")});
  return anthropic::models_json(listed, query);
}

Json show_model(const ModelPool& models, const std::string& name, bool anthropic_format) {
  const AdaptedModel adapted = adapted_model(name, models);
  const ModelPool::Entry model = models.entry(adapted.model);
  if (anthropic_format) return anthropic::model_json({name, model.created});
  Json json = adapted.adapter.empty() ? model_json(model) : adapter_json(model, adapted.adapter);
  json["id"] = name;
  return json;
}

std::shared_ptr<Engine> first_engine(const ModelPool& models) {
  const std::string first = models.first();
  std::shared_ptr<Engine> engine = first.empty() ? nullptr : models.entry(first).engine;
  if (!engine) throw ApiError(503, "unavailable", "", "the model is not loaded yet");
  return engine;
}

}  // namespace ferrum::server
