// The target of a request's first line (RFC 9112, section 3.2).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ferrum::server {

struct RequestTarget {
  // Percent-decoded, without empty segments, dot segments and a trailing slash, so that each resource has one
  // spelling: "//v1/./models/" is "/v1/models". An encoded slash stays part of its segment.
  std::string path;
  std::string query;      // as sent, without the question mark
  std::string authority;  // "example.org:8000"; absolute form only; replaces the Host header
};

// Parses the origin form ("/v1/models?limit=2"), the absolute form ("http://example.org/v1/models"), and for
// OPTIONS the asterisk form ("*"). Returns nullopt for any other target.
std::optional<RequestTarget> parse_target(std::string_view method, std::string_view target);

// The percent-decoded value of a query's parameter, the first one of this name.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace ferrum::server
