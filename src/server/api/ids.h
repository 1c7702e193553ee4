// Identifiers and times of the objects that the server creates.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace ferrum::server {

// `prefix` ("chatcmpl-") and 24 random letters and digits.
std::string new_id(std::string_view prefix);
int64_t now();  // Unix time, seconds

}  // namespace ferrum::server
