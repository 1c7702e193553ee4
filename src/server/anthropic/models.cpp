#include "server/anthropic/models.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include "base/error.h"
#include "base/numbers.h"
#include "server/api/api_error.h"
#include "server/http/request_target.h"

namespace ferrum::server::anthropic {
namespace {

std::ptrdiff_t limit_in(std::string_view query) {
  constexpr int kUsual = 20;
  constexpr int kMost = 1000;
  const std::optional<std::string> text = query_value(query, "limit");
  if (!text) return kUsual;
  const std::optional<int> limit = whole_number<int>(*text);
  if (!limit || *limit < 1 || *limit > kMost)
    refuse("limit", "limit must be a number from 1 to {}, not {}", kMost, in_quotes(*text));
  return *limit;
}

using Listed = std::vector<ListedModel>::const_iterator;
std::optional<Listed> named_in_query(const std::vector<ListedModel>& models, std::string_view query,
                                     const char* parameter) {
  const std::optional<std::string> name = query_value(query, parameter);
  if (!name) return std::nullopt;
  const auto named = std::ranges::find(models, *name, &ListedModel::name);
  if (named == models.end()) refuse(parameter, "{} names no model: {}", parameter, in_quotes(*name));
  return named;
}

}  // namespace

Json model_json(const ListedModel& model) {
  return {{"type", "model"},
          {"id", model.name},
          {"display_name", model.name},
          {"created_at",
           fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(model.created)))}};
}

Json models_json(const std::vector<ListedModel>& models, std::string_view query) {
  const std::ptrdiff_t limit = limit_in(query);
  const auto after = named_in_query(models, query, "after_id");
  const auto before = named_in_query(models, query, "before_id");
  auto first = after ? *after + 1 : models.begin();
  auto last = before ? *before : models.end();
  last = std::max(first, last);
  const bool has_more = last - first > limit;
  if (has_more && before && !after)
    first = last - limit;
  else if (has_more)
    last = first + limit;
  Json data = Json::array();
  for (auto model = first; model != last; ++model) data.push_back(model_json(*model));
  const Json first_id = data.empty() ? Json() : data.front().at("id");
  const Json last_id = data.empty() ? Json() : data.back().at("id");
  return {{"data", std::move(data)}, {"has_more", has_more}, {"first_id", first_id}, {"last_id", last_id}};
}

}  // namespace ferrum::server::anthropic
