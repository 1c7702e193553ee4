#include "server/access.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>

#include "base/ascii.h"
#include "base/error.h"
#include "server/api/api_error.h"

namespace ferrum::server {
namespace {

constexpr const char* kAny = "*";

// "Example.org.:8000" -> "example.org", "[::1]:8000" -> "[::1]"
std::string host_of(std::string_view authority) {
  const size_t bracket = authority.find(']');
  const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string host = to_lower(authority.substr(0, colon));
  if (host.ends_with('.')) host.pop_back();
  return host;
}

std::optional<uint32_t> ipv4(const std::string& host) {
  in_addr address = {};
  if (inet_pton(AF_INET, host.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

// Does not match 127.0.0.1.example.org, which is a name that anybody may own.
bool is_loopback(const std::string& host) {
  const std::optional<uint32_t> address = ipv4(host);
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
         (address && *address >> 24 == 127);
}

bool is_address(const std::string& host) { return host.starts_with('[') || ipv4(host); }

std::string allowed_host(const std::string& name) {
  if (name == kAny) return name;
  const std::string host = host_of(name);
  if (host.empty() || host.find_first_of("/@ \t*") != std::string::npos ||
      name.find("://") != std::string::npos)
    fail(ErrorCode::kBadArgument, "the allowed host {} must be a name such as llm.example", in_quotes(name));
  return host;
}

// "https://a.example:443" -> "a.example": browsers omit a scheme's default port, some proxies add it.
std::string without_default_port(std::string_view authority, std::string_view scheme) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  return to_lower(authority);
}

bool is_own(std::string_view origin, std::string_view host) {
  const size_t end = origin.find("://");
  if (end == std::string_view::npos || host.empty()) return false;
  const std::string_view scheme = origin.substr(0, end);
  return without_default_port(origin.substr(end + 3), scheme) == without_default_port(host, scheme);
}

// "Bearer   key" -> "key" (RFC 9110, section 11.4); empty for another scheme.
std::string_view bearer_key(std::string_view authorization) {
  const size_t end = authorization.find_first_of(" \t");
  if (end == std::string_view::npos || !is_same_word(authorization.substr(0, end), "bearer")) return {};
  return trimmed(authorization.substr(end));
}

// The header names that a preflight requests; nullopt if they are not a list of names.
std::optional<std::string> requested_headers(const HttpRequest& request) {
  const auto list = request.header("access-control-request-headers");
  constexpr size_t kMaxLength = 4096;
  if (!list || list->empty() || list->size() > kMaxLength) return std::nullopt;
  const auto may_stand_in_list = [](char c) {
    return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~, ").find(c) != std::string_view::npos;
  };
  if (!std::ranges::all_of(*list, may_stand_in_list)) return std::nullopt;
  return std::string(*list);
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

bool same_key(std::string_view given, std::string_view key) {
  unsigned different = given.size() != key.size();
  for (size_t i = 0; i < given.size(); ++i)
    different |= static_cast<unsigned char>(given[i] ^ key[key.empty() ? 0 : i % key.size()]);
  return different == 0;
}

}  // namespace

Access::Access(Options options) : options_(std::move(options)) {
  if (contains(options_.keys, ""))
    fail(ErrorCode::kBadArgument, "an API key is empty: every request would match it");
  for (std::string& host : options_.hosts) host = allowed_host(host);
}

bool Access::allows_host(std::string_view authority) const {
  if (authority.empty() || contains(options_.hosts, kAny)) return true;
  const std::string host = host_of(authority);
  if (is_loopback(host) || contains(options_.hosts, host)) return true;
  return !options_.loopback && (options_.hosts.empty() || is_address(host));
}

bool Access::allows_origin(std::string_view origin) const {
  return contains(options_.origins, kAny) || contains(options_.origins, origin);
}

void Access::check_origin(const HttpRequest& request) const {
  const std::string_view host = request.header("host").value_or("");
  if (!allows_host(host))
    throw ApiError(403, "forbidden_host", "",
                   "this server does not serve the host " + in_quotes(host) + "; see --allowed-host");
  const auto origin = request.header("origin");
  if (!origin || allows_origin(*origin) || is_own(*origin, host)) return;
  throw ApiError(403, "forbidden_origin", "",
                 "web pages of " + in_quotes(*origin) + " may not call this server; see --allowed-origin");
}

void Access::check_key(const HttpRequest& request) const {
  if (options_.keys.empty()) return;
  const std::string_view given[] = {bearer_key(request.header("authorization").value_or("")),
                                    trimmed(request.header("x-api-key").value_or("")),
                                    trimmed(request.header("api-key").value_or(""))};
  bool known = false;
  bool any = false;
  for (const std::string_view key_given : given) {
    any |= !key_given.empty();
    for (const std::string& key : options_.keys) known |= same_key(key_given, key);
  }
  if (!known)
    throw ApiError(
        401, "invalid_api_key", "",
        any ? "the API key is not known" : "this server requires an API key (Authorization: Bearer KEY)");
}

void Access::check_content(const HttpRequest& request) {
  const std::string_view encoding = request.header("content-encoding").value_or("identity");
  if (encoding != "identity")
    throw ApiError(
        415, "unsupported_media_type", "",
        "bodies must not be encoded, but this one has the Content-Encoding " + in_quotes(encoding));
  const std::string_view type = request.header("content-type").value_or("application/json");
  if (!is_same_word(type.substr(0, type.find_first_of("; ")), "application/json"))
    throw ApiError(415, "unsupported_media_type", "",
                   "bodies must have the Content-Type application/json, not " + in_quotes(type));
}

HttpHeaders Access::cors_headers(const HttpRequest& request) const {
  const auto origin = request.header("origin");
  if (!origin || !allows_origin(*origin)) return {};
  HttpHeaders headers = {{"Access-Control-Allow-Origin",
                          contains(options_.origins, *origin) ? std::string(*origin) : std::string(kAny)},
                         // In browsers from before 2020 the wildcard does not stand for all headers.
                         {"Access-Control-Expose-Headers", "X-Request-Id, Request-Id, Retry-After, *"}};
  if (request.method != "OPTIONS") {
    headers.emplace_back("Vary", "Origin");
    return headers;
  }
  headers.emplace_back("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE, OPTIONS");
  headers.emplace_back("Access-Control-Allow-Headers",
                       requested_headers(request).value_or("Authorization, Content-Type"));
  headers.emplace_back("Access-Control-Max-Age", "600");
  // A public web page may call a server on a private network or on this machine only if the server agrees.
  if (request.header("access-control-request-private-network") == "true")
    headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  headers.emplace_back("Vary",
                       "Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network");
  return headers;
}

}  // namespace ferrum::server
