// Lines that a client puts into its system texts for the server and not for the model. Claude Code writes
// "x-anthropic-billing-header: …" with a random number in each request, and no prefix of a prompt that had it
// would be found in the cache. Routers carry them into requests of the other APIs.
#pragma once
#include <string>
#include <string_view>

#include "server/api/json.h"

namespace ferrum::server {

// The text without lines that begin with "x-anthropic-".
std::string without_client_lines(std::string_view text);

// The same for a message's content, a string or an array of parts, each of which begins a new line. Parts of
// which nothing is left are dropped; what is no text stays as it is.
Json without_client_lines(const Json& content);

// Whether the content had such lines and no other text.
bool has_client_lines_only(const Json& content);

}  // namespace ferrum::server
