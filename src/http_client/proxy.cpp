#include "http_client/proxy.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/error.h"

namespace ferrum::http_client {
namespace {

std::string base64(const std::string& bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // includes a terminating NUL
  out.resize(static_cast<size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                 reinterpret_cast<const unsigned char*>(bytes.data()),
                                                 static_cast<int>(bytes.size()))));
  return out;
}

// "example.com" and ".example.com" both mean the host and all its subdomains.
bool is_listed(const std::string& host, std::string_view list) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string entry = to_lower(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    std::erase(entry, ' ');
    if (entry == "*") return true;
    if (entry.starts_with('.')) entry.erase(0, 1);
    if (entry.empty()) continue;
    if (host == entry || (host.size() > entry.size() && host.ends_with("." + entry))) return true;
  }
  return false;
}

}  // namespace

ProxySettings proxy_settings(const std::function<std::optional<std::string>(const char*)>& variable) {
  const auto first = [&](std::initializer_list<const char*> names) -> std::string {
    for (const char* name : names)
      if (const auto value = variable(name); value && !value->empty()) return *value;
    return {};
  };
  return {.http = first({"http_proxy", "all_proxy", "ALL_PROXY"}),
          .https = first({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}),
          .none = first({"no_proxy", "NO_PROXY"})};
}

std::optional<Proxy> proxy_for(const Endpoint& endpoint, const ProxySettings& settings) {
  if (endpoint.transport == Endpoint::Transport::kUnix) return std::nullopt;
  const std::string& url = endpoint.transport == Endpoint::Transport::kTls ? settings.https : settings.http;
  if (url.empty() || is_listed(to_lower(endpoint.host), settings.none)) return std::nullopt;
  std::string address = url;
  Proxy proxy;
  const size_t scheme = address.find("://");
  const size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  if (const size_t at = address.rfind('@'); at != std::string::npos && at > begin) {
    proxy.authorization = "Basic " + base64(address.substr(begin, at - begin));
    address.erase(begin, at + 1 - begin);
  }
  const Endpoint parsed = parse_endpoint(address);
  if (parsed.transport != Endpoint::Transport::kTcp)
    fail(ErrorCode::kBadArgument, "the proxy {} is not an http:// address, and no other kind is supported",
         in_quotes(address));
  proxy.host = parsed.host;
  proxy.port = parsed.port;
  return proxy;
}

}  // namespace ferrum::http_client
