// JSON of requests and responses.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json.h"

namespace ferrum::server {

// 400 with the position of malformed JSON or UTF-8, of duplicate keys, and where a bound is exceeded.
Json parse_body(std::string_view body);

// Bytes that are not UTF-8 (a token may be part of a character) become U+FFFD.
std::string to_text(const Json& json);
std::string ordered_text(const OrderedJson& json);
// A string in quotation marks, with the same replacement.
std::string json_string(std::string_view text);

}  // namespace ferrum::server
