#include "server/api/json.h"

#include "base/error.h"
#include "server/api/api_error.h"

namespace ferrum::server {
namespace {

constexpr JsonLimits kLimits = {.max_bytes = size_t{64} << 20, .max_keys = 100'000, .max_depth = 128};

}  // namespace

Json parse_body(std::string_view body) {
  try {
    return parse_json(body, "the request's body", kLimits);
  } catch (const Error& e) {
    throw ApiError(400, "invalid_json", "", e.what());
  }
}

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string ordered_text(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::string json_string(std::string_view text) { return to_text(Json(std::string(text))); }

}  // namespace ferrum::server
