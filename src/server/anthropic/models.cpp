#include "server/anthropic/models.h"

#include <fmt/chrono.h>

namespace ferrum::server::anthropic {

Json model_json(const ListedModel& model) {
  return {{"type", "model"},
          {"id", model.name},
          {"display_name", model.name},
          {"created_at",
           fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(model.created)))}};
}

Json models_json(const std::vector<ListedModel>& models) {
  Json data = Json::array();
  for (const ListedModel& model : models) data.push_back(model_json(model));
  const auto name_or_null = [&](size_t index) { return models.empty() ? Json() : Json(models[index].name); };
  return {{"data", std::move(data)},
          {"has_more", false},
          {"first_id", name_or_null(0)},
          {"last_id", name_or_null(models.size() - 1)}};
}

}  // namespace ferrum::server::anthropic
