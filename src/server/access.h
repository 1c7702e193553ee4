// Who may call: keys, the origins of web pages, and the names under which a server on loopback is asked.
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
    std::vector<std::string> origins;
    bool loopback = false;  // listens at a loopback address only
  };
  // Error kBadArgument for an empty key.
  explicit Access(Options options);

  // ApiError 403: a page of an origin that is not allowed; or, on loopback, a Host that is not this machine
  // (a web page that had its name resolve to 127.0.0.1).
  void check_origin(const HttpRequest& request) const;
  // ApiError 401 without a key of ours: Authorization: Bearer …, or x-api-key. Takes the same time for every
  // key.
  void check_key(const HttpRequest& request) const;
  // Of Cross-Origin Resource Sharing, for an answer to this request.
  HttpHeaders cors_headers(const HttpRequest& request) const;

 private:
  bool allows(std::string_view origin) const;

  Options options_;
};

}  // namespace ferrum::server
