// The list of models in Anthropic's shape, for clients that send an anthropic-version header.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "server/api/json.h"

namespace ferrum::server::anthropic {

struct ListedModel {
  std::string name;
  int64_t created = 0;  // Unix time, seconds
};

// {"type": "model", "id", "display_name", "created_at"}
Json model_json(const ListedModel& model);
// {"data": [those], "has_more": false, "first_id", "last_id"}
Json models_json(const std::vector<ListedModel>& models);

}  // namespace ferrum::server::anthropic
