// Server addresses and URLs.
#pragma once
#include <string>
#include <string_view>

namespace ferrum::http_client {

struct Endpoint {
  enum class Transport { kTcp, kTls, kUnix };
  Transport transport = Transport::kTcp;
  std::string host;       // a name or an address, without brackets; of kUnix the socket's path
  std::string port;       // "8000"; of kUnix empty
  std::string base;       // what every path begins with: "/v1", or nothing
  std::string authority;  // the Host header: "localhost:8000", "[::1]:8000"

  std::string url(std::string_view path) const;     // of a path below the base, for messages
  std::string target(std::string_view path) const;  // the same as a request line has it
};

// http://HOST[:PORT][/BASE], https://…, unix:PATH or http+unix:PATH; without a scheme, http. A path is the
// whole base, and none is `default_base`. Error kBadArgument naming the text.
Endpoint parse_endpoint(std::string_view url, std::string_view default_base = "");

// An absolute URL, e.g. the target of a redirect.
struct Url {
  Endpoint endpoint;   // without a base
  std::string target;  // "/a/b?c=d"
};
// An absolute http:// or https:// URL (RFC 3986); a fragment does not count. Error kBadArgument.
Url parse_url(std::string_view url);

}  // namespace ferrum::http_client
