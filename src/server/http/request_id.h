// Request ids for the logs of clients, proxies and this server.
#pragma once
#include <string>
#include <string_view>

namespace ferrum::server {

// The client's id if it consists of 1 to 128 letters, digits and - _ . : / + = @, else a new one ("req_" and
// 24 random hexadecimal digits). Ids identify requests in logs and are not secret.
std::string request_id(std::string_view from_client);

}  // namespace ferrum::server
