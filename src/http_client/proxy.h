// Selects the proxy for a request from the environment variables http_proxy, https_proxy, all_proxy and
// no_proxy, in lower or upper case.
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
  std::string authorization;  // for the Proxy-Authorization header; empty: none
};

struct ProxySettings {
  std::string http;   // for http:// URLs: "http://[USER:PASSWORD@]HOST[:PORT]"; empty: none
  std::string https;  // for https:// URLs
  std::string none;   // hosts without a proxy: "localhost,.example.com", or "*"
};

// `variable` looks up an environment variable. HTTP_PROXY in upper case is ignored, since a CGI server sets
// it from a request's header.
ProxySettings proxy_settings(const std::function<std::optional<std::string>(const char*)>& variable);

// Throws kBadArgument for a proxy that is not an http:// address, such as SOCKS or TLS to the proxy.
std::optional<Proxy> proxy_for(const Endpoint& endpoint, const ProxySettings& settings);

}  // namespace ferrum::http_client
