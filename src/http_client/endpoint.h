// Server addresses and URLs.
#pragma once
#include <string>
#include <string_view>

namespace ferrum::http_client {

struct Endpoint {
  enum class Transport { kTcp, kTls, kUnix };
  Transport transport = Transport::kTcp;
  std::string host;       // a name or an address, without brackets; for kUnix the socket's path
  std::string port;       // "8000"; empty for kUnix
  std::string base;       // the prefix of every path: "/v1", or empty
  std::string authority;  // the Host header: "localhost:8000", "[::1]:8000"

  std::string url(std::string_view path) const;     // of a path below the base, for messages
  std::string target(std::string_view path) const;  // of a path below the base, in a request line
};

// Parses http://HOST[:PORT][/BASE], https://…, unix:PATH or http+unix:PATH; the default scheme is http. A
// path in the URL replaces `default_base`. Throws kBadArgument naming the text.
Endpoint parse_endpoint(std::string_view url, std::string_view default_base = "");

// An absolute URL, e.g. the target of a redirect.
struct Url {
  Endpoint endpoint;   // without a base
  std::string target;  // "/a/b?c=d"
};
// Parses an absolute http:// or https:// URL (RFC 3986), ignoring a fragment. Throws kBadArgument.
Url parse_url(std::string_view url);

}  // namespace ferrum::http_client
