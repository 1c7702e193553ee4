// Requests made to a server before the measurement.
#pragma once
#include <string>
#include <vector>

#include "loadgen/openai.h"

namespace ferrum::http_client {
class HttpServerAddress;
}

namespace ferrum::loadgen {

using http_client::HttpServerAddress;

// The first model that the server lists. Throws kIo naming the URL and the server's error.
std::string first_model(const HttpServerAddress& server);

// Requests one token. Drops from `options` the non-standard fields that the server refuses by name, and
// returns their names. Throws kIo naming the URL and the server's error.
std::vector<std::string> agree_on_fields(const HttpServerAddress& server, RequestOptions& options);

}  // namespace ferrum::loadgen
