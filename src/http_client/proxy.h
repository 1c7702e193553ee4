// Selects the proxy for a request from the environment variables http_proxy, https_proxy, all_proxy and
// no_proxy, in small or capital letters.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http_client/endpoint.h"

namespace ferrum::http_client {

struct Proxy {
  std::string host;
  std::string port;
  std::string authorization;  // of the Proxy-Authorization header; empty: none
};

struct ProxySettings {
  std::string http;   // for http://: "http://[USER:PASSWORD@]HOST[:PORT]"; empty: none
  std::string https;  // for https://
  std::string none;   // hosts that are asked directly: "localhost,.example.com", or "*"
};

// `variable` gives an environment variable's value, or nothing. HTTP_PROXY in capitals is not read: a web
// server would set it from a request's header.
ProxySettings proxy_settings(const std::function<std::optional<std::string>(const char*)>& variable);

// Error kBadArgument for a proxy that is no http:// address (SOCKS and TLS to the proxy are not spoken).
std::optional<Proxy> proxy_for(const Endpoint& endpoint, const ProxySettings& settings);

}  // namespace ferrum::http_client
