// The target of a request's first line (RFC 9112, section 3.2).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ferrum::server {

struct RequestTarget {
  // Percent-decoded, without empty segments, dot segments and a trailing slash, so that one resource has one
  // spelling: "//v1/./models/" is "/v1/models". A slash that was encoded stays part of its segment's name.
  std::string path;
  std::string query;      // as it was sent, without the question mark
  std::string authority;  // "example.org:8000", of the absolute form alone; replaces the Host header
};

// Reads the origin form ("/v1/models?limit=2"), the absolute form ("http://example.org/v1/models"), and for
// OPTIONS the asterisk form ("*"). Returns nothing for any other target.
std::optional<RequestTarget> parse_target(std::string_view method, std::string_view target);

// The percent-decoded value of a query's parameter, the first one of this name.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace ferrum::server
