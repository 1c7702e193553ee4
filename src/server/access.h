// Who may call: keys, the origins of web pages, and the host names by which the server is reached.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "server/http/message.h"

namespace ferrum::server {

class Access {
 public:
  struct Options {
    std::vector<std::string> keys;
    std::vector<std::string> origins;  // "https://app.example", or "*"
    std::vector<std::string> hosts;    // names of a reverse proxy: "llm.example", or "*"
    bool loopback = false;             // the server listens at a loopback address only
  };
  // Throws Error kBadArgument for an empty key, and for a host that is no name.
  explicit Access(Options options);

  // Throws ApiError 403 for a Host header by which the server is not reached, and for the Origin of a web
  // page that is neither allowed nor the server's own. On loopback, Host must be a name of loopback or an
  // allowed one: a web page can make its own name resolve to 127.0.0.1 (DNS rebinding). Elsewhere any Host
  // will do, unless names are allowed: then it must be one of these, or an address.
  void check_origin(const HttpRequest& request) const;
  // Throws ApiError 401 unless one of the request's keys is known: `Authorization: Bearer KEY`, `X-Api-Key:
  // KEY` or `Api-Key: KEY`. A comparison takes the same time whatever the key.
  void check_key(const HttpRequest& request) const;
  // The headers of Cross-Origin Resource Sharing for the response to this request. None of them allows
  // credentials: browsers send no cookies, and keys only where the page knows them.
  HttpHeaders cors_headers(const HttpRequest& request) const;

 private:
  bool allows_host(std::string_view host) const;
  bool allows_origin(std::string_view origin) const;

  Options options_;
};

}  // namespace ferrum::server
