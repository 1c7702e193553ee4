// The list of models in Anthropic's shape, for clients that send an anthropic-version header.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/json.h"

namespace ferrum::server::anthropic {

struct ListedModel {
  std::string name;
  int64_t created = 0;  // Unix time, seconds
};

// {"type": "model", "id", "display_name", "created_at"}
Json model_json(const ListedModel& model);
// A page of the list: {"data": [those], "has_more", "first_id", "last_id"}. The query has `limit` (1 to 1000,
// 20 by default) and the name that the page follows (after_id) or precedes (before_id). Throws ApiError.
Json models_json(const std::vector<ListedModel>& models, std::string_view query);

}  // namespace ferrum::server::anthropic
