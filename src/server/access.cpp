#include "server/access.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/error.h"
#include "server/api/api_error.h"

namespace ferrum::server {
namespace {

// "example.org:8000" -> "example.org", "[::1]:8000" -> "[::1]"
std::string_view host_of(std::string_view authority) {
  const size_t bracket = authority.find(']');
  const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return authority.substr(0, colon);
}

// 127.x.y.z, and not 127.0.0.1.example.org, which anybody may own.
bool is_loopback_address(const std::string& host) {
  in_addr address = {};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool is_loopback(std::string_view authority) {
  std::string host = to_lower(host_of(authority));
  if (host.ends_with('.')) host.pop_back();
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" || is_loopback_address(host);
}

bool same_key(std::string_view given, std::string_view key) {
  unsigned different = given.size() != key.size();
  for (size_t i = 0; i < given.size(); ++i)
    different |= static_cast<unsigned char>(given[i] ^ key[key.empty() ? 0 : i % key.size()]);
  return different == 0;
}

}  // namespace

Access::Access(Options options) : options_(std::move(options)) {
  if (std::ranges::any_of(options_.keys, &std::string::empty))
    fail(ErrorCode::kBadArgument, "an empty API key: everybody has that");
}

bool Access::allows(std::string_view origin) const {
  const std::vector<std::string>& all = options_.origins;
  return std::find(all.begin(), all.end(), "*") != all.end() ||
         std::find(all.begin(), all.end(), origin) != all.end();
}

void Access::check_origin(const HttpRequest& request) const {
  const std::string_view host = request.header("host").value_or("");
  if (options_.loopback && !host.empty() && !is_loopback(host))
    throw ApiError(403, "forbidden_host", "",
                   "this server is for this machine, not for the host " + in_quotes(host));
  const auto origin = request.header("origin");
  if (!origin || allows(*origin)) return;
  // Our own page's origin is our own host.
  const size_t scheme = origin->find("://");
  if (scheme != std::string_view::npos && origin->substr(scheme + 3) == host) return;
  throw ApiError(403, "forbidden_origin", "",
                 "pages of " + in_quotes(*origin) + " may not call; see --allowed-origin");
}

void Access::check_key(const HttpRequest& request) const {
  if (options_.keys.empty()) return;
  std::string_view given = request.header("x-api-key").value_or("");
  constexpr std::string_view kBearer = "Bearer ";
  if (const auto authorization = request.header("authorization");
      authorization && is_same_word(authorization->substr(0, kBearer.size()), kBearer))
    given = authorization->substr(kBearer.size());
  bool known = false;
  for (const std::string& key : options_.keys) known |= same_key(given, key);
  if (!known)
    throw ApiError(401, "invalid_api_key", "",
                   given.empty() ? "this server asks for an API key (Authorization: Bearer …)"
                                 : "this API key is not known");
}

HttpHeaders Access::cors_headers(const HttpRequest& request) const {
  const auto origin = request.header("origin");
  if (!origin || !allows(*origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(*origin)},
          {"Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS"},
          {"Access-Control-Allow-Headers",
           "Authorization, Content-Type, X-Api-Key, Anthropic-Version, OpenAI-Beta, "
           "OpenAI-Organization, OpenAI-Project, X-Stainless-Arch, X-Stainless-Lang, "
           "X-Stainless-Os, X-Stainless-Package-Version, X-Stainless-Retry-Count, "
           "X-Stainless-Runtime, X-Stainless-Runtime-Version, X-Stainless-Timeout"},
          {"Access-Control-Max-Age", "600"},
          {"Vary", "Origin"}};
}

}  // namespace ferrum::server
