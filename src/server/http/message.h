// HTTP requests and responses, as handlers see them.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ferrum::server {

struct HttpRequest {
  std::string id;      // X-Request-Id: the client's or a new one
  std::string method;  // "GET"
  std::string path;    // decoded and in its canonical spelling (request_target.h): "/v1/models/a b"
  std::string query;
  std::map<std::string, std::string> headers;  // names in lower case; of repeated lines the last
  std::string body;

  std::optional<std::string_view> header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  HttpHeaders headers;  // additional headers
};

}  // namespace ferrum::server
