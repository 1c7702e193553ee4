// What tools that ran at another server found. It stands in the assistant's own turn, behind the call.
#pragma once
#include <string>
#include <string_view>

#include "server/api/fields.h"

namespace ferrum::server::anthropic {

bool is_server_call(std::string_view type);    // a block that calls such a tool
bool is_server_result(std::string_view type);  // a block with what it found

// The text of such a result. What is encrypted for the server that found it is left out.
std::string text_of_server_result(Fields& block);

}  // namespace ferrum::server::anthropic
