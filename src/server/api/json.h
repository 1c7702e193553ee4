// JSON in and out at the server's edge.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json.h"

namespace ferrum::server {

// 400 with the position for what is no JSON, broken UTF-8, duplicate keys, or beyond the bounds.
Json parse_body(std::string_view body);

// Bytes that are no UTF-8 (a token may hold half a character) become U+FFFD.
std::string to_text(const Json& json);
// The same of a text, in quotation marks.
std::string json_string(std::string_view text);

}  // namespace ferrum::server
