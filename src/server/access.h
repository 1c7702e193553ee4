// Access control: API keys, the origins of web pages, and the server's host names.
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
    std::vector<std::string> hosts;    // host names of a reverse proxy: "llm.example", or "*"
    bool loopback = false;             // the server listens on a loopback address only
  };
  // Throws kBadArgument for an empty key, and for a host that is not a name.
  explicit Access(Options options);

  // Throws ApiError 403 for a Host header that is not the server's, and for the Origin of a web page that is
  // neither allowed nor the server's own. On loopback, Host must be a loopback name or an allowed one, since
  // a web page can make its own name resolve to 127.0.0.1 (DNS rebinding). Otherwise any Host is accepted,
  // unless names are allowed: then it must be one of these, or an address.
  void check_origin(const HttpRequest& request) const;
  // Throws ApiError 401 unless one of the request's keys is known: `Authorization: Bearer KEY`, `X-Api-Key:
  // KEY` or `Api-Key: KEY`. The comparison takes the same time for every key.
  void check_key(const HttpRequest& request) const;
  // Bodies must be uncompressed JSON: a web page may send other types without a preflight. Throws ApiError
  // 415.
  static void check_content(const HttpRequest& request);
  // The response headers of Cross-Origin Resource Sharing for this request. They never allow credentials:
  // browsers send no cookies, and a key only if the page has it.
  HttpHeaders cors_headers(const HttpRequest& request) const;

 private:
  bool allows_host(std::string_view host) const;
  bool allows_origin(std::string_view origin) const;

  Options options_;
};

}  // namespace ferrum::server
