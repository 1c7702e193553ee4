#include "server/routes.h"

#include "base/ascii.h"
#include "base/error.h"
#include "server/api/api_error.h"

namespace ferrum::server {

std::optional<std::string_view> named_in(std::string_view path, std::string_view pattern) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return path == pattern ? std::optional(path) : std::nullopt;
  const std::string_view before = pattern.substr(0, star);
  const std::string_view after = pattern.substr(star + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
    return std::nullopt;
  return path.substr(before.size(), path.size() - before.size() - after.size());
}

std::string name_in(const HttpRequest& request, const char* pattern) {
  return std::string(named_in(request.path, pattern).value_or(""));
}

RouteMatch Routes::match(std::string_view method, std::string_view path) const {
  if (method == "HEAD") method = "GET";
  RouteMatch match;
  for (const Route& route : routes_) {
    if (!named_in(path, route.path)) continue;
    match.path = route.path;
    if (method == route.method) {
      match.route = &route;
      return match;
    }
    match.methods += std::string(match.methods.empty() ? "" : ", ") + route.method;
    if (route.method == std::string_view("GET")) match.methods += ", HEAD";
  }
  return match;
}

RouteMatch Routes::match(HttpRequest& request) const {
  constexpr std::string_view kVersion = "/v1";
  std::vector<std::string> spellings = {request.path, std::string(kVersion) + request.path};
  if (request.path.starts_with("/v1/")) spellings.push_back(request.path.substr(kVersion.size()));
  for (std::string& path : spellings)
    if (RouteMatch found = match(request.method, path); found.path != kNoRoute) {
      request.path = std::move(path);
      return found;
    }
  return {};
}

const Route& Routes::route_of(const HttpRequest& request, const RouteMatch& match, Responder& out) const {
  if (match.route) return *match.route;
  if (!match.methods.empty()) {
    out.add_headers({{"Allow", match.methods + ", OPTIONS"}});
    throw ApiError(
        405, "method_not_allowed", "",
        in_quotes(request.path) + " takes " + match.methods + ", not " + in_quotes(request.method));
  }
  throw ApiError(404, "not_found", "", "there is nothing at " + in_quotes(request.path) + hint_for(request));
}

std::string Routes::hint_for(const HttpRequest& request) const {
  HttpRequest lower = {.method = request.method, .path = to_lower(request.path)};
  if (match(lower).path != kNoRoute) return "; paths are case-sensitive: " + in_quotes(lower.path);
  if (request.path == "/v1") return "; it is the base URL of OpenAI's API, as in /v1/chat/completions";
  if (const size_t version = lower.path.find("/v1/"); version != std::string::npos && version > 0) {
    HttpRequest suffix = {.method = request.method, .path = lower.path.substr(version)};
    if (match(suffix).path != kNoRoute) return "; it is at " + in_quotes(suffix.path);
  }
  if (lower.path.starts_with("/api/"))
    return "; this server has OpenAI's API, as in /v1/chat/completions, and Anthropic's at /v1/messages";
  return "";
}

}  // namespace ferrum::server
