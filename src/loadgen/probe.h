// What a server is asked before it is measured.
#pragma once
#include <string>
#include <vector>

#include "loadgen/openai.h"

namespace ferrum::http_client {
class HttpServerAddress;
}

namespace ferrum::loadgen {

using http_client::HttpServerAddress;

// The first model that the server lists. Error kIo naming the URL and what the server said.
std::string first_model(const HttpServerAddress& server);

// Asks for one token. Fields beside OpenAI's own that the server refuses by their name are left out of
// `options`; returned are the names of those. Error kIo naming the URL and what the server said.
std::vector<std::string> agree_on_fields(const HttpServerAddress& server, RequestOptions& options);

}  // namespace ferrum::loadgen
