// Names and times of what the server makes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace ferrum::server {

// The prefix ("chatcmpl-") and 24 random letters and digits.
std::string new_id(std::string_view prefix);
int64_t now();  // Unix time, seconds

}  // namespace ferrum::server
